#pragma once

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/options.h>
#include <rocksdb/write_buffer_manager.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "switchyard/store/state_store.h"

namespace switchyard::store {

/// Runs the background work of all stores of a process on a few threads; work of one owner never overlaps.
class Writers {
 public:
  explicit Writers(int threads);
  ~Writers();

  void post(const void* owner, std::function<void()> work, std::chrono::milliseconds after = {});
  /// Forgets the owner's work that waits and returns once none of it runs. Not from the owner's own work.
  void drop(const void* owner);

 private:
  using Clock = std::chrono::steady_clock;
  struct Work {
    const void* owner;
    std::function<void()> run;
  };
  void loop();
  bool runs(const void* owner) const;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<Clock::time_point, Work> waiting_;  // guarded by mutex_
  std::vector<const void*> running_;                // guarded by mutex_
  bool stopping_ = false;                           // guarded by mutex_
  std::vector<std::thread> threads_;
};

class StoreHost {
 public:
  /// `env`: tests put one that fails in between.
  explicit StoreHost(const HostOptions& options, rocksdb::Env* env = nullptr);

  Writers& writers() { return writers_; }
  /// The options of one store on this host.
  rocksdb::Options rocks_options(const StoreOptions& store) const;
  size_t block_cache_used_bytes() const { return cache_->GetUsage(); }

 private:
  const HostOptions options_;
  rocksdb::Env* const env_;
  std::shared_ptr<rocksdb::Cache> cache_;
  std::shared_ptr<rocksdb::WriteBufferManager> write_buffers_;
  std::shared_ptr<rocksdb::RateLimiter> limiter_;
  Writers writers_;
};

}  // namespace switchyard::store
