#include <set>

#include "switchyard/workflow/interpreter.h"

namespace switchyard::workflow {

namespace {

/// The step of the root block in which a step stands.
StepIndex root_step(const Pipeline& pipeline, StepIndex step) {
  for (;;) {
    const Block& block = pipeline.blocks[pipeline.steps[step.value].block.value];
    if (!block.owner.has_value()) return step;
    step = *block.owner;
  }
}

}  // namespace

Result<std::vector<KeptResult>> kept_results(const RunState& run, std::string_view from) {
  const Pipeline& pipeline = *run.pipeline;
  const Step* first = pipeline.find_step(from);
  if (first == nullptr) {
    return make_error(ErrorKind::kUnprocessable, "run.unknown_step",
                      "the pipeline " + pipeline.full_name() + " has no step '" + std::string(from) +
                          "' to restart from; name one of its own steps",
                      "from");
  }
  std::set<uint16_t> anew;
  std::vector<uint16_t> open{first->index.value};
  // What was undone has to be done again.
  for (const Compensation& entry : run.compensations)
    if (entry.begun) open.push_back(root_step(pipeline, entry.step).value);
  while (!open.empty()) {
    const uint16_t step = open.back();
    open.pop_back();
    if (!anew.insert(step).second) continue;
    for (const StepIndex dependent : pipeline.steps[step].dependents) open.push_back(dependent.value);
  }
  std::vector<KeptResult> kept;
  // A step is recorded after those it needs: as often as that brings something new.
  std::set<uint16_t> placed;
  for (bool more = true; more;) {
    more = false;
    for (uint16_t i = 0; i < pipeline.blocks[0].count; ++i) {
      const StepState& state = run.root.steps[i];
      const bool settled = state.status == StepStatus::kCompleted || state.status == StepStatus::kSkipped;
      if (!settled || anew.contains(i) || placed.contains(i)) continue;
      bool can_be = true;
      for (const StepIndex need : pipeline.steps[i].needs) can_be &= placed.contains(need.value);
      if (!can_be) continue;
      placed.insert(i);
      more = true;
      kept.push_back({StepIndex(i), state.status == StepStatus::kSkipped, state.result});
    }
  }
  return kept;
}

}  // namespace switchyard::workflow
