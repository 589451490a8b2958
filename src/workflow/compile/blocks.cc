#include "blocks.h"

#include <algorithm>

#include "common_fields.h"
#include "names.h"
#include "template.h"

namespace switchyard::workflow::compiler {

using expression::Type;
using expression::TypeKind;

/// The blocks of one step, for its kind.
class BlocksCompiler::StepBlocks final : public BlockCompiler {
 public:
  StepBlocks(BlocksCompiler& all, uint16_t draft) : all_(all), draft_(draft) {}
  const Block* compile(const BlockRequest& request) override {
    const auto& blocks = all_.drafts_[draft_].blocks;
    return request.nth < blocks.size() ? all_.compile_nested(blocks[request.nth], request) : nullptr;
  }
  size_t count() const override { return all_.drafts_[draft_].blocks.size(); }
  bool always_fails(const Block& block) const override {
    const auto first = all_.pipeline_.steps.begin() + block.first.value;
    return std::any_of(first, first + block.count, [](const Step& step) {
      return step.kind == StepKind::kFail && !step.when.has_value();
    });
  }

 private:
  BlocksCompiler& all_;
  const uint16_t draft_;
};

std::vector<Context::Name> BlocksCompiler::names_of(const Block& block) const {
  std::vector<Context::Name> names;
  for (uint16_t i = 0; i < block.count; ++i) {
    const StepIndex index(static_cast<uint16_t>(block.first.value + i));
    // A name that stands twice in a mapping was refused by the parser; in a sequence it is refused here.
    const std::string& name = drafts_[index.value].name;
    const bool known = std::any_of(names.begin(), names.end(),
                                   [&](const Context::Name& other) { return other.name == name; });
    if (!known) names.push_back({name, slot_of(index), Type::error(), index});
  }
  return names;
}

/// False when a name of the block hides one that is visible: nothing is opened then.
bool BlocksCompiler::open_scope(const Block& block, const BlockRequest& request) {
  std::vector<Context::Name> names = names_of(block);
  bool fits = true;
  const auto refuse = [&](const Place& place, const std::string& name, const std::string& mend) {
    context_.error(place, "pipeline.hidden_name", "'" + name + "' would hide what has that name already",
                   mend);
    fits = false;
  };
  if (names.size() != block.count) {
    for (uint16_t i = 0; i < block.count; ++i) {
      const uint16_t own = block.first.value + i;
      for (uint16_t j = 0; j < i; ++j) {
        if (drafts_[block.first.value + j].name == drafts_[own].name)
          refuse(drafts_[own].place, drafts_[own].name, "give the step another name");
      }
    }
  }
  for (const Context::Name& name : names) {
    if (context_.is_visible(name.name))
      refuse(drafts_[name.step->value].place, name.name, "give the step another name");
  }
  const auto declare = [&](const std::string& name, uint32_t slot, const Type& type) {
    const bool taken = context_.is_visible(name) ||
                       std::any_of(names.begin(), names.end(),
                                   [&](const Context::Name& other) { return other.name == name; });
    if (taken)
      refuse(request.value_place, name, "name the value with `as`: as: <another name>");
    else
      names.push_back({name, slot, type, std::nullopt});
  };
  if (!request.value_name.empty()) {
    const auto slot = static_cast<uint32_t>(kSlotSteps + drafts_.size() + 2 * block.index.value);
    declare(request.value_name, slot, request.value_type);
    if (request.has_index) declare(request.value_name + "_index", slot + 1, Type::integer());
    Block& own = pipeline_.blocks[block.index.value];
    own.value_name = request.value_name;
    own.value_slot = slot;
    if (request.has_index) own.index_slot = slot + 1;
  }
  if (fits) context_.push_scope(names);
  return fits;
}

const Block* BlocksCompiler::compile_nested(BlockIndex index, const BlockRequest& request) {
  const Block& block = pipeline_.blocks[index.value];
  if (!open_scope(block, request)) return nullptr;
  if (context_.collecting()) {
    for (uint16_t i = 0; i < block.count; ++i) compile_step(static_cast<uint16_t>(block.first.value + i));
  } else {
    compile_block(index);
  }
  compile_output(index, request.default_output);
  if (request.inside) request.inside();
  context_.pop_scope();
  return context_.collecting() ? nullptr : &pipeline_.blocks[index.value];
}

void BlocksCompiler::compile() {
  compile_block(BlockIndex(0));
  compile_finally();
}

void BlocksCompiler::compile_block(BlockIndex index) {
  const Block block = pipeline_.blocks[index.value];
  Needs needs(block.count);
  for (uint16_t i = 0; i < block.count; ++i) {
    std::set<uint16_t> read;
    context_.begin_collect(&read);
    compile_step(static_cast<uint16_t>(block.first.value + i));
    context_.end_collect();
    read_steps_.insert(read.begin(), read.end());
    for (const uint16_t step : read)
      if (block.holds(StepIndex(step))) needs[i].insert(static_cast<uint16_t>(step - block.first.value));
    if (block_places_[index.value].in_order && i > 0) needs[i].insert(static_cast<uint16_t>(i - 1));
  }
  const Order order = order_steps(needs);
  for (const auto& cycle : order.cycles) report_cycle(cycle, block.first.value);
  for (const uint16_t i : order.steps) {
    compile_step(static_cast<uint16_t>(block.first.value + i));
    Step& step = pipeline_.steps[block.first.value + i];
    step.block = index;
    for (const uint16_t need : needs[i])
      step.needs.push_back(StepIndex(static_cast<uint16_t>(block.first.value + need)));
    const bool wrap = step.may_be_absent && !step.result_type.is_error();
    context_.set_step_type(step.index, wrap ? Type::optional(step.result_type) : step.result_type);
  }
}

void BlocksCompiler::compile_output(BlockIndex index, bool default_output) {
  const auto& place = block_places_[index.value].output;
  Block& block = pipeline_.blocks[index.value];
  block.output.reset();
  block.output_type = Type::null();
  if (place.has_value()) {
    if (!context_.collecting()) {
      std::set<uint16_t>* const before = context_.swap_collect(&read_steps_);
      compile_template(context_, *place, nullptr, "`output`");
      context_.swap_collect(before);
    }
    auto output = compile_template(context_, *place, nullptr, "`output`");
    block.output_type = Type::error();
    if (!output.has_value()) return;
    if (output->type.is(TypeKind::kOptional))
      return report_type(context_, *place, output->type, output->type.element(), "`output`");
    block.output_type = output->type;
    block.output = std::move(*output);
    return;
  }
  if (!default_output || context_.collecting()) return;
  std::vector<Template::Field> fields;
  std::vector<expression::Field> types;
  for (uint16_t i = 0; i < block.count; ++i) {
    const Step& step = pipeline_.steps[block.first.value + i];
    read_steps_.insert(step.index.value);
    if (step.kind == StepKind::kFail) continue;
    auto program = context_.read_of(step.name);
    if (!program.has_value()) continue;
    types.push_back({step.name, step.result_type, !step.may_be_absent});
    const Type type = program->result_type();
    fields.push_back({step.name, Template{std::move(*program), type}});
  }
  block.output_type = Type::object(std::move(types));
  block.output = Template{std::move(fields), block.output_type};
}

void BlocksCompiler::compile_compensation(uint16_t index, Step& step) {
  const auto& compensation = drafts_[index].compensation;
  if (!compensation.has_value()) return;
  step.compensation = compensation;
  BlockRequest request;
  if (context_.collecting()) {
    // It may read the result of the very step it undoes.
    std::set<uint16_t> read;
    std::set<uint16_t>* const outer = context_.swap_collect(&read);
    compile_nested(*compensation, request);
    context_.swap_collect(outer);
    read.erase(index);
    outer->insert(read.begin(), read.end());
    return;
  }
  context_.set_step_type(step.index, step.result_type);
  compile_nested(*compensation, request);
}

void BlocksCompiler::compile_finally() {
  if (!pipeline_.finally.has_value()) return;
  BlockRequest request;
  request.value_name = "outcome";
  request.value_type = Type::object({{"status", Type::string()},
                                     {"error",
                                      Type::object({{"kind", Type::string()},
                                                    {"code", Type::string()},
                                                    {"message", Type::string()},
                                                    {"field", Type::string()}}),
                                      false}});
  const Block& block = pipeline_.blocks[pipeline_.finally->value];
  request.value_place = block.count > 0 ? drafts_[block.first.value].place : Place{};
  // What the steps gave is not known to be there.
  context_.push_scope({}, true);
  compile_nested(*pipeline_.finally, request);
  context_.pop_scope();
}

void BlocksCompiler::compile_step(uint16_t index) {
  Step step;
  step.index = StepIndex(index);
  step.name = drafts_[index].name;
  step.result_type = Type::error();
  if (const KindInfo* kind = drafts_[index].kind; kind != nullptr) {
    step.kind = kind->kind;
    const auto before = context_.set_current_step(step.index);
    const expression::Facts given = context_.given();
    Fields fields(context_, drafts_[index].place, "the step '" + step.name + "'");
    StepBlocks blocks(*this, index);
    bool complete = read_common_fields(context_, fields, *kind, step);
    StepInput in{context_, fields, *fields.find(kind->word), step, blocks};
    complete &= kind->compile(in);
    if (!context_.collecting()) step.blocks = drafts_[index].blocks;
    complete &= read_on_error(context_, fields, *kind, step, pipeline_.steps);
    if (fields.find("compensate").has_value()) compile_compensation(index, step);
    fields.finish();
    // Whatever is left out without a word would run as something else.
    SY_CHECK(complete || context_.collecting() || context_.reporter().errors() > 0);
    context_.set_current_step(before);
    context_.swap_given(given);
  }
  pipeline_.steps[index] = std::move(step);
}

void BlocksCompiler::report_cycle(const std::vector<uint16_t>& cycle, uint16_t first) {
  const auto draft = [&](uint16_t step) -> const Draft& { return drafts_[first + step]; };
  std::string path;
  for (const uint16_t step : cycle) path += draft(step).name + " -> ";
  path += draft(cycle[0]).name;
  context_.error(draft(cycle[0]).place, "pipeline.cycle",
                 cycle.size() == 1 ? "the step '" + draft(cycle[0]).name + "' needs its own result"
                                   : "these steps wait for each other: " + path,
                 "remove one of these references, or an `after`");
}

}  // namespace switchyard::workflow::compiler
