#include "lint.h"

#include "names.h"

namespace switchyard::workflow::compiler {
namespace {

/// Nothing but its result comes of such a step.
bool is_quiet(StepKind kind) {
  return kind == StepKind::kSet || kind == StepKind::kRules || kind == StepKind::kModel ||
         kind == StepKind::kTriage;
}

Place entry_of(const Place& place, std::string_view key) {
  for (const auto& entry : place.node->entries)
    if (entry.key == key) return place.entry(entry);
  return place;
}

}  // namespace

void lint(Context& context, const Pipeline& pipeline, const std::vector<Place>& places,
          const std::set<uint16_t>& read) {
  for (const Step& step : pipeline.steps) {
    const Place& place = places[step.index.value];
    if (is_quiet(step.kind) && !read.contains(step.index.value)) {
      context.warning(place, "pipeline.unused_step",
                      "nobody reads the result of the step '" + step.name + "', and it does nothing else",
                      "use it in another step or in the output, or remove it");
    }
    if (step.kind == StepKind::kFail && !step.when.has_value() && step.block.value == 0) {
      context.warning(place, "pipeline.always_fails",
                      "the step '" + step.name + "' ends every run with an error",
                      "add when: <the condition under which the run fails>");
    }
    if (pipeline.deadline_us != 0 && step.timeout_us > pipeline.deadline_us) {
      context.warning(entry_of(place, "timeout"), "pipeline.timeout_after_deadline",
                      "the deadline of " + duration_text(pipeline.deadline_us) +
                          " comes before this time-out of " + duration_text(step.timeout_us),
                      "shorten the time-out, or give the pipeline more time");
    }
  }
}

}  // namespace switchyard::workflow::compiler
