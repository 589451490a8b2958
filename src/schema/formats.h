#pragma once

#include <span>
#include <string_view>

namespace switchyard::schema {

/// A value of the keyword `format`.
struct Format {
  std::string_view name;
  std::string_view description;  ///< for messages: "a date and time like 2025-01-31T23:59:59Z"
  bool (*accepts)(std::string_view text);
};

/// nullptr when there is no such format.
const Format* find_format(std::string_view name);
std::span<const Format> all_formats();

}  // namespace switchyard::schema
