#pragma once

#include <cstddef>
#include <cstdint>

namespace switchyard::document {

/// Text of one document.
inline constexpr size_t kMaxTextBytes = 2u << 20;
/// Levels of lists and mappings.
inline constexpr uint32_t kMaxDepth = 64;
/// Nodes of one document, those that aliases expand to included.
inline constexpr uint32_t kMaxNodes = 200'000;
/// Duplicate keys and other mistakes that do not end the parse.
inline constexpr size_t kMaxDiagnostics = 100;

}  // namespace switchyard::document
