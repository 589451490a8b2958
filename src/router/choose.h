#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace switchyard::router {

/// A thing that can be chosen: `seed` is hash64 of its name.
struct Weighted {
  uint64_t seed = 0;
  double weight = 0;
};

/// Evenly spread in (0, 1), from the key and the seed alone.
double spread(uint64_t key, uint64_t seed);

/// Which of `choices` has the key `key`: each gets its share of the keys by weight, the same key always goes
/// to the same one, and a change of weights moves only the keys of the difference: a choice that gains takes
/// keys, one that loses gives them, no key moves between two others. Weighted rendezvous hashing: Thaler and
/// Ravishankar, "Using name-based mappings to increase hit rates", 1998, with the weights of Schindelhauer
/// and Schomaker, "Weighted distributed hash tables", 2005 (the logarithmic method). Returns choices.size()
/// when no weight is above 0.
size_t choose(uint64_t key, std::span<const Weighted> choices);

}  // namespace switchyard::router
