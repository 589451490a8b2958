#include "predicate.h"

#include <algorithm>
#include <utility>

namespace switchyard::rules {

Number number_of(const Value& value) {
  switch (value.kind()) {
    case Kind::kBool: return value.as_bool() ? 1 : 0;
    case Kind::kInteger: return static_cast<Number>(value.as_integer());
    case Kind::kUnsigned: return static_cast<Number>(value.as_unsigned());
    default: return static_cast<Number>(value.as_double());
  }
}

bool Predicate::holds_for(Number value) const {
  switch (kind) {
    case Kind::kAnything: return true;
    case Kind::kNothing: return false;
    case Kind::kRange:
      if (low.given && !(low.inclusive ? value >= low.value : value > low.value)) return false;
      return !high.given || (high.inclusive ? value <= high.value : value < high.value);
    case Kind::kOneOf: return std::binary_search(numbers.begin(), numbers.end(), value);
    case Kind::kNoneOf: return !std::binary_search(numbers.begin(), numbers.end(), value);
  }
  return false;
}

bool Predicate::holds_for(std::string_view value) const {
  switch (kind) {
    case Kind::kAnything: return true;
    case Kind::kNothing:
    case Kind::kRange: return false;
    case Kind::kOneOf: return std::binary_search(texts.begin(), texts.end(), value);
    case Kind::kNoneOf: return !std::binary_search(texts.begin(), texts.end(), value);
  }
  return false;
}

bool Predicate::holds(const Value* fact) const {
  if (fact == nullptr) return passes_absent;
  if (fact->is_null()) return passes_null;
  if (fact->is(switchyard::Kind::kString)) return holds_for(fact->as_string());
  if (fact->is_number() || fact->is(switchyard::Kind::kBool)) return holds_for(number_of(*fact));
  return kind == Kind::kAnything || kind == Kind::kNoneOf;
}

void Predicate::finish() {
  SY_CHECK(numbers.empty() || texts.empty());
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
}

void Predicate::negate() {
  switch (kind) {
    case Kind::kAnything: kind = Kind::kNothing; return;
    case Kind::kNothing: kind = Kind::kAnything; return;
    case Kind::kOneOf: kind = Kind::kNoneOf; return;
    case Kind::kNoneOf: kind = Kind::kOneOf; return;
    case Kind::kRange:
      // The other side of a half-line is a half-line; ranges with two ends come from the short form only.
      SY_CHECK(low.given != high.given);
      std::swap(low, high);
      (low.given ? low : high).inclusive = !(low.given ? low : high).inclusive;
      return;
  }
}

}  // namespace switchyard::rules
