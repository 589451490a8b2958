#pragma once

#include <cstdint>
#include <mutex>

#include "switchyard/runtime/random.h"

namespace switchyard::testing {

/// The same numbers for the same seed, on every machine (SplitMix64). Thread-safe.
class SeededRandom final : public runtime::Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}

  uint64_t next_u64() override {
    std::lock_guard lock(mutex_);
    uint64_t z = (state_ += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
  void fill(std::span<uint8_t> out) override {
    for (auto& byte : out) byte = static_cast<uint8_t>(next_u64());
  }
  /// Uniform enough for tests: 0 <= result < bound; bound > 0.
  uint64_t below(uint64_t bound) { return next_u64() % bound; }
  /// True once in `n` times.
  bool one_in(uint64_t n) { return below(n) == 0; }

 private:
  std::mutex mutex_;
  uint64_t state_;
};

}  // namespace switchyard::testing
