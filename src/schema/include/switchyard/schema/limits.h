#pragma once

#include <cstddef>
#include <cstdint>

namespace switchyard::schema {

/// Nesting of a schema document.
inline constexpr uint32_t kMaxSchemaDepth = 64;
/// Subschemas that apply to one and the same value, one inside of the other (allOf, $ref, ...). Times the
/// nesting of values, this bounds the stack.
inline constexpr uint32_t kMaxChain = 32;
/// Subschemas in one document, references counted once.
inline constexpr uint32_t kMaxSubschemas = 10000;
/// Named properties of one object schema.
inline constexpr uint32_t kMaxProperties = 1024;
/// Subschemas applied to one value with all its parts; past it the value is refused. Keeps schemas that apply
/// many alternatives at every level from taking exponential time.
inline constexpr uint32_t kMaxChecks = 4'000'000;
/// Times that filling in defaults may open the way for further ones.
inline constexpr uint32_t kMaxRounds = 4;
/// Violations reported for one value.
inline constexpr size_t kMaxViolations = 100;
/// Mistakes reported for one schema.
inline constexpr size_t kMaxDiagnostics = 200;
/// Memory of one compiled pattern.
inline constexpr int64_t kMaxPatternBytes = 1 << 20;

}  // namespace switchyard::schema
