#pragma once

#include <cmath>
#include <cstdint>
#include <string>

#include "switchyard/partition/limits.h"
#include "switchyard/types/json.h"
#include "switchyard/types/value.h"

namespace switchyard::partition {

/// A search attribute's value as text: strings as they are, whole numbers without a fraction (who searches
/// for 700 means 700.0 as well), everything else as JSON; cut to kMaxSearchTextBytes.
inline std::string search_text(const Value& value) {
  constexpr double kExactBelow = 1e15;
  const bool whole = value.is(Kind::kDouble) && std::abs(value.as_double()) < kExactBelow &&
                     std::trunc(value.as_double()) == value.as_double();
  std::string text = value.is(Kind::kString) ? std::string(value.as_string())
                     : whole                 ? std::to_string(static_cast<int64_t>(value.as_double()))
                                             : to_json(value);
  if (text.size() > kMaxSearchTextBytes) text.resize(kMaxSearchTextBytes);
  return text;
}

}  // namespace switchyard::partition
