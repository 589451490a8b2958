#include "layout.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace switchyard::authoring::graph {
namespace {

constexpr double kGapX = 28, kGapY = 44;
constexpr double kRouteWidth = 10;  ///< of the place that an edge takes in a layer it passes through
constexpr int kSweeps = 12;

/// A box, or the place where an edge passes through a layer.
struct Cell {
  double width = 0, height = 0;
  double x = 0;  ///< of its middle
  size_t layer = 0, order = 0;
  std::vector<size_t> above, below;
};

class Sugiyama {
 public:
  Sugiyama(const std::vector<Size>& boxes, const std::vector<std::pair<size_t, size_t>>& edges)
      : boxes_(boxes), edges_(edges) {
    for (const Size& box : boxes) cells_.push_back({box.width, box.height, 0, 0, 0, {}, {}});
  }

  Layout run() {
    find_forward_edges();
    assign_layers();
    route_edges();
    order_layers();
    for (int sweep = 0; sweep < kSweeps; ++sweep) place_all(sweep % 2 == 0);
    return finish();
  }

 private:
  /// Depth first; an edge to a box that is still open closes a circle.
  void find_forward_edges() {
    std::vector<std::vector<size_t>> out(boxes_.size());
    for (size_t e = 0; e < edges_.size(); ++e) out[edges_[e].first].push_back(e);
    forward_.assign(edges_.size(), true);
    std::vector<uint8_t> state(boxes_.size(), 0);
    for (size_t start = 0; start < boxes_.size(); ++start) {
      if (state[start] != 0) continue;
      std::vector<std::pair<size_t, size_t>> stack{{start, 0}};
      state[start] = 1;
      while (!stack.empty()) {
        auto& [box, next] = stack.back();
        if (next == out[box].size()) {
          state[box] = 2;
          topological_.push_back(box);
          stack.pop_back();
          continue;
        }
        const size_t edge = out[box][next++];
        const size_t to = edges_[edge].second;
        if (state[to] == 1) forward_[edge] = false;
        if (state[to] != 0) continue;
        state[to] = 1;
        stack.emplace_back(to, 0);
      }
    }
    std::reverse(topological_.begin(), topological_.end());
  }

  void assign_layers() {
    std::vector<std::vector<size_t>> out(boxes_.size());
    std::vector<size_t> in_count(boxes_.size(), 0);
    for (size_t e = 0; e < edges_.size(); ++e) {
      if (!forward_[e]) continue;
      out[edges_[e].first].push_back(edges_[e].second);
      ++in_count[edges_[e].second];
    }
    size_t deepest = 0;
    for (const size_t box : topological_) {
      for (const size_t to : out[box]) cells_[to].layer = std::max(cells_[to].layer, cells_[box].layer + 1);
      deepest = std::max(deepest, cells_[box].layer);
    }
    // What nothing points to stands right above the first that reads it.
    for (auto it = topological_.rbegin(); it != topological_.rend(); ++it) {
      if (in_count[*it] != 0 || out[*it].empty()) continue;
      size_t first = deepest;
      for (const size_t to : out[*it]) first = std::min(first, cells_[to].layer);
      cells_[*it].layer = first == 0 ? 0 : first - 1;
    }
    layers_.resize(deepest + 1);
    for (size_t i = 0; i < boxes_.size(); ++i) layers_[cells_[i].layer].push_back(i);
  }

  void route_edges() {
    chains_.resize(edges_.size());
    for (size_t e = 0; e < edges_.size(); ++e) {
      auto [from, to] = edges_[e];
      if (cells_[from].layer > cells_[to].layer) std::swap(from, to);
      std::vector<size_t>& chain = chains_[e];
      chain.push_back(from);
      for (size_t layer = cells_[from].layer + 1; layer < cells_[to].layer; ++layer) {
        chain.push_back(cells_.size());
        layers_[layer].push_back(cells_.size());
        cells_.push_back({kRouteWidth, 0, 0, layer, 0, {}, {}});
      }
      chain.push_back(to);
      for (size_t i = 0; i + 1 < chain.size(); ++i) {
        cells_[chain[i]].below.push_back(chain[i + 1]);
        cells_[chain[i + 1]].above.push_back(chain[i]);
      }
      if (edges_[e].first != from) std::reverse(chain.begin(), chain.end());
    }
  }

  void number(size_t layer) {
    for (size_t i = 0; i < layers_[layer].size(); ++i) cells_[layers_[layer][i]].order = i;
  }

  /// The middle of the neighbours' places; where there are none, the cell's own.
  double barycentre(size_t cell, bool downward) const {
    const auto& neighbours = downward ? cells_[cell].above : cells_[cell].below;
    if (neighbours.empty()) return static_cast<double>(cells_[cell].order);
    double sum = 0;
    for (const size_t n : neighbours) sum += static_cast<double>(cells_[n].order);
    return sum / static_cast<double>(neighbours.size());
  }

  size_t crossings() const {
    size_t count = 0;
    for (const auto& layer : layers_) {
      std::vector<std::pair<size_t, size_t>> ends;
      for (const size_t cell : layer)
        for (const size_t to : cells_[cell].below) ends.emplace_back(cells_[cell].order, cells_[to].order);
      std::sort(ends.begin(), ends.end());
      for (size_t i = 0; i < ends.size(); ++i)
        for (size_t j = i + 1; j < ends.size(); ++j)
          count += ends[i].first != ends[j].first && ends[i].second > ends[j].second;
    }
    return count;
  }

