#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "switchyard/authoring/graph.h"

namespace switchyard::authoring::graph {

/// One line, without control characters, at most kMaxLabelBytes long.
std::string label(std::string_view text);

/// What stands in a box: its name, what it does, its condition.
std::vector<std::string> lines_of(const Graph::Box& box);

}  // namespace switchyard::authoring::graph
