#pragma once

#include <cstdint>
#include <span>

namespace switchyard::runtime {

/// Where randomness comes from. Safe to call from any thread.
class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t next_u64() = 0;
  virtual void fill(std::span<uint8_t> out) = 0;
};

/// The kernel's generator (getrandom), fit for ids and keys; lives as long as the process.
Random& system_random();

}  // namespace switchyard::runtime
