#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "host.h"

namespace switchyard::partition {

/// Looks after all partitions from time to time, on a thread of its own, and when asked.
class Keeper {
 public:
  /// Hands a call to a partition's thread; false: it takes none now.
  using Post = std::function<bool(uint32_t partition, Call call)>;
  Keeper(const EngineOptions& options, std::vector<PartitionHost*> hosts, Post post);
  ~Keeper();

  void start();
  /// Ends a pass that is under way, between two of its steps. Before the partitions stop.
  void stop();
  Result<UpkeepReport> apply(const std::string& who, bool dry_run);

 private:
  void run();
  Status on_partition(PartitionHost& host, uint32_t partition,
                      std::function<Status(StateMachine&, int64_t)> work);

  const EngineOptions& options_;
  const std::vector<PartitionHost*> hosts_;
  const Post post_;
  std::atomic<bool> stopping_{false};
  std::mutex pass_mutex_;       // one pass at a time
  bool looked_at_all_ = false;  // guarded by pass_mutex_
  std::mutex mutex_;
  std::condition_variable wake_;
  std::thread thread_;
};

}  // namespace switchyard::partition
