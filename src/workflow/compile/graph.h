#pragma once

#include <cstdint>
#include <set>
#include <vector>

namespace switchyard::workflow::compiler {

/// needs[i]: the steps that must be settled before step i.
using Needs = std::vector<std::set<uint16_t>>;

struct Order {
  std::vector<uint16_t> steps;  ///< every step once; each after those it needs, as far as there is no cycle
  std::vector<std::vector<uint16_t>> cycles;  ///< each as the steps on it: a needs b, b needs c, c needs a
};
/// Steps that could come in any order keep that of the document.
Order order_steps(const Needs& needs);

}  // namespace switchyard::workflow::compiler
