#include "facts.h"

#include <algorithm>

#include "limits.h"

namespace switchyard::rules {
namespace {

using schema::SchemaType;

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> keys;
  size_t start = 0;
  while (true) {
    const size_t dot = path.find('.', start);
    keys.emplace_back(path.substr(start, dot == std::string_view::npos ? dot : dot - start));
    if (dot == std::string_view::npos) return keys;
    start = dot + 1;
  }
}

std::optional<Fact::Kind> kind_of(const SchemaType& type) {
  switch (type.kind) {
    case SchemaType::Kind::kBoolean: return Fact::Kind::kBool;
    case SchemaType::Kind::kInteger: return Fact::Kind::kInteger;
    case SchemaType::Kind::kNumber: return Fact::Kind::kNumber;
    case SchemaType::Kind::kString: return Fact::Kind::kText;
    default: return std::nullopt;
  }
}

/// Tightens a bound by a keyword of the schema, when it is there.
void tighten(const Value& document, std::string_view keyword, bool inclusive, bool is_low, Bound& bound) {
  const Value* limit = document.find(keyword);
  if (limit == nullptr || !limit->is_number()) return;
  const Number value = number_of(*limit);
  const bool tighter = !bound.given || (is_low ? value > bound.value : value < bound.value) ||
                       (value == bound.value && !inclusive);
  if (tighter) bound = {value, true, inclusive};
}

void read_bounds(const Value* document, Fact& fact) {
  if (document == nullptr || !document->is(Kind::kMap)) return;
  tighten(*document, "minimum", true, true, fact.low);
  tighten(*document, "exclusiveMinimum", false, true, fact.low);
  tighten(*document, "maximum", true, false, fact.high);
  tighten(*document, "exclusiveMaximum", false, false, fact.high);
}

void read_enum(const SchemaType& type, Fact& fact) {
  for (const auto& value : type.enum_values) {
    if (value.is(Kind::kString)) fact.enum_texts.emplace_back(value.as_string());
    if (value.is_number() || value.is(Kind::kBool)) fact.enum_numbers.push_back(number_of(value));
  }
}

void append_names(const SchemaType& type, const std::string& prefix, int depth,
                  std::vector<std::string>& names) {
  for (const auto& property : type.properties) {
    if (names.size() >= kMaxFacts) return;
    names.push_back(prefix + property.name);
    if (property.type != nullptr && depth > 0)
      append_names(*property.type, prefix + property.name + ".", depth - 1, names);
  }
}

}  // namespace

std::string_view Fact::kind_name() const {
  switch (kind) {
    case Kind::kNumber: return "a number";
    case Kind::kInteger: return "an integer";
    case Kind::kText: return "text";
    case Kind::kBool: return "a boolean";
  }
  return "a value";
}

const Value* Fact::read(const Value& facts) const {
  const Value* value = &facts;
  for (const auto& key : keys) {
    value = value->find(key);
    if (value == nullptr) return nullptr;
  }
  return value;
}

Facts::Lookup Facts::find(std::string_view path) {
  const auto known =
      std::find_if(facts_.begin(), facts_.end(), [&](const Fact& fact) { return fact.path == path; });
  if (known != facts_.end()) return {static_cast<uint16_t>(known - facts_.begin()), true, {}};
  Fact fact;
  fact.path = std::string(path);
  fact.keys = split(path);
  const SchemaType* type = &schema_->type();
  const Value* document = &schema_->document();
  for (size_t i = 0; i < fact.keys.size(); ++i) {
    // A parent that is null has no members: they are absent then.
    fact.may_be_absent |= type->nullable;
    const auto* property = type->find_property(fact.keys[i]);
    if (property == nullptr || property->type == nullptr) return {};
    fact.may_be_absent |= !property->always_present;
    type = property->type;
    if (document != nullptr) document = document->find("properties");
    if (document != nullptr) document = document->find(fact.keys[i]);
  }
  fact.may_be_null = type->nullable;
  const auto kind = kind_of(*type);
  if (!kind.has_value()) return {std::nullopt, true, std::string(schema::type_kind_name(type->kind))};
  if (facts_.size() >= kMaxFacts) return {std::nullopt, true, "one more fact than a table can compare"};
  fact.kind = *kind;
  if (fact.kind == Fact::Kind::kNumber || fact.kind == Fact::Kind::kInteger) read_bounds(document, fact);
  read_enum(*type, fact);
  facts_.push_back(std::move(fact));
  return {static_cast<uint16_t>(facts_.size() - 1), true, {}};
}

std::vector<std::string> Facts::names() const {
  std::vector<std::string> names;
  append_names(schema_->type(), "", 2, names);
  return names;
}

}  // namespace switchyard::rules
