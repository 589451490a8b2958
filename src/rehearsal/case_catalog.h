#pragma once

#include <memory>

#include "case.h"

namespace switchyard::rehearsal {

/// The folder's catalog as a case sees it: its agent keeps what the case says before the first event, and no
/// schedule ticks but that of the tested pipeline, where the case waits for it.
std::shared_ptr<const workflow::Catalog> case_catalog(std::shared_ptr<const workflow::Catalog> folder,
                                                      const std::shared_ptr<const workflow::Pipeline>& tested,
                                                      const Case& test);

}  // namespace switchyard::rehearsal
