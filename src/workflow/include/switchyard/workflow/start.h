#pragma once

#include <string>

#include "switchyard/base/arena.h"
#include "switchyard/base/result.h"
#include "switchyard/types/value.h"
#include "switchyard/workflow/pipeline.h"

namespace switchyard::workflow {

/// What a pipeline makes of an input before a run begins.
struct StartFacts {
  Value input;      ///< as validated: defaults filled in, integers made doubles where the schema says number
  std::string key;  ///< the partition key; empty when the pipeline declares none
  Value search;     ///< map: attribute → scalar or null; null when the pipeline declares none
  std::string group;  ///< the key of `concurrency`; empty when it has none
  int32_t priority = kDefaultPriority;
};

/// kUnprocessable "run.bad_input" names the member that does not fit the schema; errors of the `key`,
/// `search`, `concurrency.key` and `priority` expressions. Values live in `arena`, in `input` and in the
/// pipeline.
Result<StartFacts> start_facts(const Pipeline& pipeline, const Value& input, Arena& arena);

/// The same of group and priority alone, of an input that was validated. kUnprocessable "run.bad_priority"
/// outside 0..100; errors of the expressions.
Status start_turn(const Pipeline& pipeline, const Value& input, Arena& arena, StartFacts& facts);

}  // namespace switchyard::workflow
