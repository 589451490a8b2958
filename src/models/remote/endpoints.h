#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "switchyard/models/backend_spec.h"

namespace switchyard::models {

/// The equal replicas of a backend. A call goes to the one of two picked at random that has fewer calls under
/// way (M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001). A replica that fails
/// several times in a row is left out for a while, each time in a row longer, and at most half of them are
/// (after Envoy's outlier detection). Thread-safe.
class Endpoints {
 public:
  explicit Endpoints(const BackendSpec& spec);

  struct Pick {
    size_t index = 0;
    const std::string* url = nullptr;  ///< lives as long as this
  };
  Pick begin(int64_t now_us);
  /// `healthy`: the replica answered as it should, whatever it said of the request.
  void end(size_t index, bool healthy, int64_t now_us);
  /// A call that was given up tells nothing about the replica.
  void abandon(size_t index);

  struct State {
    std::string url;
    uint32_t under_way = 0;
    bool ejected = false;
  };
  std::vector<State> states(int64_t now_us) const;

 private:
  struct Replica {
    std::string url;
    uint32_t under_way = 0;
    uint32_t failures = 0;   // in a row
    uint32_t ejections = 0;  // in a row
    int64_t out_until_us = 0;
  };
  size_t random_below(size_t count);

  const uint32_t eject_after_;
  const int64_t eject_us_;
  mutable std::mutex mutex_;
  std::vector<Replica> replicas_;
  uint64_t random_ = 0x9E3779B97F4A7C15u;
};

}  // namespace switchyard::models
