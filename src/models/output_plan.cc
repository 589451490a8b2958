#include "output_plan.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "switchyard/base/check.h"
#include "switchyard/models/limits.h"
#include "switchyard/models/tensors.h"

namespace switchyard::models {
namespace {

using expression::Type;
using expression::TypeKind;

constexpr std::string_view kAllTensors = "tensors";

bool is_identifier(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  static constexpr std::string_view kReserved[] = {
      "true",     "false",   "null",      "in",       "as",  "break",  "const",
      "continue", "else",    "for",       "function", "if",  "import", "let",
      "loop",     "package", "namespace", "return",   "var", "void",   "while"};
  return !name.empty() && letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); }) &&
         std::find(std::begin(kReserved), std::end(kReserved), name) == std::end(kReserved);
}

Type element_type(ElementType type) {
  switch (type) {
    case ElementType::kFloat:
    case ElementType::kDouble: return Type::real();
    case ElementType::kInt32:
    case ElementType::kInt64: return Type::integer();
    case ElementType::kBool: return Type::boolean();
    case ElementType::kString: return Type::string();
  }
  check_failed("element type", __FILE__, __LINE__);
}

Type row_type(const TensorInfo& tensor) {
  Type type = element_type(tensor.type);
  for (size_t i = 1; i < tensor.shape.size(); ++i) type = Type::list(type);
  return type;
}

Value element_value(const TensorData& data, size_t element) {
  if (data.type == ElementType::kString) return Value::string(data.strings[element]);
  return number_at(data.type, {reinterpret_cast<const char*>(data.bytes.data()), data.bytes.size()}, element);
}

/// The elements from `*element` on as a value of the shape's dimensions from `depth` on; strings point into
/// `data`.
Value nested_value(const TensorData& data, size_t depth, size_t* element, Arena& arena) {
  if (depth == data.shape.size()) return element_value(data, (*element)++);
  const auto count = static_cast<size_t>(data.shape[depth]);
  Value* items = arena.allocate<Value>(count);
  for (size_t i = 0; i < count; ++i) items[i] = nested_value(data, depth + 1, element, arena);
  return Value::list({items, count});
}

Value row_value(const TensorData& data, uint32_t row, Arena& arena) {
  size_t width = 1;
  for (size_t i = 1; i < data.shape.size(); ++i) width *= static_cast<size_t>(data.shape[i]);
  size_t element = row * width;
  return nested_value(data, 1, &element, arena);
}

/// Why the value cannot be a result (results are JSON, and a score that is no number must not look like one);
/// empty when it can.
std::string unfit(const Value& value) {
  switch (value.kind()) {
    case Kind::kNull:
    case Kind::kBool:
    case Kind::kInteger:
    case Kind::kUnsigned:
    case Kind::kString: return {};
    case Kind::kDouble:
      return std::isfinite(value.as_double()) ? ""
             : std::isnan(value.as_double())  ? "is not a number"
                                              : "is infinite";
    case Kind::kList:
      for (const Value& item : value.items())
        if (auto why = unfit(item); !why.empty()) return "holds what " + why;
      return {};
    case Kind::kMap:
      for (const Member& member : value.members()) {
        if (!member.key.is(Kind::kString)) return "has a key that is no text";
        if (auto why = unfit(member.value); !why.empty()) return "holds what " + why;
      }
      return {};
    default: return "is a " + std::string(kind_name(value.kind())) + ", which JSON lacks";
  }
}

}  // namespace

