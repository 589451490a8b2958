#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "switchyard/base/result.h"
#include "switchyard/types/ids.h"

namespace switchyard::store {

/// What a written state reflects: all events before `offset`, folded under ownership `epoch`.
struct Checkpoint {
  LogOffset offset;
  Epoch epoch;
  friend auto operator<=>(const Checkpoint&, const Checkpoint&) = default;
};

/// The keys k with from <= k < until, bytewise. An empty `until` has no upper bound.
struct Range {
  std::string from;
  std::string until;

  static Range all() { return {}; }
  /// All keys that begin with `prefix`.
  static Range prefix(std::string_view prefix);
  static Range between(std::string_view from, std::string_view until) {
    return {std::string(from), std::string(until)};
  }
};

enum class Direction : uint8_t { kForward, kBackward };

struct ScanOptions {
  Direction direction = Direction::kForward;
  /// Entries handed to the visitor at most; 0 stands for no limit.
  size_t limit = 0;
  /// For long scans (exports, audits): reads ahead and leaves the block cache to others.
  bool bulk = false;
};

/// A reference to a callable `bool(std::string_view key, std::string_view value)`; false ends the scan. The
/// views are good until the visitor returns. Keeps nothing alive: pass a lambda in place.
class Visitor {
 public:
  template <typename F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, Visitor> &&
           std::is_invocable_r_v<bool, F&, std::string_view, std::string_view>)
      Visitor(F&& callable)  // NOLINT: implicit on purpose
      : callable_(const_cast<void*>(static_cast<const void*>(std::addressof(callable)))),
        call_([](void* self, std::string_view key, std::string_view value) -> bool {
          return (*static_cast<std::remove_reference_t<F>*>(self))(key, value);
        }) {}
  bool operator()(std::string_view key, std::string_view value) const { return call_(callable_, key, value); }

 private:
  void* callable_;
  bool (*call_)(void*, std::string_view, std::string_view);
};

/// How far a checkpoint is to be carried in the background.
enum class Durability : uint8_t {
  kWritten,  ///< into the base's memory; the base makes it durable when its buffer is full
  kDurable,  ///< then onto the disk, so that flushed() advances
};

/// Figures for metrics and admission; see StateStore::stats.
struct StoreStats {
  size_t active_keys = 0;         ///< entries (tombstones included) that changed since the last freeze
  size_t active_bytes = 0;        ///< memory of these entries
  size_t frozen_bytes = 0;        ///< memory of the overlay that is being written; 0 when none is
  uint64_t freezes = 0;           ///< checkpoints written to the base
  uint64_t keys_written = 0;      ///< entries that reached the base
  uint64_t keys_annihilated = 0;  ///< entries that were created and erased without reaching it
  uint64_t write_failures = 0;    ///< failed attempts to write or flush; each is tried again
  int64_t last_write_us = 0;      ///< time the last checkpoint took in the background
  uint64_t base_bytes = 0;        ///< size of the base's files
};

/// The state of one partition: an ordered map of byte strings in three layers (what changed since the last
/// freeze; what is being written; the base), read as one. It has no log of its own: the partition's log is
/// the write-ahead log, and after a crash the base is an older checkpoint from which the partition folds on.
///
/// Keys: 1..kMaxKeyBytes bytes, the first of which is not 0 (keys beginning with 0 belong to the store).
/// Values: up to kMaxValueBytes. Order is bytewise, keys.h encodes values so that this order is theirs.
///
/// Threads: all calls come from the one thread that owns the partition (it may change, with a
/// happens-before), but `flushed`, `health` and `stats` come from any. Failures of the background never lose
/// state: the overlay stays until it is written, and the write is tried again, so the store recovers by
/// itself when a full disk has space. Life: the destructor waits for background work and flushes nothing;
/// call flush() for a clean end.
class StateStore {
 public:
  virtual ~StateStore() = default;

  /// Sets `key`. Touches memory only and cannot fail.
  virtual void put(std::string_view key, std::string_view value) = 0;
  /// Like put for a key that is certainly absent (a new run, a new timer): erased again before the next
  /// freeze, it leaves no trace. Requires: get(key) would find nothing. A present key is a CHECK failure
  /// where that is cheap to see (the overlays; in debug and sanitizer builds the base too).
  virtual void insert(std::string_view key, std::string_view value) = 0;
  /// Removes `key`, present or not. Touches memory only.
  virtual void erase(std::string_view key) = 0;

