#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "switchyard/base/result.h"
#include "switchyard/base/strong_id.h"

namespace switchyard {

/// One of the independent state machines of a node.
using PartitionId = StrongId<struct PartitionIdTag, uint32_t>;
/// The ownership term of a partition's log; a higher one fences all lower ones.
using Epoch = StrongId<struct EpochTag, uint32_t>;
/// A position in a partition's log: the offset of a record is the position of its first byte.
using LogOffset = StrongId<struct LogOffsetTag, uint64_t>;
/// A position in the governance log: the number of governance events before it.
using GovernanceOffset = StrongId<struct GovernanceOffsetTag, uint64_t>;
/// The place of a step in its compiled pipeline.
using StepIndex = StrongId<struct StepIndexTag, uint16_t>;
/// The place of a block (a list of steps that run together) in its compiled pipeline; 0: the pipeline's own.
using BlockIndex = StrongId<struct BlockIndexTag, uint16_t>;

/// One instance of a step in a run: the same step stands in several frames when its block runs several times.
struct StepAddress {
  uint32_t frame = 0;  ///< 0: the pipeline's own steps
  StepIndex step;
  friend auto operator<=>(const StepAddress&, const StepAddress&) = default;
};

/// The id of a run (decision), review or other entity: a UUIDv7 (RFC 9562 section 5.7), ordered by creation
/// time.
struct RunId {
  std::array<uint8_t, 16> bytes{};

  /// `unix_ms` in the first 48 bits, the rest from `random_a`/`random_b`. The caller makes ids unique.
  static RunId make(int64_t unix_ms, uint64_t random_a, uint64_t random_b);
  /// Accepts the canonical text form in either case; kInvalidArgument "types.bad_id" otherwise.
  static Result<RunId> parse(std::string_view text);
  /// Lower-case canonical form, 36 characters.
  std::string to_string() const;
  /// The time in the id, milliseconds since the epoch.
  int64_t unix_ms() const;
  bool is_zero() const { return *this == RunId{}; }
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
  static RunId from_bytes(std::string_view sixteen) {
    SY_CHECK(sixteen.size() == 16);
    RunId id;
    std::memcpy(id.bytes.data(), sixteen.data(), 16);
    return id;
  }

  friend auto operator<=>(const RunId&, const RunId&) = default;
};

/// Of runs: 0..100, higher first.
inline constexpr int32_t kDefaultPriority = 50;

}  // namespace switchyard

template <>
struct std::hash<switchyard::RunId> {
  size_t operator()(const switchyard::RunId& id) const noexcept {
    uint64_t low;
    std::memcpy(&low, id.bytes.data() + 8, 8);
    return static_cast<size_t>(low * 0x9E3779B97F4A7C15ull);
  }
};
