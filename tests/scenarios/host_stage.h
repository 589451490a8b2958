#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "host.h"
#include "switchyard/log/memory_log.h"
#include "switchyard/rehearsal/stage.h"
#include "switchyard/testing/manual_clock.h"

namespace switchyard::scenarios {

enum class Kills : uint8_t { kNone, kAfterEachTurn };

/// A node with `partitions` real partition hosts on logs in memory, all in the caller's thread. With kills
/// the process dies after each turn and a new one folds the logs from their beginning.
std::unique_ptr<rehearsal::Stage> host_stage(std::shared_ptr<const workflow::Catalog> catalog, uint64_t seed,
                                             uint32_t partitions, Kills kills);

}  // namespace switchyard::scenarios
