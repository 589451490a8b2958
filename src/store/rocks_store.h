#pragma once

#include <rocksdb/db.h>
#include <rocksdb/listener.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base.h"
#include "host.h"
#include "layers.h"
#include "switchyard/store/state_store.h"

namespace switchyard::store {

/// The layers over RocksDB. The partition's thread calls the interface; a writer thread of the host writes
/// the frozen overlay; RocksDB's threads report flushes and failures through the listener.
class RocksStore final : public StateStore, private Base {
 public:
  RocksStore(std::shared_ptr<StoreHost> host, StoreOptions options);
  ~RocksStore() override;
  Status open();

  void put(std::string_view key, std::string_view value) override { layers_.put(key, value); }
  void insert(std::string_view key, std::string_view value) override { layers_.insert(key, value); }
  void erase(std::string_view key) override { layers_.erase(key); }
  Result<bool> get(std::string_view key, std::string& value) override;
  Status scan(const Range& range, const ScanOptions& options, Visitor visitor) override;
  bool can_freeze() override;
  bool freeze(Checkpoint reflected, Durability durability) override;
  Status flush() override;
  std::optional<Checkpoint> applied() override;
  std::optional<Checkpoint> flushed() const override;
  Status health() const override;
  size_t active_bytes() const override { return layers_.active_bytes(); }
  StoreStats stats() const override;

 private:
  class Listener;
  /// What the writer thread works on.
  struct InFlight {
    const Overlay* overlay = nullptr;  ///< nullptr: nothing
    size_t bytes = 0;                  ///< of the overlay, about those of the batch
    Checkpoint checkpoint;
    bool durable = false;
  };
  /// What the threads share; all of it guarded by the mutex.
  struct Shared {
    mutable std::mutex mutex;
    std::condition_variable changed;
    InFlight in_flight;
    std::optional<Checkpoint> applied, flushed;
    std::deque<std::pair<rocksdb::SequenceNumber, Checkpoint>> unflushed;  ///< written, oldest first
    rocksdb::SequenceNumber flushed_sequence = 0;
    std::optional<Error> failure;  ///< why writing fails at present
    bool flush_failing = false;    ///< RocksDB said so; only its recovery ends that
    uint64_t failures = 0;         ///< grows with every failed attempt
    bool retry_posted = false;
    bool closing = false;
    uint64_t freezes = 0, keys_written = 0, elided = 0;
    int64_t last_write_us = 0;
    std::chrono::milliseconds pause{0};  ///< before the next retry
  };

  // Base
  Result<bool> base_get(std::string_view key, std::string& value) override;
  std::unique_ptr<BaseCursor> base_scan(const Range& range, const ScanOptions& options) override;

  Status read_meta();
  /// Lets go of the frozen overlay once it is in the base. Partition's thread.
  void settle();
  /// Writer thread: one attempt to write what is in flight.
  void write_in_flight();
  rocksdb::Status write_batch(const InFlight& work, uint64_t& written, uint64_t& elided);
  void mark_flushed(rocksdb::SequenceNumber sequence);
  /// Any thread: a write or flush failed (tried again later), or works again.
  void report_failure(const rocksdb::Status& status, std::string_view doing);
  void report_recovery();
  void report_written();
  /// Writer thread: clears RocksDB's background error if it can, then tries what waits again.
  void retry();

  const std::shared_ptr<StoreHost> host_;  // shared: the host must outlive the database
  const StoreOptions options_;
  Shared shared_;
  std::unique_ptr<rocksdb::DB> db_;
  Layers layers_;
  std::atomic<bool> written_{false};  // the frozen overlay is in the base and may go
};

/// open_state_store on a host of the caller's making (tests).
Result<std::unique_ptr<RocksStore>> open_rocks_store(std::shared_ptr<StoreHost> host,
                                                     const StoreOptions& options);

}  // namespace switchyard::store
