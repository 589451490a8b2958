#pragma once

#include <string_view>
#include <vector>

#include "switchyard/workflow/panel.h"

namespace switchyard::workflow {

/// What an ensemble's answers give together: all of the result but `members`, `answered` and `missing`, added
/// to `result`. Requires an answer, and those in the order of the members.
void combine(const EnsembleSpec& spec, const std::vector<Panel::Answer>& answers, Arena& arena,
             MapBuilder& result);

}  // namespace switchyard::workflow
