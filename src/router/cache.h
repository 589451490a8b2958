#pragma once

#include <cstdint>
#include <cstring>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "switchyard/base/hash.h"
#include "switchyard/models/model_service.h"
#include "switchyard/router/route.h"

namespace switchyard::router {

/// Of length 1.
using UnitVector = std::vector<float>;

/// By what a request is found that says nearly the same: everything but its text, exactly, and where the text
/// lies. Shared: a look keeps the vectors that it compares while they may be dropped.
struct Likeness {
  Sha256 rest{};
  std::shared_ptr<const UnitVector> vector;
};

/// Answers of a route by the content that was asked: model version, input in its canonical form, and the
/// tenant where answers are not shared. Bounded in number and bytes (the least recently used goes first) and
/// in time. Those kept with a likeness are found by it too. Thread-safe.
class AnswerCache {
 public:
  struct Hit {
    models::ModelAnswer answer;  ///< with nothing used and no time taken
    std::string decision;        ///< that the answer was made for
    int64_t age_us = 0;
  };
  /// The entry that is most alike, and its answer where it is enough so.
  struct Similar {
    double similarity = 0;  ///< cosine; 0: there is no entry
    std::optional<Hit> hit;
  };
  struct Stats {
    uint64_t hits = 0, similar_hits = 0, misses = 0, entries = 0, bytes = 0;
  };

  explicit AnswerCache(const Cache& settings) : settings_(settings) {}
  /// What is over new limits goes; the time to live holds for what is kept from now on.
  void configure(const Cache& settings);

  /// Of an input, or of the rest of one.
  Sha256 key(const models::ModelName& model, const Value& input, std::string_view tenant) const;
  std::optional<Hit> find(const Sha256& key, int64_t now_us);
  /// Compares with every entry of the same rest, without holding others up. Follows a find() that missed.
  Similar find_similar(const Likeness& likeness, double least, int64_t now_us);
  /// Keeps the answer unless it alone is larger than the cache.
  void put(const Sha256& key, const models::ModelAnswer& answer, const std::string& decision, int64_t now_us,
           std::optional<Likeness> likeness = {});
  Stats stats() const;

 private:
  struct Entry {
    Sha256 key;
    models::ModelAnswer answer;
    std::string decision;
    int64_t kept_us, until_us;
    size_t bytes;
    std::optional<Likeness> likeness;
  };
  using Entries = std::list<Entry>;
  struct KeyHash {
    size_t operator()(const Sha256& key) const {
      size_t first;
      std::memcpy(&first, key.data(), sizeof first);
      return first;
    }
  };
  // With the mutex held.
  Hit use(Entries::iterator entry, int64_t now_us);
  void drop(Entries::iterator entry);

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  Cache settings_;
  Entries entries_;  // the most recently used first
  std::unordered_map<Sha256, Entries::iterator, KeyHash> index_;
  /// By the rest of the request; the most recently used last.
  std::unordered_map<Sha256, std::vector<Entries::iterator>, KeyHash> alike_;
  Stats stats_;
};

}  // namespace switchyard::router