  void order_layers() {
    for (size_t layer = 0; layer < layers_.size(); ++layer) number(layer);
    // Counting crossings is quadratic in a layer; a graph that wide is unreadable in any order.
    const bool countable = cells_.size() < 1500;
    auto best = layers_;
    size_t least = countable ? crossings() : 0;
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
      const bool downward = sweep % 2 == 0;
      for (size_t i = 0; i < layers_.size(); ++i) {
        const size_t layer = downward ? i : layers_.size() - 1 - i;
        std::vector<std::pair<double, size_t>> keys;
        for (const size_t cell : layers_[layer]) keys.emplace_back(barycentre(cell, downward), cell);
        std::stable_sort(keys.begin(), keys.end(),
                         [](const auto& a, const auto& b) { return a.first < b.first; });
        for (size_t at = 0; at < keys.size(); ++at) layers_[layer][at] = keys[at].second;
        number(layer);
      }
      const size_t count = countable ? crossings() : 0;
      if (count < least || !countable) {
        least = count;
        best = layers_;
      }
    }
    layers_ = std::move(best);
    for (size_t layer = 0; layer < layers_.size(); ++layer) number(layer);
  }

  /// Every cell as near to the middle of its neighbours as order and gaps allow: least squares under
  /// constraints, by pooling neighbours that would overlap.
  void place_all(bool downward) {
    for (size_t i = 0; i < layers_.size(); ++i)
      place(layers_[downward ? i : layers_.size() - 1 - i], downward);
  }
  void place(const std::vector<size_t>& layer, bool downward) {
    struct Pool {
      double sum;
      size_t count;
    };
    std::vector<double> offsets;
    std::vector<Pool> pools;
    double offset = 0;
    for (size_t i = 0; i < layer.size(); ++i) {
      const Cell& cell = cells_[layer[i]];
      if (i > 0) offset += cells_[layer[i - 1]].width / 2 + kGapX + cell.width / 2;
      offsets.push_back(offset);
      const auto& first = downward ? cell.above : cell.below;
      const auto& neighbours = first.empty() ? (downward ? cell.below : cell.above) : first;
      double wanted = cell.x;
      if (!neighbours.empty()) {
        wanted = 0;
        for (const size_t n : neighbours) wanted += cells_[n].x;
        wanted /= static_cast<double>(neighbours.size());
      }
      pools.push_back({wanted - offset, 1});
      while (pools.size() > 1) {
        const Pool last = pools.back();
        Pool& before = pools[pools.size() - 2];
        if (before.sum / static_cast<double>(before.count) <= last.sum / static_cast<double>(last.count))
          break;
        before.sum += last.sum;
        before.count += last.count;
        pools.pop_back();
      }
    }
    size_t at = 0;
    for (const Pool& pool : pools) {
      const double value = pool.sum / static_cast<double>(pool.count);
      for (size_t i = 0; i < pool.count; ++i, ++at) cells_[layer[at]].x = value + offsets[at];
    }
  }

  Layout finish() {
    double left = 0, right = 0;
    bool first = true;
    for (const Cell& cell : cells_) {
      left = first ? cell.x - cell.width / 2 : std::min(left, cell.x - cell.width / 2);
      right = first ? cell.x + cell.width / 2 : std::max(right, cell.x + cell.width / 2);
      first = false;
    }
    Layout layout;
    std::vector<double> middles(layers_.size()), heights(layers_.size());
    double y = 0;
    for (size_t layer = 0; layer < layers_.size(); ++layer) {
      for (const size_t cell : layers_[layer]) heights[layer] = std::max(heights[layer], cells_[cell].height);
      middles[layer] = y + heights[layer] / 2;
      y += heights[layer] + kGapY;
    }
    layout.size = {right - left, layers_.empty() || cells_.empty() ? 0 : y - kGapY};
    for (size_t i = 0; i < boxes_.size(); ++i) {
      const Cell& cell = cells_[i];
      layout.corners.push_back({cell.x - cell.width / 2 - left, middles[cell.layer] - cell.height / 2});
    }
    for (size_t e = 0; e < edges_.size(); ++e) layout.routes.push_back(route(e, left, middles, heights));
    return layout;
  }

  std::vector<Point> route(size_t edge, double left, const std::vector<double>& middles,
                           const std::vector<double>& heights) const {
    std::vector<Point> points;
    const auto& chain = chains_[edge];
    const bool down = cells_[chain.front()].layer <= cells_[chain.back()].layer;
    for (size_t i = 0; i < chain.size(); ++i) {
      const Cell& cell = cells_[chain[i]];
      const double x = cell.x - left, middle = middles[cell.layer];
      const double half = i == 0 || i + 1 == chain.size() ? cell.height / 2 : heights[cell.layer] / 2;
      if (i > 0) points.push_back({x, middle + (down ? -half : half)});
      if (i + 1 < chain.size()) points.push_back({x, middle + (down ? half : -half)});
    }
    return points;
  }

  const std::vector<Size>& boxes_;
  const std::vector<std::pair<size_t, size_t>>& edges_;
  std::vector<bool> forward_;
  std::vector<size_t> topological_;
  std::vector<Cell> cells_;
  std::vector<std::vector<size_t>> layers_, chains_;
};

}  // namespace

Layout lay_out(const std::vector<Size>& boxes, const std::vector<std::pair<size_t, size_t>>& edges) {
  if (boxes.empty()) return {};
  return Sugiyama(boxes, edges).run();
}

}  // namespace switchyard::authoring::graph
