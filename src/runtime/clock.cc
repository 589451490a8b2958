#include "switchyard/runtime/clock.h"

#include <chrono>

namespace switchyard::runtime {
namespace {

class SystemClock final : public Clock {
 public:
  int64_t now_us() const override {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
  }
  int64_t monotonic_us() const override {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
  }
};

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

}  // namespace switchyard::runtime
