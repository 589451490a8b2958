#pragma once

#include <string_view>

#include "switchyard/base/result.h"
#include "switchyard/schedule/schedule.h"

namespace switchyard::schedule {

/// The sets of a cron expression; errors as parse_cron() has them, but for the zone's.
Result<Cron::Sets> read_cron(std::string_view text);

}  // namespace switchyard::schedule
