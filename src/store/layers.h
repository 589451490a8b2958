#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "base.h"
#include "overlay.h"
#include "switchyard/store/state_store.h"

namespace switchyard::store {

/// The overlays over a base, read and written as one map. All calls from the partition's thread, except those
/// marked.
class Layers {
 public:
  explicit Layers(Base& base) : base_(base), active_(std::make_unique<Overlay>()) {}

  void put(std::string_view key, std::string_view value);
  void insert(std::string_view key, std::string_view value);
  void erase(std::string_view key);
  Result<bool> get(std::string_view key, std::string& value);
  Status scan(const Range& range, const ScanOptions& options, Visitor visitor);

  bool has_frozen() const { return frozen_ != nullptr; }
  /// Makes the active overlay immutable and begins a new one. Requires: !has_frozen(). The result lives until
  /// take_frozen and may be read by one other thread (see Overlay).
  const Overlay& freeze();
  /// Gives the frozen overlay up, once the base holds it.
  std::unique_ptr<Overlay> take_frozen();

  size_t active_bytes() const { return active_bytes_.load(std::memory_order_relaxed); }  ///< any thread
  size_t active_keys() const { return active_keys_.load(std::memory_order_relaxed); }    ///< any thread
  size_t frozen_bytes() const { return frozen_bytes_.load(std::memory_order_relaxed); }  ///< any thread
  uint64_t annihilated() const { return annihilated_.load(std::memory_order_relaxed); }  ///< any thread

 private:
  void check_key(std::string_view key) const;
  void publish();

  Base& base_;
  std::unique_ptr<Overlay> active_;
  std::unique_ptr<Overlay> frozen_;
  bool scanning_ = false;
  std::atomic<size_t> active_bytes_{0}, active_keys_{0}, frozen_bytes_{0};
  std::atomic<uint64_t> annihilated_{0};
};

}  // namespace switchyard::store
