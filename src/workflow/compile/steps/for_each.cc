// for_each: <list>, as, concurrency, on_item_error, steps, output: the same steps for each item.
#include "../../limits.h"
#include "../names.h"
#include "../template.h"
#include "containers.h"
#include "steps.h"

namespace switchyard::workflow::compiler {
namespace {

using document::Node;
using expression::Type;
using expression::TypeKind;

/// What one item is; nothing when there is nothing to go through.
std::optional<Type> item_type(const Type& items) {
  if (items.is_dyn() || items.is_error()) return items;
  if (items.is(TypeKind::kList)) return items.element();
  if (items.is(TypeKind::kMap)) return Type::object({{"key", items.key()}, {"value", items.element()}});
  if (items.is(TypeKind::kObject)) return Type::object({{"key", Type::string()}, {"value", Type::dyn()}});
  return std::nullopt;
}

/// fail, skip, or { value: <template> }; the template is compiled with the item in scope.
std::optional<Place> read_item_error(StepInput& in, ForEachSpec& spec) {
  const auto place = in.fields.find("on_item_error");
  if (!place.has_value()) return std::nullopt;
  if (place->node->is(Node::Kind::kMapping)) {
    Fields fields(in.context, *place, "`on_item_error`");
    auto value = fields.require("value", "write on_item_error: { value: <template> }, or skip or fail");
    fields.finish();
    spec.on_item_error = ForEachSpec::ItemError::kValue;
    return value;
  }
  if (place->node->is(Node::Kind::kString) && place->node->text == "skip") {
    spec.on_item_error = ForEachSpec::ItemError::kSkip;
  } else if (!place->node->is(Node::Kind::kString) || place->node->text != "fail") {
    in.context.error(*place, "pipeline.bad_on_error", "`on_item_error` cannot be " + place->node->describe(),
                     "write fail, skip or { value: <template> }");
  }
  return std::nullopt;
}

}  // namespace

bool compile_for_each(StepInput& in) {
  auto items = in.context.expression(in.place, std::nullopt, "`for_each`");
  std::optional<Type> item = Type::error();
  if (items.has_value()) {
    item = item_type(items->result_type());
    if (!item.has_value()) {
      const Type& given = items->result_type();
      const bool absent = given.is(TypeKind::kOptional) || given.is(TypeKind::kNullable);
      in.context.error(
          in.place, "pipeline.type",
          "`for_each` expects a list or a map, and '" + items->text() + "' is " + given.to_string(),
          absent ? "say what absence means: " + items->text() + ".orValue([])"
                 : "write an expression that gives a list");
      items.reset();
      item = Type::error();
    }
  }
  uint32_t concurrency = 1;
  if (const auto place = in.fields.find("concurrency")) {
    concurrency = static_cast<uint32_t>(
        read_integer(in.context, *place, "`concurrency`", 1, kMaxConcurrency).value_or(1));
  }
  ForEachSpec draft{items.value_or(*expression::compile("[]", {}).program)};
  draft.concurrency = concurrency;
  const auto fallback = read_item_error(in, draft);
  BlockRequest request;
  request.value_name = read_variable(in, "item");
  request.value_type = *item;
  request.value_place = in.place;
  request.has_index = true;
  Type result = Type::error();
  if (fallback.has_value()) {
    request.inside = [&] {
      draft.item_value = compile_template(in.context, *fallback, nullptr, "`on_item_error`");
    };
  }
  const Block* block = compile_only_block(in, request);
  if (block == nullptr || !items.has_value()) return false;
  result = block->output_type;
  if (draft.item_value.has_value()) {
    if (!block->output.has_value()) {
      in.context.error(*fallback, "pipeline.no_meaning", "a value for failed items needs an `output`",
                       "add output: <what each item gives>, or say on_item_error: skip");
      return false;
    }
    if (!join_results(in.context, *fallback, result, draft.item_value->type, "this value")) return false;
  } else if (draft.on_item_error == ForEachSpec::ItemError::kValue) {
    return false;
  }
  const Type failure =
      Type::object({{"index", Type::integer()}, {"code", Type::string()}, {"message", Type::string()}});
  std::vector<expression::Field> fields;
  if (block->output.has_value()) fields.push_back({"results", Type::list(result)});
  fields.push_back({"failures", Type::list(failure)});
  fields.push_back({"count", Type::integer()});
  in.step.result_type = Type::object(std::move(fields));
  in.step.spec = std::move(draft);
  return true;
}

}  // namespace switchyard::workflow::compiler
