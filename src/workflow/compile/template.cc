#include "template.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace switchyard::workflow::compiler {
namespace {

using document::Node;
using expression::Type;
using expression::TypeKind;

bool wants_double(const Type* expected) {
  if (expected == nullptr) return false;
  if (expected->is(TypeKind::kNullable) || expected->is(TypeKind::kOptional))
    return expected->element().is(TypeKind::kDouble);
  return expected->is(TypeKind::kDouble);
}

/// What is expected of the entry `key`; nullptr: anything.
const Type* expected_field(const Type* expected, std::string_view key) {
  if (expected == nullptr) return nullptr;
  if (expected->is(TypeKind::kNullable) || expected->is(TypeKind::kOptional))
    return expected_field(&expected->element(), key);
  if (expected->is(TypeKind::kMap)) return &expected->element();
  const expression::Field* field = expected->find_field(key);
  return field != nullptr ? &field->type : nullptr;
}

const Type* expected_item(const Type* expected) {
  if (expected == nullptr) return nullptr;
  if (expected->is(TypeKind::kNullable)) return expected_item(&expected->element());
  return expected->is(TypeKind::kList) ? &expected->element() : nullptr;
}

std::optional<Template> constant(const Node& node, const Type* expected) {
  switch (node.kind) {
    case Node::Kind::kNull: return Template{Value::null(), Type::null()};
    case Node::Kind::kBool: return Template{Value::boolean(node.boolean), Type::boolean()};
    case Node::Kind::kInteger:
      if (wants_double(expected))
        return Template{Value::real(static_cast<double>(node.integer)), Type::real()};
      return Template{Value::integer(node.integer), Type::integer()};
    case Node::Kind::kDouble: return Template{Value::real(node.real), Type::real()};
    default: return std::nullopt;
  }
}

void report_absent(Context& context, const Place& place, const std::string& whose) {
  const std::string& text = place.node->text;
  const bool is_path =
      text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.?") ==
      std::string::npos;
  context.error(place, "pipeline.may_be_absent",
                "'" + text + "' may be absent, and " + whose + " needs a value here",
                "say what absence means: " + (is_path ? text : "(" + text + ")") +
                    ".orValue(...), or has(...) ? ... : ...");
}

std::optional<Template> compile_mapping(Context& context, const Place& place, const Type* expected,
                                        const std::string& whose) {
  std::vector<Template::Field> fields;
  std::vector<expression::Field> types;
  bool complete = true;
  for (const auto& entry : place.node->entries) {
    auto value = compile_template(context, place.entry(entry), expected_field(expected, entry.key), whose);
    if (!value.has_value()) {
      complete = false;
      continue;
    }
    const bool optional = value->type.is(TypeKind::kOptional);
    types.push_back({entry.key, optional ? value->type.element() : value->type, !optional});
    fields.push_back({entry.key, std::move(*value)});
  }
  if (!complete) return std::nullopt;
  return Template{std::move(fields), Type::object(std::move(types))};
}

std::optional<Template> compile_list(Context& context, const Place& place, const Type* expected,
                                     const std::string& whose) {
  std::vector<Template> items;
  std::optional<Type> element;
  bool complete = true;
  for (size_t i = 0; i < place.node->items.size(); ++i) {
    const Place at = place.item(i);
    auto value = compile_template(context, at, expected_item(expected), whose);
    if (value.has_value() && value->type.is(TypeKind::kOptional)) {
      report_absent(context, at, "a list");
      value.reset();
    }
    if (!value.has_value()) {
      complete = false;
      continue;
    }
    element = element.has_value() ? expression::join(*element, value->type) : value->type;
    items.push_back(std::move(*value));
  }
  if (!complete) return std::nullopt;
  return Template{std::move(items), Type::list(element.value_or(Type::dyn()))};
}

/// "amount is missing, country is string instead of int": why one object does not fit another.
std::string differences(const Type& given, const Type& expected) {
  std::vector<std::string> all;
  for (const auto& field : expected.fields()) {
    const expression::Field* own = given.find_field(field.name);
    if (own == nullptr) {
      if (field.required && !given.open())
        all.push_back("'" + field.name + "' (" + field.type.to_string() + ") is missing");
    } else if (!own->required && field.required) {
      all.push_back("'" + field.name + "' may be absent");
    } else if (!expression::is_assignable(own->type, field.type)) {
      all.push_back("'" + field.name + "' is " + own->type.to_string() + " instead of " +
                    field.type.to_string());
    }
  }
  return word_list(all, 5);
}

std::string shown(const Node& node) {
  return node.is(Node::Kind::kString) ? "'" + node.text + "'" : node.describe();
}

bool check_mapping(Context& context, const Place& place, const std::vector<Template::Field>& given,
                   const Type& expected, const std::string& whose) {
  bool fits = true;
  for (const auto& field : expected.fields()) {
    const bool is_given =
        std::any_of(given.begin(), given.end(), [&](const auto& own) { return own.name == field.name; });
    if (is_given || !field.required) continue;
    context.error(place, "pipeline.missing_value",
                  whose + " needs '" + field.name + "' (" + field.type.to_string() + ")",
                  "add " + field.name + ": <an expression of type " + field.type.to_string() + ">");
    fits = false;
  }
  std::vector<std::string> known;
  for (const auto& field : expected.fields()) known.push_back(field.name);
  for (const auto& own : given) {
    Place at = place;
    for (const auto& entry : place.node->entries)
      if (entry.key == own.name) at = place.entry(entry);
    const expression::Field* field = expected.find_field(own.name);
    if (field == nullptr) {
      if (expected.is(TypeKind::kMap)) {
        fits &= check_fits(context, at, own.value, expected.element(), whose);
      } else if (!expected.open()) {
        const std::string near = did_you_mean(own.name, known);
        context.error(at, "pipeline.unknown_value", whose + " knows no '" + own.name + "'",
                      near.empty() ? "remove it; known are " + word_list(known) : near);
        fits = false;
      }
      continue;
    }
    if (own.value.type.is(TypeKind::kOptional)) {
      if (field->required) {
        report_absent(context, at, whose);
        fits = false;
        continue;
      }
      if (expression::is_assignable(own.value.type.element(), field->type)) continue;
    }
    fits &= check_fits(context, at, own.value, field->type, whose);
  }
  return fits;
}

}  // namespace

