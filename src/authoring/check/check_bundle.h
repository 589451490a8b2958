#pragma once

#include "switchyard/authoring/check.h"

namespace switchyard::authoring {

/// check() of files that are compiled already.
CheckReport check_bundle(const CheckRequest& request, const governance::BundleOutcome& bundle);

}  // namespace switchyard::authoring
