#pragma once

#include <string_view>
#include <vector>

namespace switchyard::schema {

/// The candidate nearest to `word` when it is near enough to be a slip of the pen, else empty.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace switchyard::schema
