#pragma once

#include <cstddef>
#include <cstdint>

// Limits that others tell their users of.
namespace switchyard::workflow {

inline constexpr size_t kMaxSignalBytes = 256u << 10;       ///< of one payload, in binary form
inline constexpr size_t kMaxPendingSignals = 256;           ///< of a run that no step has taken
inline constexpr size_t kMaxPendingSignalBytes = 1u << 20;  ///< of their payloads
inline constexpr size_t kMaxQueries = 32;                   ///< of one pipeline
inline constexpr size_t kMaxMigrationReasons = 16;          ///< told of one run

}  // namespace switchyard::workflow
