#pragma once

#include <string>
#include <string_view>

#include "switchyard/types/value.h"

namespace switchyard::schema {

/// The value as JSON, cut to a length that fits into a sentence.
std::string shown(const Value& value);

/// `pointer` with one more token, escaped as RFC 6901 wants it.
std::string child_pointer(const std::string& pointer, std::string_view token);

/// "1 item", "2 items".
std::string counted(uint64_t count, std::string_view noun);

}  // namespace switchyard::schema