Result<OutputPlan> OutputPlan::compile(const ModelManifest& manifest, const std::vector<TensorInfo>& shapes) {
  OutputPlan plan;
  plan.tensors_ = shapes;
  plan.schema_ = manifest.output_schema;
  expression::Environment environment;
  for (size_t i = 0; i < shapes.size(); ++i) {
    // Names that no expression can write keep their slot under one that none would.
    const bool usable = is_identifier(shapes[i].name) && shapes[i].name != kAllTensors;
    environment.declare(usable ? shapes[i].name : "_tensor_" + std::to_string(i), row_type(shapes[i]));
  }
  environment.declare(std::string(kAllTensors), Type::map(Type::string(), Type::dyn()));

  plan.needed_.assign(shapes.size() + 1, false);
  std::vector<expression::Field> fields;
  std::string mistakes;
  expression::CompileOptions options;
  options.cost_limit = kOutputExpressionCost;
  // The tensors are those of the loaded model: one that is not there fails the trial run of the load.
  options.prove_members = false;
  for (const auto& output : manifest.outputs) {
    auto compiled = expression::compile(output.expression, environment, options);
    for (const auto& mistake : compiled.mistakes)
      mistakes += (mistakes.empty() ? "" : "; ") + ("output '" + output.name + "': " + mistake.to_string());
    if (!compiled.ok()) continue;
    const Type type = compiled.program->result_type();
    if (type.is(TypeKind::kOptional)) {
      mistakes += (mistakes.empty() ? "" : "; ") + ("output '" + output.name +
                                                    "' may be absent: say with orValue() "
                                                    "what absence means");
      continue;
    }
    for (const auto slot : compiled.program->used_slots()) plan.needed_[slot.value] = true;
    fields.push_back({output.name, type, true});
    plan.outputs_.push_back({output.name, *std::move(compiled.program)});
  }
  if (!mistakes.empty()) {
    std::string tensors;
    for (const auto& tensor : shapes)
      tensors += (tensors.empty() ? "" : ", ") + tensor.name + " " + tensor.to_string();
    return make_error(ErrorKind::kUnprocessable, "models.bad_output_expression",
                      "the outputs of " + manifest.model.to_string() + " do not fit its tensors (" + tensors +
                          "): " + mistakes,
                      "output");
  }
  plan.type_ = Type::object(std::move(fields));
  return plan;
}

Result<Document> OutputPlan::decode(const std::vector<TensorData>& outputs, uint32_t row) const {
  SY_CHECK(outputs.size() == tensors_.size());
  Arena scratch;
  std::vector<Value> slots(tensors_.size() + 1);
  const bool all = needed_.back();
  MapBuilder map(scratch);
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (!all && !needed_[i]) continue;
    slots[i] = row_value(outputs[i], row, scratch);
    if (all) map.add(tensors_[i].name, slots[i]);
  }
  if (all) slots.back() = map.build();

  auto arena = std::make_shared<Arena>(512);
  MapBuilder results(*arena);
  for (const auto& output : outputs_) {
    auto value = output.program.evaluate(slots, scratch);
    const std::string why = value.ok() ? unfit(*value) : "cannot be computed: " + value.error().message;
    if (!why.empty()) {
      return make_error(ErrorKind::kUnprocessable, "models.bad_output",
                        "output '" + output.name + "' (" + output.program.text() + ") " + why, output.name);
    }
    results.add(Value::string(arena->copy(output.name)), copy_value(*value, *arena));
  }
  Value root = results.build();
  if (schema_ != nullptr) {
    auto normal = schema_->normalize(root, *arena);
    if (!normal.ok()) {
      return make_error(ErrorKind::kUnprocessable, "models.bad_output",
                        "the outputs do not fit output.schema: " + normal.error().message,
                        normal.error().field);
    }
    root = *normal;
  }
  return Document(std::move(arena), root);
}

namespace {

Value build_schema(const Type& type, Arena& arena) {
  MapBuilder schema(arena);
  const auto simple = [&](std::string_view name) { schema.add("type", Value::string(name)); };
  switch (type.kind()) {
    case TypeKind::kNull: simple("null"); break;
    case TypeKind::kBool: simple("boolean"); break;
    case TypeKind::kInt:
    case TypeKind::kUint: simple("integer"); break;
    case TypeKind::kDouble: simple("number"); break;
    case TypeKind::kString: simple("string"); break;
    case TypeKind::kList:
      simple("array");
      schema.add("items", build_schema(type.element(), arena));
      break;
    case TypeKind::kMap:
      simple("object");
      schema.add("additionalProperties", build_schema(type.element(), arena));
      break;
    case TypeKind::kNullable: {
      ListBuilder choices(arena);
      choices.add(build_schema(type.element(), arena));
      choices.add(build_schema(Type::null(), arena));
      schema.add("anyOf", choices.build());
      break;
    }
    case TypeKind::kObject: {
      simple("object");
      MapBuilder properties(arena);
      ListBuilder required(arena);
      for (const auto& field : type.fields()) {
        const Value name = Value::string(arena.copy(field.name));
        properties.add(name, build_schema(field.type, arena));
        if (field.required) required.add(name);
      }
      schema.add("properties", properties.build());
      schema.add("required", required.build());
      schema.add("additionalProperties", Value::boolean(type.open()));
      break;
    }
    default: break;
  }
  return schema.build();
}

}  // namespace

Document schema_of(const Type& type) {
  auto arena = std::make_shared<Arena>();
  const Value root = build_schema(type, *arena);
  return Document(std::move(arena), root);
}

}  // namespace switchyard::models
