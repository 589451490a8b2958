// The rules for numbers and texts.
#include <cmath>
#include <limits>

#include "checker.h"
#include "switchyard/types/utf8.h"
#include "wording.h"

namespace switchyard::schema {
namespace {

bool is_multiple(const Value& value, const Value& of) {
  if (value.is(Kind::kInteger) && of.is(Kind::kInteger)) return value.as_integer() % of.as_integer() == 0;
  if (!value.is(Kind::kDouble) && !of.is(Kind::kDouble)) {
    // Unsigned against integer: the divisor is positive, and so is the number unless it is an int64.
    const auto magnitude = [](const Value& v) {
      if (v.is(Kind::kUnsigned)) return v.as_unsigned();
      return v.as_integer() < 0 ? 0 - static_cast<uint64_t>(v.as_integer())
                                : static_cast<uint64_t>(v.as_integer());
    };
    return magnitude(value) % magnitude(of) == 0;
  }
  // 19.99 is meant to be a multiple of 0.01, although neither is exact: allow the rounding of the division.
  const double quotient = value.to_double() / of.to_double();
  const double distance = std::abs(quotient - std::round(quotient));
  return std::isfinite(quotient) &&
         distance <= 4 * std::numeric_limits<double>::epsilon() * std::abs(quotient);
}

}  // namespace

bool Checker::check_number(const NumberRules& rules, const Value& value, const Path& path) {
  bool ok = true;
  const auto bound = [&](const Value& limit, std::string_view keyword, std::string_view words, auto holds) {
    if (limit.is_null() || holds(compare_numbers(value, limit)) || (!ok && !collecting())) return;
    ok = fail(path, keyword, [&] {
      return name_of(path) + " must be " + std::string(words) + " " + shown(limit) + ", got " + shown(value);
    });
  };
  // NaN is unordered and keeps no bound.
  bound(rules.minimum, "minimum", "at least", [](auto order) { return order >= 0; });
  bound(rules.maximum, "maximum", "at most", [](auto order) { return order <= 0; });
  bound(rules.exclusive_minimum, "exclusiveMinimum", "above", [](auto order) { return order > 0; });
  bound(rules.exclusive_maximum, "exclusiveMaximum", "below", [](auto order) { return order < 0; });
  if (!rules.multiple_of.is_null() && !is_multiple(value, rules.multiple_of)) {
    ok = fail(path, "multipleOf", [&] {
      return name_of(path) + " must be a multiple of " + shown(rules.multiple_of) + ", got " + shown(value);
    });
  }
  return ok;
}

bool Checker::check_string(const StringRules& rules, const Value& value, const Path& path) {
  const std::string_view text = value.as_string();
  bool ok = true;
  // A code point has one to four bytes, so most texts need no counting.
  if (text.size() / 4 < rules.min_length || text.size() > rules.max_length) {
    const size_t length = count_code_points(text);
    if (length < rules.min_length) {
      ok = fail(path, "minLength", [&] {
        return name_of(path) + " must have at least " + counted(rules.min_length, "character") + ", got " +
               shown(value);
      });
    }
    if (length > rules.max_length) {
      ok = fail(path, "maxLength", [&] {
        return name_of(path) + " must have at most " + counted(rules.max_length, "character") + ", got " +
               std::to_string(length);
      });
    }
  }
  if (rules.pattern != nullptr && (ok || collecting()) && !rules.pattern->matches(text)) {
    ok = fail(path, "pattern", [&] {
      return name_of(path) + " must match the pattern " + rules.pattern->text + ", got " + shown(value);
    });
  }
  if (rules.format != nullptr && (ok || collecting()) && !rules.format->accepts(text)) {
    ok = fail(path, "format", [&] {
      return name_of(path) + " must be " + std::string(rules.format->description) + ", got " + shown(value);
    });
  }
  return ok;
}

}  // namespace switchyard::schema