  /// The value of `key` in `value`, and true; or false and `value` unspecified. kCorruption "store.corrupt",
  /// kIo "store.io" when the base cannot be read.
  virtual Result<bool> get(std::string_view key, std::string& value) = 0;
  Result<std::optional<std::string>> get(std::string_view key);

  /// Hands the entries in `range`, in order, to `visitor`: the state as of this call. The visitor must not
  /// call this store. Errors as of get; what was visited before an error was right. A range whose head was
  /// erased key by key (a queue) is dearer to enter there: begin at the last key known to be gone.
  virtual Status scan(const Range& range, const ScanOptions& options, Visitor visitor) = 0;
  Status scan(const Range& range, Visitor visitor) { return scan(range, ScanOptions{}, visitor); }

  /// Whether freeze() would be accepted: no overlay is being written.
  virtual bool can_freeze() = 0;
  /// Begins a checkpoint in O(1): what changed since the last one becomes immutable and is written in the
  /// background as one atomic batch together with `reflected`. Returns false, and does nothing, while an
  /// earlier one is being written: try again later (until then the active overlay grows; see active_bytes()).
  /// Requires: every event before reflected.offset was applied and none after; `reflected` is not before the
  /// last.
  virtual bool freeze(Checkpoint reflected, Durability durability = Durability::kWritten) = 0;

  /// Makes the last accepted freeze durable: waits for its write and flushes. Blocks for the disk; for
  /// periodic use prefer freeze(.., kDurable). kNoSpace "store.no_space", kIo, kCorruption: the state is as
  /// it was, try again.
  virtual Status flush() = 0;

  /// The last checkpoint that is in the base (perhaps only in its memory). Nothing: a new store.
  virtual std::optional<Checkpoint> applied() = 0;
  /// The last checkpoint that would survive a crash now: fold from its offset, trim the log below it.
  /// Nothing: a new store, fold from the log's beginning. Never goes back. Any thread.
  virtual std::optional<Checkpoint> flushed() const = 0;

  /// Ok, or why the background cannot write at present (it keeps trying). Any thread.
  virtual Status health() const = 0;

  /// Memory of the active overlay. Callers freeze at some size (kFreezeBytes is a good one) and refuse work
  /// past kMaxActiveBytes, which is reached only if the disk has failed for long.
  virtual size_t active_bytes() const = 0;
  /// Any thread; figures of different moments.
  virtual StoreStats stats() const = 0;
};

/// What the stores of one process share: block cache, memory budget of unflushed writes, background threads.
/// Make one, keep it until all its stores are gone (each store holds it).
struct HostOptions {
  size_t block_cache_bytes = 32u << 20;  ///< tables' data, index and filter blocks of all stores
  size_t write_buffers_bytes =
      96u << 20;               ///< all stores' unflushed writes together; past it, the largest flushes
  int writer_threads = 1;      ///< write frozen overlays
  int flush_threads = 1;       ///< RocksDB's, of high priority
  int compaction_threads = 1;  ///< RocksDB's, of low priority
  /// Flushes and compactions of all stores write no faster than this, so that they leave the disk to the log;
  /// 0: no limit.
  size_t background_bytes_per_second = 128u << 20;
};
class StoreHost;
std::shared_ptr<StoreHost> make_store_host(const HostOptions& options = {});

struct StoreOptions {
  std::string path;                      ///< folder of this partition alone; created when absent
  PartitionId partition;                 ///< kConflict when the folder belongs to another
  size_t write_buffer_bytes = 8u << 20;  ///< the base's memory before it flushes by itself
  /// Called on a background thread when writing begins to fail and (with ok) when it works again. Must not
  /// call the store.
  std::function<void(const Status&)> on_health;
};

/// Opens or creates a store. Errors: kConflict "store.locked" (another process has it),
/// "store.wrong_partition"; kUnprocessable "store.unknown_format" (written by a newer version); kCorruption;
/// kNoSpace; kIo.
Result<std::unique_ptr<StateStore>> open_state_store(std::shared_ptr<StoreHost> host,
                                                     const StoreOptions& options);

}  // namespace switchyard::store
