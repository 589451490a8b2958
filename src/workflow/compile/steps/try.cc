// try: { steps, output }, catch: [ { on, when, as, steps, output } ], finally: { steps }: failures are dealt
// with.
#include <algorithm>

#include "../../limits.h"
#include "../names.h"
#include "containers.h"
#include "steps.h"

namespace switchyard::workflow::compiler {
namespace {

using document::Node;
using expression::Type;

bool is_code_pattern(std::string_view text) {
  if (text == "*") return true;
  if (text.ends_with(".*")) text.remove_suffix(2);
  return is_code(text);
}

bool read_codes(Context& context, const Place& place, std::vector<std::string>& codes) {
  const auto read_one = [&](const Place& at) {
    const auto text = read_text(context, at, "`on`");
    if (!text.has_value()) return false;
    if (is_code_pattern(*text)) {
      codes.push_back(*text);
      return true;
    }
    context.error(at, "pipeline.bad_name", "'" + *text + "' is no error code",
                  "write a code, or the beginning of codes: step.timeout, http.*");
    return false;
  };
  if (!place.node->is(Node::Kind::kSequence)) return read_one(place);
  bool complete = true;
  for (size_t i = 0; i < place.node->items.size(); ++i) complete &= read_one(place.item(i));
  return complete;
}

/// Compiles the clauses; each takes the next of the step's blocks.
class Clauses {
 public:
  Clauses(StepInput& in, Type& result) : in_(in), result_(result) {}

  bool read(const Place& list, TrySpec& spec) {
    if (!list.node->is(Node::Kind::kSequence) || list.node->items.empty()) {
      in_.context.error(list, "pipeline.bad_catch",
                        "`catch` must be a list of clauses, and this is " + list.node->describe(),
                        "write catch: [ { on: [http.*], steps: { ... } } ]");
      return false;
    }
    bool complete = true;
    for (size_t i = 0; i < list.node->items.size(); ++i) complete &= read_clause(list.item(i), spec);
    return complete;
  }

  size_t next_block = 1;

 private:
  bool read_clause(const Place& place, TrySpec& spec) {
    Fields fields(in_.context, place, "a clause of `catch`");
    const auto on = fields.find("on");
    const auto when = fields.find("when");
    fields.find("output");
    StepInput named{in_.context, fields, place, in_.step, in_.blocks};
    const std::string name = read_variable(named, "error");
    const auto steps = fields.require("steps", "say what is done then: steps: { <name>: { ... } }");
    fields.finish();
    TrySpec::Catch clause;
    bool complete = !on.has_value() || read_codes(in_.context, *on, clause.codes);
    if (!steps.has_value()) return false;
    BlockRequest request;
    request.nth = next_block++;
    request.value_name = name;
    request.value_type = error_type();
    request.value_place = place;
    request.default_output = true;
    request.inside = [&] {
      if (when.has_value()) clause.when = in_.context.expression(*when, Type::boolean(), "`when`");
    };
    const Block* block = in_.blocks.compile(request);
    if (block == nullptr || (when.has_value() && !clause.when.has_value()) || !complete) return false;
    clause.block = block->index;
    if (!in_.blocks.always_fails(*block) &&
        !join_results(in_.context, place, result_, block->output_type, "this clause's result"))
      return false;
    spec.clauses.push_back(std::move(clause));
    return true;
  }

  StepInput& in_;
  Type& result_;
};

}  // namespace

bool compile_try(StepInput& in) {
  Fields fields(in.context, in.place, "`try`");
  const auto steps = fields.require("steps", "say what is tried: try: { steps: { <name>: { ... } } }");
  fields.find("output");
  fields.finish();
  const auto catches = in.fields.find("catch");
  const auto finally = in.fields.find("finally");
  if (!catches.has_value() && !finally.has_value()) {
    in.context.error(in.place, "pipeline.bad_try", "`try` has neither `catch` nor `finally`",
                     "add catch: [ { steps: { ... } } ]");
  }
  if (!steps.has_value()) return false;
  BlockRequest request;
  request.default_output = true;
  const Block* body = in.blocks.compile(request);
  Type result = body != nullptr ? body->output_type : Type::error();
  bool complete = body != nullptr && (catches.has_value() || finally.has_value());
  TrySpec spec;
  Clauses clauses(in, result);
  if (catches.has_value()) complete &= clauses.read(*catches, spec);
  if (finally.has_value()) {
    Fields last(in.context, *finally, "`finally`");
    const auto inner = last.require("steps", "write finally: { steps: { <name>: { ... } } }");
    last.finish();
    BlockRequest cleanup;
    cleanup.nth = clauses.next_block;
    const Block* block = inner.has_value() ? in.blocks.compile(cleanup) : nullptr;
    complete &= block != nullptr;
    if (block != nullptr) spec.finally = block->index;
  }
  if (!complete) return false;
  in.step.result_type = result;
  in.step.spec = std::move(spec);
  return true;
}

}  // namespace switchyard::workflow::compiler
