#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/types/value.h"

namespace switchyard::rules {

/// Holds every int64 and every double exactly, so that the two compare without rounding. Booleans are 0
/// and 1.
using Number = long double;
static_assert(std::numeric_limits<Number>::digits >= 64, "a Number must hold every int64");

/// One end of a range.
struct Bound {
  Number value = 0;
  bool given = false;  ///< false: the range is open to this side
  bool inclusive = false;
};

/// What a condition says of one fact: evaluated as it stands here, and read by the analysis.
struct Predicate {
  enum class Kind : uint8_t {
    kAnything,
    kRange,    ///< a number between low and high
    kOneOf,    ///< among numbers or texts
    kNoneOf,   ///< not among them
    kNothing,  ///< no value; only absence or null can pass
  };
  Kind kind = Kind::kAnything;
  bool passes_absent = true;
  bool passes_null = true;
  Bound low, high;
  std::vector<Number> numbers;     ///< sorted
  std::vector<std::string> texts;  ///< sorted

  /// `fact` is nullptr when absent. A value of another kind than the numbers or texts compared with equals
  /// none.
  bool holds(const Value* fact) const;
  bool holds_for(Number value) const;
  bool holds_for(std::string_view value) const;

  /// Sorts `numbers` and `texts`; requires one of them to be empty.
  void finish();
  /// The same of the values, turned round; absence and null stay as they are.
  void negate();
};

/// Of an int, a uint, a double or a bool.
Number number_of(const Value& value);

}  // namespace switchyard::rules
