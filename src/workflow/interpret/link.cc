#include <functional>
#include <set>

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
  /// `until` reads nothing of the pipeline.
  void operator()(const PanelMember& m) const {
    visit(m.ask.input, f);
    visit(m.cost, f);
  }
  void operator()(const EnsembleSpec& s) const {
    for (const PanelMember& member : s.members) (*this)(member);
  }
  void operator()(const CascadeSpec& s) const {
    for (const PanelMember& tier : s.tiers) (*this)(tier);
    visit(s.error_cost, f);
  }
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
  void operator()(const TaskSpec& s) const { visit(s.input, f); }
  void operator()(const WaitSpec& s) const {
    visit(s.until, f);
    visit(s.for_expression, f);
  }
  void operator()(const ForEachSpec& s) const {
    f(s.items);
    visit(s.item_value, f);
  }
  void operator()(const RepeatSpec& s) const {
    visit(s.from, f);
    f(s.until);
  }
  void operator()(const SequenceSpec&) const {}
  void operator()(const TrySpec& s) const {
    for (const auto& clause : s.clauses) visit(clause.when, f);
  }
  void operator()(const EmitSpec& s) const {
    visit(s.subject, f);
    visit(s.source, f);
    for (const auto& [name, program] : s.extensions) f(program);
    visit(s.data, f);
  }
  void operator()(const ListenSpec& s) const { visit(s.when, f); }
  void operator()(const StateWriteSpec& s) const { visit(s.value, f); }
  void operator()(const ChildSpec& s) const {
    visit(s.input, f);
    visit(s.key, f);
  }
};

void visit_step(const Step& step, const Visit& f) {
  visit(step.when, f);
  visit(step.on_error.value, f);
  std::visit(SpecVisitor{f}, step.spec);
}

}  // namespace

namespace {

/// Everything that is evaluated in frames of this block, or of blocks within it.
void visit_block(const Pipeline& pipeline, const Block& block, const Visit& f) {
  visit(block.output, f);
  for (uint16_t i = 0; i < block.count; ++i) {
    const Step& step = pipeline.steps[block.first.value + i];
    visit_step(step, f);
    for (const BlockIndex nested : step.blocks) visit_block(pipeline, pipeline.blocks[nested.value], f);
    if (step.compensation.has_value()) visit_block(pipeline, pipeline.blocks[step.compensation->value], f);
  }
}

/// What a compensation reads of what is around it: all of it but what it declares itself. Slots that nothing
/// outside fills are captured as null, which does no harm.
std::vector<uint32_t> captures_of(const Pipeline& pipeline, const Block& block) {
  std::set<uint32_t> slots;
  visit_block(pipeline, block, [&slots](const expression::Program& program) {
    for (const expression::SlotIndex slot : program.used_slots())
      if (slot.value >= kSlotSteps) slots.insert(slot.value);
  });
  for (uint16_t i = 0; i < block.count; ++i)
    slots.erase(slot_of(StepIndex(static_cast<uint16_t>(block.first.value + i))));
  return {slots.begin(), slots.end()};
}

}  // namespace

void link(Pipeline& pipeline) {
  pipeline.uses_run = false;
  pipeline.compensates = false;
  const Visit note_run = [&pipeline](const expression::Program& program) {
    for (const expression::SlotIndex slot : program.used_slots()) pipeline.uses_run |= slot.value == kSlotRun;
  };
  visit(pipeline.output, note_run);
  for (const Query& query : pipeline.queries) visit(query.value, note_run);
  for (Step& step : pipeline.steps) step.dependents.clear();
  for (Block& block : pipeline.blocks) {
    visit(block.output, note_run);
    if (block.role != Block::Role::kCompensation) continue;
    pipeline.compensates = true;
    block.captures = captures_of(pipeline, block);
  }
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
