#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "switchyard/base/hash.h"
#include "switchyard/models/model_service.h"
#include "switchyard/router/route.h"

namespace switchyard::router {

/// Answers of a route by the content that was asked: model version, input in its canonical form, and the
/// tenant where answers are not shared. Bounded in number and bytes (the least recently used goes first) and
/// in time. Thread-safe.
class ExactCache {
 public:
  struct Hit {
    models::ModelAnswer answer;
    std::string decision;  ///< that the answer was made for
    int64_t age_us = 0;
  };
  struct Stats {
    uint64_t hits = 0, misses = 0, entries = 0, bytes = 0;
  };

  explicit ExactCache(const Cache& settings) : settings_(settings) {}
  /// What is over new limits goes; the time to live holds for what is kept from now on.
  void configure(const Cache& settings);

  Sha256 key(const models::ModelName& model, const Value& input, std::string_view tenant) const;
  std::optional<Hit> find(const Sha256& key, int64_t now_us);
  /// Keeps the answer unless it alone is larger than the cache.
  void put(const Sha256& key, const models::ModelAnswer& answer, const std::string& decision, int64_t now_us);
  Stats stats() const;

 private:
  struct Entry {
    Sha256 key;
    models::ModelAnswer answer;
    std::string decision;
    int64_t kept_us, until_us;
    size_t bytes;
  };
  struct KeyHash {
    size_t operator()(const Sha256& key) const {
      size_t first;
      std::memcpy(&first, key.data(), sizeof first);
      return first;
    }
  };
  void drop(std::list<Entry>::iterator entry);

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  Cache settings_;
  std::list<Entry> entries_;  // the most recently used first
  std::unordered_map<Sha256, std::list<Entry>::iterator, KeyHash> index_;
  Stats stats_;
};

}  // namespace switchyard::router
