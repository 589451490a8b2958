#include "switchyard/expression/program.h"

#include <re2/re2.h>

#include "checker.h"
#include "code.h"
#include "generator.h"
#include "machine.h"
#include "parser.h"

namespace switchyard::expression {
namespace {

/// Temporaries of ordinary expressions live on the stack.
constexpr size_t kTemporariesOnStack = 32;

Parsed parse(std::string_view text, Mistakes& mistakes) {
  auto data = std::make_shared<Ast::Data>();
  data->text = text;
  Parsed parsed;
  parsed.ast = Parser(std::move(data), mistakes).run();
  return parsed;
}

}  // namespace

Program::Data::Data(Ast tree) : ast(std::move(tree)) {}
Code::Code() = default;
Code::~Code() = default;

Parsed parse_only(std::string_view text) {
  Mistakes mistakes(text);
  Parsed parsed = parse(text, mistakes);
  if (!mistakes.empty()) parsed.ast.reset();
  parsed.mistakes = mistakes.take();
  return parsed;
}

Compiled compile(std::string_view text, const Environment& environment, const CompileOptions& options) {
  Compiled out;
  Mistakes mistakes(text);
  const Parsed parsed = parse(text, mistakes);
  if (parsed.ast.has_value() && mistakes.empty()) {
    auto data = std::make_shared<Program::Data>(*parsed.ast);
    const Checked checked = Checker(*parsed.ast, environment, options, mistakes).run();
    if (mistakes.empty()) {
      Folded folded(parsed.ast->node_count());
      Generator generator(data->ast, checked, folded, data->arena, mistakes, data->code);
      generator.run(data->ast.root());
      data->constant = generator.fold(data->ast.root());
    }
    data->hints = std::make_unique<std::atomic<uint32_t>[]>(data->code.hints);
    data->result_type = checked.result;
    data->used_slots = checked.slots;
    data->read_paths = checked.paths;
    data->when_true = checked.when_true;
    data->when_false = checked.when_false;
    data->cost_limit = options.cost_limit;
    if (mistakes.empty()) out.program = Program(std::move(data));
  }
  out.mistakes = mistakes.take();
  return out;
}

Result<Value> Program::evaluate(std::span<const Value> slots, Arena& arena, EvalBudget budget) const {
  const Data& data = *data_;
  SY_CHECK(slots.size() >= data.code.slots_needed);
  // Not initialised: every temporary is written before it is read.
  alignas(Value) std::byte on_stack[kTemporariesOnStack * sizeof(Value)];
  Value* temporaries = data.code.temporaries <= kTemporariesOnStack
                           ? reinterpret_cast<Value*>(on_stack)
                           : arena.allocate<Value>(data.code.temporaries);
  Machine machine(data.code, data.hints.get(), slots.data(), temporaries, arena,
                  budget.cost_limit != 0 ? budget.cost_limit : data.cost_limit);
  Value result;
  if (machine.run(result)) return result;
  const Fault& fault = machine.fault();
  const Origin& origin = data.code.origins[fault.at];
  return to_error(fault, data.ast.text(), origin.span, origin.name);
}

const Facts& Program::proves(bool outcome) const { return outcome ? data_->when_true : data_->when_false; }
const Type& Program::result_type() const { return data_->result_type; }
const std::string& Program::text() const { return data_->ast.text(); }
const Ast& Program::ast() const { return data_->ast; }
const std::vector<SlotIndex>& Program::used_slots() const { return data_->used_slots; }
const std::vector<std::string>& Program::read_paths() const { return data_->read_paths; }
std::optional<Value> Program::constant() const { return data_->constant; }
size_t Program::instruction_count() const { return data_->code.instructions.size(); }

}  // namespace switchyard::expression
