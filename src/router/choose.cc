#include "choose.h"

#include <cmath>

namespace switchyard::router {

double spread(uint64_t key, uint64_t seed) {
  // The finaliser of SplitMix64 (Steele, Lea and Flood, 2014), twice: key and seed may both be close
  // together.
  const auto mix = [](uint64_t x) {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
  };
  const uint64_t mixed = mix(mix(key + 0x9E3779B97F4A7C15ull) ^ seed);
  return (static_cast<double>(mixed >> 11) + 0.5) * 0x1p-53;
}

size_t choose(uint64_t key, std::span<const Weighted> choices) {
  size_t best = choices.size();
  double highest = 0;
  for (size_t i = 0; i < choices.size(); ++i) {
    if (choices[i].weight <= 0) continue;
    // -ln(u)/w is exponential with rate w: the smallest of all is i's with probability w / sum.
    const double score = choices[i].weight / -std::log(spread(key, choices[i].seed));
    if (best == choices.size() || score > highest) {
      best = i;
      highest = score;
    }
  }
  return best;
}

}  // namespace switchyard::router
