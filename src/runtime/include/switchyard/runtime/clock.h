#pragma once

#include <cstdint>

namespace switchyard::runtime {

/// Where time comes from. Every component takes one, so that a test or a seed can set the time.
/// Safe to call from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Microseconds since 1970-01-01T00:00:00Z. May jump when somebody sets the machine's clock.
  virtual int64_t now_us() const = 0;
  /// Microseconds since some fixed point; never goes back. For durations.
  virtual int64_t monotonic_us() const = 0;
};

/// The machine's clock; lives as long as the process.
const Clock& system_clock();

}  // namespace switchyard::runtime
