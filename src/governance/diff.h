#pragma once

#include <string>
#include <string_view>

namespace switchyard::governance {

/// A unified diff of two texts with three lines of context; empty when equal or longer than kMaxDiffLines.
std::string unified_diff(std::string_view before, std::string_view after);

}  // namespace switchyard::governance
