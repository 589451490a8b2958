#pragma once

#include <set>
#include <vector>

#include "context.h"
#include "switchyard/workflow/pipeline.h"

namespace switchyard::workflow::compiler {

/// Warns of what is allowed and hardly meant: results that nobody reads, a time-out that the deadline cuts
/// short, a run that always fails. `places[i]` is where step i stands; `read` holds the steps that somebody
/// reads or waits for.
void lint(Context& context, const Pipeline& pipeline, const std::vector<Place>& places,
          const std::set<uint16_t>& read);

}  // namespace switchyard::workflow::compiler
