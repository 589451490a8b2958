#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace switchyard::sim {

/// Defects that are built into the simulator's fakes on demand: what it must find. tests/negative lists them.
enum class Plant : uint8_t {
  kNone,
  kLyingDisk,         ///< syncs succeed and do nothing
  kEarlyAnswer,       ///< the log says durable when it was only handed the batch
  kForgottenKeys,     ///< the store loses idempotency keys
  kLostWrites,        ///< the store loses some records of runs
  kForgottenSignals,  ///< the store loses the keys of signals
  kTwoClaims,         ///< the store forgets that a review is claimed
  kLostReply,         ///< an answer now and then goes nowhere
  kLostCursors,       ///< the store loses how far another partition's events were taken over
  kLyingLine,         ///< the line between partitions says that an event was taken over, and drops it
  kDeafSwitches,      ///< the engine never hears of a kill switch
  kLostArchive,       ///< a file of the archive is gone
  kChance,            ///< something that is no function of the seed
  kCanary,            ///< every seed fails
};
std::string_view plant_name(Plant plant);
std::optional<Plant> parse_plant(std::string_view name);

}  // namespace switchyard::sim
