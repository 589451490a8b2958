#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

namespace switchyard::runtime {

/// A bounded queue from many threads to one that takes everything at once: the consumer swaps the whole
/// vector out under the lock, so the lock is held for a few instructions on either side, and a producer
/// wakes the consumer only if it sleeps. Must outlive every call of every producer: one that has delivered
/// its item may still be about to wake the consumer. Memory is reused: the vector handed in by the consumer
/// becomes the next inbox.
template <typename T>
class Mailbox {
 public:
  explicit Mailbox(size_t capacity) : capacity_(capacity) {}
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  /// False when the mailbox is full or closed; `item` is then untouched.
  bool push(T&& item) {
    bool wake;
    {
      std::lock_guard lock(mutex_);
      if (closed_ || inbox_.size() >= capacity_) return false;
      inbox_.push_back(std::move(item));
      wake = std::exchange(sleeping_, false);
    }
    if (wake) wake_.notify_one();
    return true;
  }

  /// The same beyond the capacity: for what must never be refused (completions of work already admitted).
  /// False only when closed.
  bool push_unbounded(T&& item) {
    bool wake;
    {
      std::lock_guard lock(mutex_);
      if (closed_) return false;
      inbox_.push_back(std::move(item));
      wake = std::exchange(sleeping_, false);
    }
    if (wake) wake_.notify_one();
    return true;
  }

  /// Consumer only. Replaces `out` (cleared first) by all that waits; false when nothing did.
  bool try_drain(std::vector<T>& out) {
    out.clear();
    std::lock_guard lock(mutex_);
    out.swap(inbox_);
    return !out.empty();
  }

  /// Consumer only. As try_drain(), but sleeps until something comes, the mailbox is closed, wake() is
  /// called, or the time is over.
  bool drain(std::vector<T>& out, std::chrono::microseconds timeout) {
    out.clear();
    std::unique_lock lock(mutex_);
    if (inbox_.empty() && !closed_ && !poked_) {
      sleeping_ = true;
      wake_.wait_for(lock, timeout, [this] { return !inbox_.empty() || closed_ || poked_; });
      sleeping_ = false;
    }
    poked_ = false;
    out.swap(inbox_);
    return !out.empty();
  }

  /// As above without a limit of time.
  bool drain(std::vector<T>& out) {
    out.clear();
    std::unique_lock lock(mutex_);
    if (inbox_.empty() && !closed_ && !poked_) {
      sleeping_ = true;
      wake_.wait(lock, [this] { return !inbox_.empty() || closed_ || poked_; });
      sleeping_ = false;
    }
    poked_ = false;
    out.swap(inbox_);
    return !out.empty();
  }

  /// Makes the consumer's current or next drain() return even if nothing waits.
  void wake() {
    {
      std::lock_guard lock(mutex_);
      poked_ = true;
      sleeping_ = false;
    }
    wake_.notify_one();
  }

  /// Nothing more is taken in; what waits can still be drained.
  void close() {
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
      sleeping_ = false;
    }
    wake_.notify_all();
  }

  bool closed() const {
    std::lock_guard lock(mutex_);
    return closed_;
  }
  size_t size() const {
    std::lock_guard lock(mutex_);
    return inbox_.size();
  }
  size_t capacity() const { return capacity_; }

 private:
  const size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<T> inbox_;   // guarded by mutex_, like all below
  bool sleeping_ = false;  // the consumer waits and nobody has woken it yet
  bool poked_ = false;
  bool closed_ = false;
};

}  // namespace switchyard::runtime
