#pragma once

#include <string>
#include <vector>

#include "play.h"

namespace switchyard::rehearsal {

/// What differs from what is expected; empty: nothing. Each difference is a text of one or several lines.
/// `starts`: the case begins with a run, of which the expectation speaks.
std::vector<std::string> compare(const Expectation& expected, const Outcome& outcome, bool starts);

/// The lines of both texts beside each other: "  " same, "- " only expected, "+ " only got.
std::string line_difference(const std::string& expected, const std::string& got);

}  // namespace switchyard::rehearsal
