#include "switchyard/telemetry/secret.h"

#include <string.h>

#include "switchyard/base/hash.h"

namespace switchyard::telemetry {

Secret& Secret::operator=(const Secret& other) {
  if (this != &other) {
    wipe();
    value_ = other.value_;
  }
  return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    value_ = std::move(other.value_);
    other.wipe();
  }
  return *this;
}

bool Secret::equals(std::string_view other) const { return constant_time_equal(value_, other); }

void Secret::wipe() {
  // All of the buffer: a short string moved from leaves its bytes behind a size of zero.
  value_.resize(value_.capacity());
  explicit_bzero(value_.data(), value_.size());
  value_.clear();
}

}  // namespace switchyard::telemetry
