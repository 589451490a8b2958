#pragma once

#include <string>

#include "switchyard/partition/limits.h"
#include "switchyard/types/json.h"
#include "switchyard/types/value.h"

namespace switchyard::partition {

/// A search attribute's value as text: strings as they are, everything else as JSON; cut to kMaxSearchTextBytes.
inline std::string search_text(const Value& value) {
  std::string text = value.is(Kind::kString) ? std::string(value.as_string()) : to_json(value);
  if (text.size() > kMaxSearchTextBytes) text.resize(kMaxSearchTextBytes);
  return text;
}

}  // namespace switchyard::partition
