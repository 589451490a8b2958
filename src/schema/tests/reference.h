#pragma once

#include <cmath>
#include <functional>
#include <regex>

#include "switchyard/types/utf8.h"
#include "switchyard/types/value.h"

namespace switchyard::schema::testing {

/// JSON Schema as the specification's text reads: straight from the document, keyword by keyword, with no
/// thought for speed. What the compiled form is compared with.
class Reference {
 public:
  explicit Reference(const Value& root) : root_(root) {}

  bool accepts(const Value& value) const { return check(root_, value); }

  bool check(const Value& schema, const Value& value) const {
    if (schema.is(Kind::kBool)) return schema.as_bool();
    for (const Member& member : schema.members()) {
      if (!keyword(schema, member.key.as_string(), member.value, value)) return false;
    }
    return true;
  }

 private:
  static bool is_integer(const Value& v) {
    if (v.is(Kind::kInteger)) return true;
    if (v.is(Kind::kUnsigned)) return v.as_unsigned() < (1ull << 63);
    return v.is(Kind::kDouble) && v.as_double() == std::floor(v.as_double()) &&
           std::abs(v.as_double()) < 9.2e18;
  }
  static bool is_type(const Value& v, std::string_view type) {
    if (type == "null") return v.is_null();
    if (type == "boolean") return v.is(Kind::kBool);
    if (type == "integer") return is_integer(v);
    if (type == "number") return v.is_number();
    if (type == "string") return v.is(Kind::kString);
    if (type == "array") return v.is(Kind::kList);
    return v.is(Kind::kMap);
  }
  static bool any(const Value& list, const std::function<bool(const Value&)>& test) {
    for (const Value& item : list.items()) {
      if (test(item)) return true;
    }
    return false;
  }
  static size_t count(const Value& list, const std::function<bool(const Value&)>& test) {
    size_t n = 0;
    for (const Value& item : list.items()) n += test(item);
    return n;
  }
  static std::string text(std::string_view view) { return std::string(view); }

  bool keyword(const Value& schema, std::string_view name, const Value& a, const Value& v) const {
    const auto check_a = [&](const Value& item) { return check(a, item); };
    if (name == "type")
      return a.is(Kind::kString) ? is_type(v, a.as_string())
                                 : any(a, [&](const Value& t) { return is_type(v, t.as_string()); });
    if (name == "enum") return any(a, [&](const Value& allowed) { return equal(allowed, v); });
    if (name == "const") return equal(a, v);
    if (name == "$ref") return check(*root_.at_pointer(a.as_string().substr(1)), v);
    if (name == "allOf") return !any(a, [&](const Value& s) { return !check(s, v); });
    if (name == "anyOf") return any(a, [&](const Value& s) { return check(s, v); });
    if (name == "oneOf") return count(a, [&](const Value& s) { return check(s, v); }) == 1;
    if (name == "not") return !check(a, v);
    if (name == "if") {
      const Value* branch = schema.find(check(a, v) ? "then" : "else");
      return branch == nullptr || check(*branch, v);
    }
    if (v.is_number()) {
      if (name == "minimum") return v.to_double() >= a.to_double();
      if (name == "maximum") return v.to_double() <= a.to_double();
      if (name == "exclusiveMinimum") return v.to_double() > a.to_double();
      if (name == "exclusiveMaximum") return v.to_double() < a.to_double();
      if (name == "multipleOf") return std::fmod(v.to_double(), a.to_double()) == 0;
    }
    if (v.is(Kind::kString)) {
      if (name == "minLength") return count_code_points(v.as_string()) >= a.to_double();
      if (name == "maxLength") return count_code_points(v.as_string()) <= a.to_double();
      if (name == "pattern") return std::regex_search(text(v.as_string()), std::regex(text(a.as_string())));
    }
    if (v.is(Kind::kList)) return list_keyword(schema, name, a, v, check_a);
    if (v.is(Kind::kMap)) return map_keyword(schema, name, a, v, check_a);
    return true;
  }

  bool list_keyword(const Value& schema, std::string_view name, const Value& a, const Value& v,
                    const std::function<bool(const Value&)>& check_a) const {
    if (name == "minItems") return v.size() >= a.to_double();
    if (name == "maxItems") return v.size() <= a.to_double();
    if (name == "contains") return any(v, check_a);
    const Value* prefix = schema.find("prefixItems");
    for (size_t i = 0; i < v.size(); ++i) {
      const bool in_prefix = prefix != nullptr && i < prefix->size();
      if (name == "prefixItems" && in_prefix && !check(a.items()[i], v.items()[i])) return false;
      if (name == "items" && !in_prefix && !check(a, v.items()[i])) return false;
      for (size_t j = 0; j < i && name == "uniqueItems" && a.as_bool(); ++j) {
        if (equal(v.items()[i], v.items()[j])) return false;
      }
    }
    return true;
  }

  bool map_keyword(const Value& schema, std::string_view name, const Value& a, const Value& v,
                   const std::function<bool(const Value&)>& check_a) const {
    if (name == "minProperties") return v.size() >= a.to_double();
    if (name == "maxProperties") return v.size() <= a.to_double();
    if (name == "required") return !any(a, [&](const Value& n) { return v.find(n) == nullptr; });
    if (name == "dependentRequired") {
      for (const Member& rule : a.members()) {
        if (v.find(rule.key) != nullptr &&
            any(rule.value, [&](const Value& n) { return v.find(n) == nullptr; }))
          return false;
      }
    }
    const Value* properties = schema.find("properties");
    const Value* patterns = schema.find("patternProperties");
    for (const Member& member : v.members()) {
      if (name == "propertyNames" && !check_a(member.key)) return false;
      bool known = false;
      if (properties != nullptr && properties->find(member.key) != nullptr) {
        known = true;
        if (name == "properties" && !check(*properties->find(member.key), member.value)) return false;
      }
      for (const Member& pattern : patterns == nullptr ? std::span<const Member>() : patterns->members()) {
        if (!std::regex_search(text(member.key.as_string()), std::regex(text(pattern.key.as_string()))))
          continue;
        known = true;
        if (name == "patternProperties" && !check(pattern.value, member.value)) return false;
      }
      if (name == "additionalProperties" && !known && !check(a, member.value)) return false;
    }
    return true;
  }

  Value root_;
};

}  // namespace switchyard::schema::testing
