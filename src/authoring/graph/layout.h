#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace switchyard::authoring::graph {

struct Point {
  double x = 0, y = 0;
};
struct Size {
  double width = 0, height = 0;
};

/// Boxes in layers, each below all those that point to it (after K. Sugiyama, S. Tagawa, M. Toda: Methods for
/// visual understanding of hierarchical system structures, 1981).
struct Layout {
  Size size;
  std::vector<Point> corners;              ///< of each box, upper left
  std::vector<std::vector<Point>> routes;  ///< of each edge: from box to box, through the gaps between others
};

/// Edges are pairs of indexes into `boxes`; one that would close a circle is drawn, and ignored otherwise.
/// Deterministic.
Layout lay_out(const std::vector<Size>& boxes, const std::vector<std::pair<size_t, size_t>>& edges);

}  // namespace switchyard::authoring::graph
