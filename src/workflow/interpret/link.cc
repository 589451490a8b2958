#include <algorithm>

#include "switchyard/workflow/pipeline.h"

namespace switchyard::workflow {
namespace {

bool reads_run(const expression::Program& program) {
  const auto& used = program.used_slots();
  return std::any_of(used.begin(), used.end(), [](expression::SlotIndex slot) { return slot.value == kSlotRun; });
}
bool reads_run(const std::optional<expression::Program>& program) { return program.has_value() && reads_run(*program); }
bool reads_run(const Template& text) {
  if (const auto* program = std::get_if<expression::Program>(&text.node)) return reads_run(*program);
  if (const auto* fields = std::get_if<std::vector<Template::Field>>(&text.node)) {
    return std::any_of(fields->begin(), fields->end(), [](const auto& field) { return reads_run(field.value); });
  }
  if (const auto* items = std::get_if<std::vector<Template>>(&text.node)) {
    return std::any_of(items->begin(), items->end(), [](const Template& item) { return reads_run(item); });
  }
  return false;
}
bool reads_run(const std::optional<Template>& text) { return text.has_value() && reads_run(*text); }

struct ReadsRun {
  bool operator()(const SetSpec& s) const { return reads_run(s.value); }
  bool operator()(const FailSpec& s) const { return reads_run(s.message); }
  bool operator()(const RulesSpec& s) const { return reads_run(s.facts); }
  bool operator()(const ModelSpec& s) const { return reads_run(s.input); }
  bool operator()(const TriageSpec& s) const {
    if (reads_run(s.score)) return true;
    if (!s.costs.has_value()) return false;
    for (const auto& row : s.costs->matrix)
      for (const auto& program : row)
        if (reads_run(program)) return true;
    return reads_run(s.costs->review_cost) || reads_run(s.costs->review_delay_cost);
  }
  bool operator()(const ReviewSpec& s) const {
    for (const auto& [name, program] : s.show)
      if (reads_run(program)) return true;
    return reads_run(s.title) || reads_run(s.breach_answer);
  }
  bool operator()(const HttpSpec& s) const {
    for (const auto& [name, program] : s.headers)
      if (reads_run(program)) return true;
    for (const auto& [name, program] : s.query)
      if (reads_run(program)) return true;
    return reads_run(s.url) || reads_run(s.body);
  }
  bool operator()(const WaitSpec& s) const { return reads_run(s.until) || reads_run(s.for_expression); }
};

}  // namespace

void link(Pipeline& pipeline) {
  pipeline.uses_run = reads_run(pipeline.output);
  for (Step& step : pipeline.steps) step.dependents.clear();
  for (const Step& step : pipeline.steps) {
    pipeline.uses_run |= reads_run(step.when) || reads_run(step.on_error.value) || std::visit(ReadsRun{}, step.spec);
    for (const StepIndex need : step.needs) pipeline.steps[need.value].dependents.push_back(step.index);
  }
}

}  // namespace switchyard::workflow
