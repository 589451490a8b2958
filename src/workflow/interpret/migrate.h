#pragma once

#include <cstdint>
#include <vector>

#include "switchyard/workflow/migrate.h"

// What finding obstacles and migrating share.
namespace switchyard::workflow {

inline constexpr uint32_t kNoSlot = 0xffffffff;
/// Where each slot of one version is in the other; kNoSlot: nowhere.
std::vector<uint32_t> map_slots(const Pipeline& from, const Pipeline& to, const VersionMap& map);

}  // namespace switchyard::workflow
