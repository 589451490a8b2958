#include <functional>

#include "switchyard/workflow/pipeline.h"

namespace switchyard::workflow {
namespace {

using Visit = std::function<void(const expression::Program&)>;

void visit(const std::optional<expression::Program>& program, const Visit& f) {
  if (program.has_value()) f(*program);
}
void visit(const Template& text, const Visit& f) {
  if (const auto* program = std::get_if<expression::Program>(&text.node)) {
    f(*program);
  } else if (const auto* fields = std::get_if<std::vector<Template::Field>>(&text.node)) {
    for (const auto& field : *fields) visit(field.value, f);
  } else if (const auto* items = std::get_if<std::vector<Template>>(&text.node)) {
    for (const Template& item : *items) visit(item, f);
  }
}
void visit(const std::optional<Template>& text, const Visit& f) {
  if (text.has_value()) visit(*text, f);
}

struct SpecVisitor {
  const Visit& f;
  void operator()(const SetSpec& s) const { visit(s.value, f); }
  void operator()(const FailSpec& s) const { visit(s.message, f); }
  void operator()(const RulesSpec& s) const { visit(s.facts, f); }
  void operator()(const ModelSpec& s) const { visit(s.input, f); }
  void operator()(const TriageSpec& s) const {
    f(s.score);
    if (!s.costs.has_value()) return;
    for (const auto& row : s.costs->matrix)
      for (const auto& program : row) f(program);
    visit(s.costs->review_cost, f);
    visit(s.costs->review_delay_cost, f);
  }
  void operator()(const ReviewSpec& s) const {
    for (const auto& [name, program] : s.show) f(program);
    visit(s.title, f);
    visit(s.breach_answer, f);
  }
  void operator()(const HttpSpec& s) const {
    f(s.url);
    for (const auto& [name, program] : s.headers) f(program);
    for (const auto& [name, program] : s.query) f(program);
    visit(s.body, f);
  }
  void operator()(const WaitSpec& s) const {
    visit(s.until, f);
    visit(s.for_expression, f);
  }
};

void visit_step(const Step& step, const Visit& f) {
  visit(step.when, f);
  visit(step.on_error.value, f);
  std::visit(SpecVisitor{f}, step.spec);
}

}  // namespace

void link(Pipeline& pipeline) {
  pipeline.uses_run = false;
  const Visit note_run = [&pipeline](const expression::Program& program) {
    for (const expression::SlotIndex slot : program.used_slots()) pipeline.uses_run |= slot.value == kSlotRun;
  };
  visit(pipeline.output, note_run);
  for (Step& step : pipeline.steps) step.dependents.clear();
  for (const Step& step : pipeline.steps) {
    visit_step(step, note_run);
    for (const StepIndex need : step.needs) pipeline.steps[need.value].dependents.push_back(step.index);
  }
}

void collect_reads(const Step& step, std::set<std::string>& paths) {
  visit_step(step, [&paths](const expression::Program& program) {
    paths.insert(program.read_paths().begin(), program.read_paths().end());
  });
}

}  // namespace switchyard::workflow