std::optional<Template> compile_template(Context& context, const Place& place, const Type* expected,
                                         const std::string& whose) {
  if (place.node->is(Node::Kind::kDouble) && !std::isfinite(place.node->real)) {
    context.error(place, "pipeline.bad_number", place.node->describe() + " cannot be written as JSON",
                  "write a finite number");
    return std::nullopt;
  }
  if (auto value = constant(*place.node, expected)) return value;
  if (place.node->is(Node::Kind::kMapping)) return compile_mapping(context, place, expected, whose);
  if (place.node->is(Node::Kind::kSequence)) return compile_list(context, place, expected, whose);
  auto program = context.expression(place, std::nullopt, whose);
  if (!program.has_value()) return std::nullopt;
  Type type = program->result_type();
  return Template{std::move(*program), std::move(type)};
}

bool check_fits(Context& context, const Place& place, const Template& given, const Type& expected,
                const std::string& whose) {
  const bool wrapped = expected.is(TypeKind::kNullable) && !given.type.is(TypeKind::kNull);
  const Type& wanted = wrapped ? expected.element() : expected;
  if (const auto* fields = std::get_if<std::vector<Template::Field>>(&given.node)) {
    if (wanted.is(TypeKind::kObject) || wanted.is(TypeKind::kMap))
      return check_mapping(context, place, *fields, wanted, whose);
  }
  if (const auto* items = std::get_if<std::vector<Template>>(&given.node)) {
    if (wanted.is(TypeKind::kList)) {
      bool fits = true;
      for (size_t i = 0; i < items->size(); ++i)
        fits &= check_fits(context, place.item(i), (*items)[i], wanted.element(), whose);
      return fits;
    }
  }
  if (expression::is_assignable(given.type, expected)) return true;
  report_type(context, place, given.type, expected, whose);
  return false;
}

void report_type(Context& context, const Place& place, const Type& given, const Type& expected,
                 const std::string& whose) {
  if (given.is(TypeKind::kOptional) && expression::is_assignable(given.element(), expected)) {
    return report_absent(context, place, whose);
  }
  std::string message =
      whose + " expects " + expected.to_string() + ", and " + shown(*place.node) + " is " + given.to_string();
  if (given.is(TypeKind::kObject) && expected.is(TypeKind::kObject)) {
    message = whose + " cannot take " + shown(*place.node) + ": " + differences(given, expected);
  }
  context.error(place, "pipeline.type", std::move(message), mend_for(given, expected));
}

std::optional<Value> constant_value(const Template& text, Arena& arena) {
  if (const auto* value = std::get_if<Value>(&text.node)) return *value;
  if (const auto* program = std::get_if<expression::Program>(&text.node)) return program->constant();
  if (const auto* fields = std::get_if<std::vector<Template::Field>>(&text.node)) {
    MapBuilder map(arena);
    for (const auto& field : *fields) {
      const auto value = constant_value(field.value, arena);
      if (!value.has_value()) return std::nullopt;
      map.add(field.name, *value);
    }
    return map.build();
  }
  ListBuilder list(arena);
  for (const auto& item : std::get<std::vector<Template>>(text.node)) {
    const auto value = constant_value(item, arena);
    if (!value.has_value()) return std::nullopt;
    list.add(*value);
  }
  return list.build();
}

std::string mend_for(const Type& given, const Type& expected) {
  if (given.is(TypeKind::kOptional)) return "say what absence means with .orValue(...)";
  if (given.is(TypeKind::kNullable)) return "say what null means: x == null ? ... : x";
  if (given.is_number() && expected.is(TypeKind::kDouble)) return "convert it: double(...)";
  if (given.is_number() && expected.is(TypeKind::kInt)) return "convert it: int(...)";
  if (expected.is(TypeKind::kString) && (given.is_number() || given.is(TypeKind::kBool)))
    return "convert it: string(...)";
  if (given.is(TypeKind::kString) && expected.is(TypeKind::kTimestamp)) return "convert it: timestamp(...)";
  if (given.is(TypeKind::kString) && expected.is(TypeKind::kDuration)) return "convert it: duration(...)";
  if (given.is(TypeKind::kObject) && expected.is(TypeKind::kObject))
    return "write a mapping with the fields it needs";
  return "write an expression of type " + expected.to_string();
}

}  // namespace switchyard::workflow::compiler
