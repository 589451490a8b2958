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
  bool push(T&& item) { return wake_after(push_quietly(std::move(item))); }

  /// The same beyond the capacity: for what must never be refused (completions of work already admitted).
  /// False only when closed.
  bool push_unbounded(T&& item) { return wake_after(push_quietly(std::move(item), false)); }

  /// What became of an item whose consumer was not to be woken.
  enum class Pushed : uint8_t { kRefused, kTaken, kTakenAndConsumerSleeps };
  /// As push(), but leaves a sleeping consumer asleep: the caller takes what waits in its place
  /// (try_drain(), then rests()), or calls wake().
  Pushed push_quietly(T&& item, bool bounded = true) {
    std::lock_guard lock(mutex_);
    if (closed_ || (bounded && inbox_.size() >= capacity_)) return Pushed::kRefused;
    inbox_.push_back(std::move(item));
    return std::exchange(sleeping_, false) ? Pushed::kTakenAndConsumerSleeps : Pushed::kTaken;
  }

  /// For who drained in the sleeping consumer's place. True: nothing has come since, and the next push sees
  /// to it that it is taken; false: something waits.
  bool rests() {
    std::lock_guard lock(mutex_);
    if (!inbox_.empty() || closed_ || poked_) return false;
    sleeping_ = true;
    return true;
  }

  /// Consumer only. Sleeps until something is there to be drained, the mailbox is closed or wake() is called.
  void wait() {
    std::unique_lock lock(mutex_);
    sleep([&](const auto& ready) { wake_.wait(lock, ready); });
  }
  /// As above, or until the time is over.
  void wait(std::chrono::microseconds timeout) {
    std::unique_lock lock(mutex_);
    sleep([&](const auto& ready) { wake_.wait_for(lock, timeout, ready); });
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
    sleep([&](const auto& ready) { wake_.wait_for(lock, timeout, ready); });
    out.swap(inbox_);
    return !out.empty();
  }

  /// As above without a limit of time.
  bool drain(std::vector<T>& out) {
    out.clear();
    std::unique_lock lock(mutex_);
    sleep([&](const auto& ready) { wake_.wait(lock, ready); });
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
  /// Whether it was taken.
  bool wake_after(Pushed pushed) {
    if (pushed == Pushed::kTakenAndConsumerSleeps) wake_.notify_one();
    return pushed != Pushed::kRefused;
  }

  /// With the mutex held, which `wait` lets go of until what it is given says that it may return.
  template <typename Wait>
  void sleep(Wait&& wait) {
    const auto ready = [this] { return !inbox_.empty() || closed_ || poked_; };
    if (!ready()) {
      sleeping_ = true;
      wait(ready);
    }
    sleeping_ = false;
    poked_ = false;
  }

  const size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<T> inbox_;   // guarded by mutex_, like all below
  bool sleeping_ = false;  // the consumer waits and nobody has woken it yet
  bool poked_ = false;
  bool closed_ = false;
};

}  // namespace switchyard::runtime
