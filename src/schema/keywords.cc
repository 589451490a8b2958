// The keywords: what each expects and what it leaves in the node.
#include <algorithm>
#include <utility>

#include "compiler.h"
#include "suggest.h"
#include "switchyard/schema/limits.h"
#include "wording.h"

namespace switchyard::schema {

struct Compiler::Keyword {
  std::string_view name;
  void (Compiler::*compile)(Node&, const Value&, const std::string&);
};

const std::vector<Compiler::Keyword>& Compiler::keywords() {
  static const std::vector<Keyword> kKeywords = {
      {"type", &Compiler::type},
      {"enum", &Compiler::enumeration},
      {"const", &Compiler::constant},
      {"minimum", &Compiler::number_rule},
      {"maximum", &Compiler::number_rule},
      {"exclusiveMinimum", &Compiler::number_rule},
      {"exclusiveMaximum", &Compiler::number_rule},
      {"multipleOf", &Compiler::number_rule},
      {"minLength", &Compiler::string_rule},
      {"maxLength", &Compiler::string_rule},
      {"pattern", &Compiler::string_rule},
      {"format", &Compiler::string_rule},
      {"items", &Compiler::array_rule},
      {"prefixItems", &Compiler::array_rule},
      {"contains", &Compiler::array_rule},
      {"minItems", &Compiler::array_rule},
      {"maxItems", &Compiler::array_rule},
      {"uniqueItems", &Compiler::array_rule},
      {"properties", &Compiler::properties},
      {"patternProperties", &Compiler::pattern_properties},
      {"additionalProperties", &Compiler::object_rule},
      {"propertyNames", &Compiler::object_rule},
      {"minProperties", &Compiler::object_rule},
      {"maxProperties", &Compiler::object_rule},
      {"required", &Compiler::required},
      {"dependentRequired", &Compiler::dependent_required},
      {"allOf", &Compiler::combinator},
      {"anyOf", &Compiler::combinator},
      {"oneOf", &Compiler::combinator},
      {"not", &Compiler::combinator},
      {"if", &Compiler::combinator},
      {"then", &Compiler::combinator},
      {"else", &Compiler::combinator},
      {"$ref", &Compiler::reference},
      {"$defs", &Compiler::definitions},
      {"title", &Compiler::annotation},
      {"description", &Compiler::annotation},
      {"default", &Compiler::default_value},
      {"examples", &Compiler::ignore},
      {"deprecated", &Compiler::ignore},
      {"readOnly", &Compiler::ignore},
      {"writeOnly", &Compiler::ignore},
      {"$schema", &Compiler::ignore},
      {"$id", &Compiler::ignore},
      {"$comment", &Compiler::ignore},
  };
  return kKeywords;
}

const Compiler::Keyword* Compiler::find_keyword(std::string_view name) {
  for (const Keyword& keyword : keywords()) {
    if (keyword.name == name) return &keyword;
  }
  return nullptr;
}

void Compiler::compile_keywords(Node& node, const Value& schema, const std::string& pointer) {
  for (const Member& member : schema.members()) {
    if (!member.key.is(Kind::kString)) continue;
    const std::string_view name = member.key.as_string();
    const std::string at = child_pointer(pointer, name);
    const Keyword* keyword = find_keyword(name);
    if (keyword == nullptr) {
      if (!name.starts_with("x-")) unknown_keyword(name, at);
      continue;
    }
    keyword_ = keyword->name;
    (this->*keyword->compile)(node, member.value, at);
  }
}

void Compiler::unknown_keyword(std::string_view name, const std::string& pointer) {
  // Words of JSON Schema, or of its relatives, that are left out on purpose.
  static constexpr std::pair<std::string_view, std::string_view> kLeftOut[] = {
      {"definitions", "write $defs"},
      {"id", "write $id"},
      {"nullable", "write type: [\"...\", \"null\"]"},
      {"additionalItems", "write items beside prefixItems"},
      {"dependencies", "write dependentRequired"},
      {"dependentSchemas", "write if and then"},
      {"unevaluatedProperties", "write additionalProperties, with all properties in one object schema"},
      {"unevaluatedItems", "write items"},
      {"minContains", "write contains, which asks for at least one"},
      {"maxContains", "remove it"},
      {"discriminator", "write oneOf with const"},
      {"contentEncoding", "write pattern or format"},
      {"contentMediaType", "remove it"},
      {"contentSchema", "remove it"},
      {"$anchor", "refer by JSON Pointer: \"#/$defs/name\""},
      {"$dynamicRef", "write $ref"},
      {"$dynamicAnchor", "refer by JSON Pointer: \"#/$defs/name\""},
      {"$vocabulary", "remove it"},
  };
  for (const auto& [word, mend] : kLeftOut) {
    if (word == name) {
      return error("schema.unsupported_keyword", pointer,
                   "the keyword \"" + std::string(name) + "\" is not supported", std::string(mend));
    }
  }
  std::vector<std::string_view> known;
  for (const Keyword& keyword : keywords()) known.push_back(keyword.name);
  const std::string_view near = nearest(name, known);
  error("schema.unknown_keyword", pointer,
        "\"" + std::string(name.substr(0, 64)) + "\" is no keyword of JSON Schema",
        near.empty() ? "remove it, or begin its name with x- if it is your own annotation"
                     : "did you mean \"" + std::string(near) + "\"?");
}

void Compiler::type(Node& node, const Value& value, const std::string& pointer) {
  static constexpr std::pair<std::string_view, uint8_t> kTypes[] = {
      {"null", kNullBit},       {"boolean", kBooleanBit},
      {"integer", kIntegerBit}, {"number", kIntegerBit | kNumberBit},
      {"string", kStringBit},   {"array", kArrayBit},
      {"object", kObjectBit}};
  std::vector<std::string_view> wanted;
  if (value.is(Kind::kString))
    wanted.push_back(value.as_string());
  else if (!names(value, pointer, wanted))
    return;
  uint8_t types = 0;
  for (const std::string_view name : wanted) {
    const auto* found =
        std::find_if(std::begin(kTypes), std::end(kTypes), [&](const auto& t) { return t.first == name; });
    if (found != std::end(kTypes)) {
      types |= found->second;
      continue;
    }
    std::vector<std::string_view> known;
    for (const auto& t : kTypes) known.push_back(t.first);
    const std::string_view near = name == "float" || name == "double" ? "number" : nearest(name, known);
    error("schema.unknown_type", pointer, "\"" + std::string(name.substr(0, 64)) + "\" is no type",
          near.empty() ? "types are null, boolean, integer, number, string, array, object"
                       : "did you mean \"" + std::string(near) + "\"?");
    types = kAllTypes;
  }
  if (wanted.empty()) {
    error("schema.bad_argument", pointer, "type must name at least one type",
          "name a type or remove the keyword");
  }
  node.typed = true;
  node.types = types;
}

void Compiler::enumeration(Node& node, const Value& value, const std::string& pointer) {
  if (!value.is(Kind::kList) || value.size() == 0) {
    return error("schema.bad_argument", pointer,
                 "enum must be a list of at least one value, got " + shown(value),
                 "write the values that are allowed");
  }
  const auto allows = [&](const Value& v) {
    return std::any_of(value.items().begin(), value.items().end(),
                       [&](const Value& item) { return equal(item, v); });
  };
  // With a const too, both must hold.
  if (node.is_const)
    std::erase_if(node.enum_values, [&](const Value& v) { return !allows(v); });
  else
    node.enum_values.assign(value.items().begin(), value.items().end());
  node.has_enum = true;
}

void Compiler::constant(Node& node, const Value& value, const std::string&) {
  const bool possible = !node.has_enum || std::any_of(node.enum_values.begin(), node.enum_values.end(),
                                                      [&](const Value& v) { return equal(v, value); });
  node.enum_values.clear();
  if (possible) node.enum_values.push_back(value);
  node.is_const = true;
  node.has_enum = true;
}

void Compiler::number_rule(Node& node, const Value& value, const std::string& pointer) {
  Value bound;
  if (!number(value, pointer, bound)) return;
  if (keyword_ == "multipleOf" && !(bound.to_double() > 0)) {
    return error("schema.bad_argument", pointer, "multipleOf must be above 0, got " + shown(value),
                 "write a positive number");
  }
  if (node.numbers == nullptr) node.numbers = std::make_unique<NumberRules>();
  NumberRules& rules = *node.numbers;
  if (keyword_ == "minimum")
    rules.minimum = bound;
  else if (keyword_ == "maximum")
    rules.maximum = bound;
  else if (keyword_ == "exclusiveMinimum")
    rules.exclusive_minimum = bound;
  else if (keyword_ == "exclusiveMaximum")
    rules.exclusive_maximum = bound;
  else
    rules.multiple_of = bound;
}

void Compiler::string_rule(Node& node, const Value& value, const std::string& pointer) {
  if (node.strings == nullptr) node.strings = std::make_unique<StringRules>();
  StringRules& rules = *node.strings;
  std::string argument;
  if (keyword_ == "minLength") {
    count(value, pointer, rules.min_length);
  } else if (keyword_ == "maxLength") {
    count(value, pointer, rules.max_length);
  } else if (!text(value, pointer, argument)) {
    return;
  } else if (keyword_ == "pattern") {
    auto compiled = std::make_unique<Pattern>();
    if (pattern(argument, pointer, *compiled)) rules.pattern = std::move(compiled);
  } else {
    rules.format = find_format(argument);
    if (rules.format != nullptr) return;
    std::string known;
    for (const Format& format : all_formats())
      known += (known.empty() ? "" : ", ") + std::string(format.name);
    error("schema.unknown_format", pointer,
          "\"" + argument.substr(0, 64) + "\" is no format that can be checked",
          "formats are " + known + "; for others write pattern");
  }
}

void Compiler::array_rule(Node& node, const Value& value, const std::string& pointer) {
  if (node.arrays == nullptr) node.arrays = std::make_unique<ArrayRules>();
  ArrayRules& rules = *node.arrays;
  if (keyword_ == "minItems") {
    count(value, pointer, rules.min_items);
  } else if (keyword_ == "maxItems") {
    count(value, pointer, rules.max_items);
  } else if (keyword_ == "prefixItems") {
    rules.prefix = schemas(value, pointer);
  } else if (keyword_ == "items") {
    rules.items = compile(value, pointer, depth_ + 1);
  } else if (keyword_ == "contains") {
    rules.contains = compile(value, pointer, depth_ + 1);
  } else if (value.is(Kind::kBool)) {
    rules.unique = value.as_bool();
  } else {
    error("schema.bad_argument", pointer, "uniqueItems must be true or false, got " + shown(value),
          "write true");
  }
}

void Compiler::object_rule(Node& node, const Value& value, const std::string& pointer) {
  if (node.objects == nullptr) node.objects = std::make_unique<ObjectRules>();
  ObjectRules& rules = *node.objects;
  if (keyword_ == "minProperties")
    count(value, pointer, rules.min_properties);
  else if (keyword_ == "maxProperties")
    count(value, pointer, rules.max_properties);
  else if (keyword_ == "propertyNames")
    rules.names = compile(value, pointer, depth_ + 1);
  else
    rules.additional = compile(value, pointer, depth_ + 1);
}

void Compiler::properties(Node& node, const Value& value, const std::string& pointer) {
  if (node.objects == nullptr) node.objects = std::make_unique<ObjectRules>();
  if (!value.is(Kind::kMap)) {
    return error("schema.bad_argument", pointer, "properties must map names to schemas, got " + shown(value),
                 "write a map of name: schema");
  }
  if (value.size() > kMaxProperties) {
    return error("schema.too_large", pointer,
                 "properties has " + std::to_string(value.size()) + " names, over the limit of " +
                     std::to_string(kMaxProperties),
                 "group them into objects");
  }
  for (const Member& member : value.members()) {
    if (!member.key.is(Kind::kString)) continue;
    const std::string_view name = member.key.as_string();
    Property property;
    property.name = name;
    property.node = compile(member.value, child_pointer(pointer, name), depth_ + 1);
    // `required` may have come first and left an entry.
    node.objects->properties.push_back(property);
  }
}

void Compiler::pattern_properties(Node& node, const Value& value, const std::string& pointer) {
  if (node.objects == nullptr) node.objects = std::make_unique<ObjectRules>();
  if (!value.is(Kind::kMap)) {
    return error("schema.bad_argument", pointer,
                 "patternProperties must map patterns to schemas, got " + shown(value),
                 "write a map of pattern: schema");
  }
  for (const Member& member : value.members()) {
    if (!member.key.is(Kind::kString)) continue;
    const std::string at = child_pointer(pointer, member.key.as_string());
    PatternProperty property;
    const bool usable = pattern(member.key.as_string(), at, property.pattern);
    property.node = compile(member.value, at, depth_ + 1);
    if (usable) node.objects->patterns.push_back(std::move(property));
  }
}

void Compiler::required(Node& node, const Value& value, const std::string& pointer) {
  if (node.objects == nullptr) node.objects = std::make_unique<ObjectRules>();
  // Sorted out against `properties` when all keywords are read.
  names(value, pointer, node.objects->required_elsewhere);
}

void Compiler::dependent_required(Node& node, const Value& value, const std::string& pointer) {
  if (node.objects == nullptr) node.objects = std::make_unique<ObjectRules>();
  if (!value.is(Kind::kMap)) {
    return error("schema.bad_argument", pointer,
                 "dependentRequired must map names to lists of names, got " + shown(value),
                 "write {\"name\": [\"other\"]}");
  }
  for (const Member& member : value.members()) {
    if (!member.key.is(Kind::kString)) continue;
    DependentRequired rule;
    rule.name = member.key.as_string();
    if (names(member.value, child_pointer(pointer, rule.name), rule.needs)) {
      node.objects->dependent.push_back(std::move(rule));
    }
  }
}

void Compiler::combinator(Node& node, const Value& value, const std::string& pointer) {
  if (node.combinators == nullptr) node.combinators = std::make_unique<Combinators>();
  Combinators& rules = *node.combinators;
  // Compiling a subschema changes keyword_.
  const std::string_view keyword = keyword_;
  if (keyword == "allOf")
    rules.all_of = schemas(value, pointer);
  else if (keyword == "anyOf")
    rules.any_of = schemas(value, pointer);
  else if (keyword == "oneOf")
    rules.one_of = schemas(value, pointer);
  else if (keyword == "not")
    rules.negated = compile(value, pointer, depth_ + 1);
  else if (keyword == "if")
    rules.condition = compile(value, pointer, depth_ + 1);
  else if (keyword == "then")
    rules.then = compile(value, pointer, depth_ + 1);
  else
    rules.otherwise = compile(value, pointer, depth_ + 1);
}

void Compiler::reference(Node& node, const Value& value, const std::string& pointer) {
  std::string target;
  if (!text(value, pointer, target)) return;
  if (target.empty() || target[0] != '#' || (target.size() > 1 && target[1] != '/')) {
    return error("schema.bad_reference", pointer,
                 "\"" + target.substr(0, 80) + "\" points outside the document or at an anchor",
                 "write a local pointer such as \"#/$defs/name\"");
  }
  std::string decoded;
  for (size_t i = 1; i < target.size(); ++i) {
    const auto hex = [](char c) {
      return std::string_view("0123456789abcdef").find(static_cast<char>(c | 0x20));
    };
    if (target[i] == '%' && i + 2 < target.size() && hex(target[i + 1]) < 16 && hex(target[i + 2]) < 16) {
      decoded.push_back(static_cast<char>(hex(target[i + 1]) * 16 + hex(target[i + 2])));
      i += 2;
    } else {
      decoded.push_back(target[i]);
    }
  }
  if (node.combinators == nullptr) node.combinators = std::make_unique<Combinators>();
  pending_.push_back({&node, std::move(decoded), pointer});
}

void Compiler::definitions(Node&, const Value& value, const std::string& pointer) {
  if (!value.is(Kind::kMap)) {
    return error("schema.bad_argument", pointer, "$defs must map names to schemas, got " + shown(value),
                 "write a map of name: schema");
  }
  for (const Member& member : value.members()) {
    if (!member.key.is(Kind::kString)) continue;
    compile(member.value, child_pointer(pointer, member.key.as_string()), depth_ + 1);
  }
}

void Compiler::annotation(Node& node, const Value& value, const std::string& pointer) {
  text(value, pointer, keyword_ == "title" ? node.title : node.description);
}

void Compiler::default_value(Node& node, const Value& value, const std::string&) {
  node.has_default = true;
  node.default_value = value;
}

void Compiler::ignore(Node&, const Value&, const std::string&) {}

}  // namespace switchyard::schema
