#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "slab.h"
#include "switchyard/store/state_store.h"

namespace switchyard::store {

/// What an overlay knows of a key: its new value, or that it is gone (a tombstone).
struct Entry {
  uint32_t key_bytes;
  uint32_t value_bytes;
  uint32_t value_capacity;
  uint32_t pending_at;  ///< place in the list of those not yet in the ordered view, or kIndexed
  bool live;            ///< false: a tombstone
  bool may_be_below;    ///< an older layer may hold the key, so its end needs a tombstone
  bool began_here;      ///< by a put of a key this overlay had not seen; the base may well not have it
  char* value_at;

  static constexpr uint32_t kIndexed = UINT32_MAX;
  std::string_view key() const { return {reinterpret_cast<const char*>(this + 1), key_bytes}; }
  std::string_view value() const { return {value_at, value_bytes}; }
};

/// The keys that changed between two freezes: a hash table for single keys, and an ordered view that is made
/// only of what a scan asks for. Most keys of a partition are written, read and erased by name within one
/// overlay and never pay for order; a key joins the ordered view at the first scan over keys with its first
/// byte.
///
/// Owned by the partition's thread while active. When frozen, one other thread may call for_each
/// while the owner goes on with find and cursors: these change only the ordered view, which the other never
/// reads.
class Overlay {
 public:
  Overlay();
  ~Overlay();

  static uint64_t hash(std::string_view key);

  /// The entry of `key`, live or tombstone, or nullptr.
  Entry* find(std::string_view key, uint64_t key_hash) const;
  /// A new entry without a value. Requires: find gives nullptr.
  Entry* add(std::string_view key, uint64_t key_hash);
  void set_value(Entry* entry, std::string_view value);
  void make_tombstone(Entry* entry);
  /// Forgets the entry as if it had never been.
  void remove(Entry* entry, uint64_t key_hash);

  size_t keys() const { return keys_; }
  size_t bytes() const {
    return slab_.used_bytes() + capacity_ * sizeof(Slot) + indexed_keys() * sizeof(void*) * 2;
  }

  /// In no particular order.
  template <typename F>
  void for_each(F&& visit) const {
    for (size_t i = 0; i < capacity_; ++i)
      if (slots_[i].entry != nullptr) visit(static_cast<const Entry&>(*slots_[i].entry));
  }

  /// Walks the entries of `range`, tombstones included, in `direction`. The overlay must not change
  /// meanwhile, and `range` must outlive the cursor.
  class Cursor {
   public:
    Cursor(Overlay& overlay, const Range& range, Direction direction);
    ~Cursor();
    /// nullptr at the end.
    const Entry* entry() const { return entry_; }
    void advance();

   private:
    struct Place;
    void settle();
    const Range& range_;
    const Direction direction_;
    std::unique_ptr<Place> place_;
    const Entry* entry_ = nullptr;
  };

 private:
  struct Slot {
    uint64_t hash;
    Entry* entry;
  };
  struct Ordered;

  void grow();
  size_t indexed_keys() const;
  /// Puts every entry whose key may lie in `range` into the ordered view.
  void order(const Range& range);

  Slab slab_;
  std::unique_ptr<Slot[]> slots_;
  size_t capacity_ = 0;  // a power of two, or 0
  size_t keys_ = 0;
  std::unique_ptr<Ordered> ordered_;
};

}  // namespace switchyard::store
