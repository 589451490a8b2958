#pragma once

#include <string_view>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/types/value.h"
#include "switchyard/workflow/run.h"

// Queries: what may be asked of a run at any time, without leaving a trace.
namespace switchyard::workflow {

struct QueryAnswer {
  std::string_view name;  ///< of the pipeline
  Result<Value> value;    ///< in the arena, the run or its pipeline
};

/// Evaluates the pipeline's queries, or the one called `name`, on the run as it is; steps that have no result
/// yet are none. Each at the cost limit of an expression. kNotFound "query.unknown" lists what can be asked.
Result<std::vector<QueryAnswer>> query(const RunState& run, std::string_view name, Arena& arena);

}  // namespace switchyard::workflow
