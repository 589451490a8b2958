#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace switchyard::runtime {

/// A few named threads for work that blocks or computes (disk, checksums). Tasks start in the order of
/// their submission. The destructor finishes what was accepted.
class ThreadPool {
 public:
  struct Options {
    std::string name = "pool";  ///< threads are called "<name>-<n>"
    size_t threads = 1;
    size_t queue_capacity = 1024;  ///< tasks waiting, not counting those running
  };

  explicit ThreadPool(Options options);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// False when the queue is full or the pool is stopping; the task is then never run. From any thread.
  bool submit(std::function<void()> task);
  /// Waits until nothing waits or runs. Not from a task of the pool.
  void wait_idle();
  /// Takes nothing more, finishes what was accepted, joins. Idempotent; not from a task of the pool.
  void stop();

 private:
  void run();

  const Options options_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::deque<std::function<void()>> queue_;  // guarded by mutex_, like all below but the threads
  size_t running_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace switchyard::runtime
