#pragma once

#include <cstddef>
#include <cstdint>

namespace switchyard::privacy {

inline constexpr size_t kMaxTextBytes = 16u << 20;   ///< of one text that is looked through
inline constexpr size_t kMaxInputBytes = 64u << 20;  ///< of all texts of one call
inline constexpr size_t kMaxFindings = 100'000;      ///< of one call
inline constexpr size_t kMaxTokens = 100'000;        ///< different values of one call that come back
inline constexpr uint32_t kMaxDepth = 128;           ///< of the input
inline constexpr size_t kMaxPaths = 500;             ///< of `allow`, and of `fields`
inline constexpr size_t kMaxPathSegments = 32;
inline constexpr size_t kMaxNameBytes = 128;  ///< of one name in a path
inline constexpr size_t kMinKeyBytes = 16;
inline constexpr size_t kMaxKeyBytes = 4096;
inline constexpr size_t kWindowBytes = 48;   ///< no kind's text is longer, e-mail addresses apart
inline constexpr size_t kContextBytes = 48;  ///< before a candidate, where words may tell what it is

}  // namespace switchyard::privacy
