#include "graph.h"

#include <algorithm>
#include <optional>

namespace switchyard::workflow::compiler {
namespace {

/// Kahn's algorithm with the smallest ready step first; cycles are cut out one by one.
class Orderer {
 public:
  explicit Orderer(const Needs& needs)
      : needs_(needs), open_(needs.size()), dependents_(needs.size()), done_(needs.size()) {
    for (uint16_t step = 0; step < needs.size(); ++step) {
      for (const uint16_t need : needs[step]) dependents_[need].push_back(step);
      open_[step] = needs[step].size();
      if (open_[step] == 0) ready_.insert(step);
    }
  }

  Order run() {
    while (order_.steps.size() < needs_.size()) {
      if (ready_.empty()) cut_cycle();
      const uint16_t step = *ready_.begin();
      ready_.erase(ready_.begin());
      settle(step);
    }
    return std::move(order_);
  }

 private:
  void settle(uint16_t step) {
    done_[step] = true;
    order_.steps.push_back(step);
    for (const uint16_t dependent : dependents_[step]) {
      if (--open_[dependent] == 0 && !done_[dependent]) ready_.insert(dependent);
    }
  }

  /// Every step that is left needs another one that is left, so following the needs comes back to a step
  /// sooner or later.
  void cut_cycle() {
    uint16_t at = 0;
    while (done_[at]) ++at;
    std::vector<uint16_t> path;
    while (std::find(path.begin(), path.end(), at) == path.end()) {
      path.push_back(at);
      at = *std::find_if(needs_[at].begin(), needs_[at].end(), [&](uint16_t need) { return !done_[need]; });
    }
    std::vector<uint16_t> cycle(std::find(path.begin(), path.end(), at), path.end());
    std::rotate(cycle.begin(), std::min_element(cycle.begin(), cycle.end()), cycle.end());
    ready_.insert(cycle.begin(), cycle.end());
    order_.cycles.push_back(std::move(cycle));
  }

  const Needs& needs_;
  std::vector<size_t> open_;
  std::vector<std::vector<uint16_t>> dependents_;
  std::vector<bool> done_;
  std::set<uint16_t> ready_;
  Order order_;
};

}  // namespace

Order order_steps(const Needs& needs) { return Orderer(needs).run(); }

}  // namespace switchyard::workflow::compiler
