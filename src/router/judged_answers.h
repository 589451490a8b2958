#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "switchyard/router/evidence.h"

namespace switchyard::router {

/// Which answers of a route with a cache people have judged: one that is given again and again is judged
/// once, by whoever comes first. The oldest of kMaxJudgedAnswers are forgotten. Thread-safe.
class JudgedAnswers {
 public:
  /// False when it was judged before.
  bool judge(uint64_t answer);

  void save(const std::string& route, bool all, std::vector<Evidence>& out);
  void restore(const RouteEvidence& kept);

 private:
  bool add(uint64_t answer);

  std::mutex mutex_;
  // Guarded by mutex_.
  std::unordered_set<uint64_t> known_;
  std::deque<uint64_t> order_;
  bool changed_ = false;
};

}  // namespace switchyard::router
