#include "rocks_store.h"

#include <fmt/format.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <filesystem>

#include "meta.h"
#include "rocks_error.h"
#include "switchyard/base/check.h"
#include "switchyard/store/limits.h"

namespace switchyard::store {
namespace {

constexpr std::string_view kWriting = "written to memory";
constexpr std::string_view kFlushing = "written to disk";

rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }
std::string_view view(const rocksdb::Slice& text) { return {text.data(), text.size()}; }

class RocksCursor final : public BaseCursor {
 public:
  RocksCursor(rocksdb::DB& db, const std::string& path, const Range& range, const ScanOptions& options)
      : path_(path),
        forward_(options.direction == Direction::kForward),
        from_(slice(range.from)),
        until_(slice(range.until)) {
    rocksdb::ReadOptions read;
    read.iterate_lower_bound = &from_;
    if (!until_.empty()) read.iterate_upper_bound = &until_;
    if (options.bulk) {
      read.fill_cache = false;
      read.readahead_size = 1u << 20;
    }
    iterator_.reset(db.NewIterator(read));
    if (forward_)
      iterator_->Seek(from_);
    else
      iterator_->SeekToLast();
  }
  bool valid() const override { return iterator_->Valid(); }
  std::string_view key() const override { return view(iterator_->key()); }
  std::string_view value() const override { return view(iterator_->value()); }
  void advance() override {
    if (forward_)
      iterator_->Next();
    else
      iterator_->Prev();
  }
  Status status() const override {
    const auto status = iterator_->status();
    if (status.ok()) return {};
    return rocks_error(status, path_, "read");
  }

 private:
  const std::string& path_;
  const bool forward_;
  const rocksdb::Slice from_, until_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

}  // namespace

class RocksStore::Listener final : public rocksdb::EventListener {
 public:
  explicit Listener(RocksStore& store) : store_(store) {}
  void OnFlushCompleted(rocksdb::DB*, const rocksdb::FlushJobInfo& info) override {
    store_.mark_flushed(info.largest_seqno);
  }
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    store_.report_failure(*status, kFlushing);
  }
  void OnErrorRecoveryEnd(const rocksdb::BackgroundErrorRecoveryInfo& info) override {
    if (info.new_bg_error.ok()) store_.report_recovery();
  }

 private:
  RocksStore& store_;
};

RocksStore::RocksStore(std::shared_ptr<StoreHost> host, StoreOptions options)
    : host_(std::move(host)), options_(std::move(options)), layers_(*this) {}

RocksStore::~RocksStore() {
  {
    std::lock_guard lock(shared_.mutex);
    shared_.closing = true;
  }
  host_->writers().drop(this);
  if (db_ != nullptr) {
    (void)db_->Close();  // nothing of ours is unflushed that the log does not hold
    db_.reset();
  }
}

Status RocksStore::open() {
  std::error_code error;
  std::filesystem::create_directories(options_.path, error);
  if (error)
    return make_error(
        ErrorKind::kIo, "store.io",
        fmt::format("the folder {} could not be created: {}; check its parent's permissions and space",
                    options_.path, error.message()),
        options_.path);
  auto rocks = host_->rocks_options(options_);
  rocks.listeners.push_back(std::make_shared<Listener>(*this));
  rocksdb::DB* db = nullptr;
  const auto status = rocksdb::DB::Open(rocks, options_.path, &db);
  if (!status.ok()) return rocks_error(status, options_.path, "opened");
  db_.reset(db);
  return read_meta();
}

Status RocksStore::read_meta() {
  std::string bytes;
  const auto status = db_->Get(rocksdb::ReadOptions(), slice(kMetaKey), &bytes);
  if (status.IsNotFound()) return {};
  if (!status.ok()) return rocks_error(status, options_.path, "read");
  SY_ASSIGN_OR_RETURN(const Checkpoint checkpoint, decode_meta(bytes, options_.partition, options_.path));
  std::lock_guard lock(shared_.mutex);
  shared_.applied = shared_.flushed = checkpoint;
  return {};
}

Result<bool> RocksStore::get(std::string_view key, std::string& value) {
  settle();
  return layers_.get(key, value);
}

Status RocksStore::scan(const Range& range, const ScanOptions& options, Visitor visitor) {
  settle();
  return layers_.scan(range, options, visitor);
}

Result<bool> RocksStore::base_get(std::string_view key, std::string& value) {
  rocksdb::PinnableSlice found;
  const auto status = db_->Get(rocksdb::ReadOptions(), db_->DefaultColumnFamily(), slice(key), &found);
  if (status.IsNotFound()) return false;
  if (!status.ok()) return rocks_error(status, options_.path, "read");
  value.assign(found.data(), found.size());
  return true;
}

std::unique_ptr<BaseCursor> RocksStore::base_scan(const Range& range, const ScanOptions& options) {
  return std::make_unique<RocksCursor>(*db_, options_.path, range, options);
}

void RocksStore::settle() {
  if (!written_.load(std::memory_order_acquire)) return;
  written_.store(false, std::memory_order_relaxed);
  // Freeing tens of thousands of entries takes long enough not to do it here. Shared: std::function must be
  // copyable.
  host_->writers().post(this, [overlay = std::shared_ptr<Overlay>(layers_.take_frozen())] {});
}

bool RocksStore::can_freeze() {
  settle();
  return !layers_.has_frozen();
}

bool RocksStore::freeze(Checkpoint reflected, Durability durability) {
  if (!can_freeze()) return false;
  {
    std::lock_guard lock(shared_.mutex);
    SY_CHECK(!shared_.applied || shared_.applied->offset <= reflected.offset);
    const Overlay& frozen = layers_.freeze();
    shared_.in_flight = {&frozen, frozen.bytes(), reflected, durability == Durability::kDurable};
  }
  host_->writers().post(this, [this] { write_in_flight(); });
  return true;
}

rocksdb::Status RocksStore::write_batch(const InFlight& work, uint64_t& written, uint64_t& elided) {
  rocksdb::WriteBatch batch(work.bytes);
  rocksdb::ReadOptions read;
  std::string ignored;
  rocksdb::Status status;
  // In the order of the keys an insertion begins where the last one ended, instead of searching from the top:
  // that makes the write five times as fast, and it holds a processor that commits need.
  std::vector<const Entry*> entries;
  entries.reserve(work.overlay->keys());
  work.overlay->for_each([&entries](const Entry& entry) { entries.push_back(&entry); });
  std::sort(entries.begin(), entries.end(),
            [](const Entry* a, const Entry* b) { return a->key() < b->key(); });
  const auto add = [&](const Entry& entry) {
    const auto key = slice(entry.key());
    if (entry.live) {
      status = batch.Put(key, slice(entry.value()));
    } else {
      // Put and erased within this overlay, without the owner saying that it was new: mostly it was. The base
      // now is all that lies below, and its filters answer without the disk.
      if (entry.began_here && !db_->KeyMayExist(read, key, &ignored)) {
        ++elided;
        return;
      }
      status = batch.Delete(key);
    }
    ++written;
  };
  for (const Entry* entry : entries) {
    add(*entry);
    if (!status.ok()) return status;
  }
  // Last, so that the newest sequence number of a flushed file tells which checkpoints it holds.
  status = batch.Put(slice(kMetaKey), encode_meta(options_.partition, work.checkpoint));
  if (!status.ok()) return status;
  rocksdb::WriteOptions write;
  write.disableWAL = true;
  write.memtable_insert_hint_per_batch = true;
  return db_->Write(write, &batch);
}

void RocksStore::write_in_flight() {
  InFlight work;
  {
    std::lock_guard lock(shared_.mutex);
    work = shared_.in_flight;
  }
  if (work.overlay == nullptr) return;
  const auto began = std::chrono::steady_clock::now();
  uint64_t written = 0, elided = 0;
  const auto status = write_batch(work, written, elided);
  if (!status.ok()) return report_failure(status, kWriting);

  // This thread is the only one that writes, so the newest sequence number is that of our last key.
  const auto sequence = db_->GetLatestSequenceNumber();
  const auto took = std::chrono::steady_clock::now() - began;
  {
    std::lock_guard lock(shared_.mutex);
    shared_.in_flight = {};
    shared_.applied = work.checkpoint;
    if (sequence <= shared_.flushed_sequence)
      shared_.flushed = work.checkpoint;
    else
      shared_.unflushed.emplace_back(sequence, work.checkpoint);
    ++shared_.freezes;
    shared_.keys_written += written;
    shared_.elided += elided;
    shared_.last_write_us = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  }
  written_.store(true, std::memory_order_release);
  report_written();
  if (work.durable) {
    rocksdb::FlushOptions options;
    options.wait = false;
    options.allow_write_stall = true;
    if (const auto flushing = db_->Flush(options); !flushing.ok()) report_failure(flushing, kFlushing);
  }
}

void RocksStore::report_written() {
  {
    std::lock_guard lock(shared_.mutex);
    // RocksDB may take writes into memory while it cannot flush: that failure lasts until it can.
    if (!shared_.failure || shared_.flush_failing) {
      shared_.changed.notify_all();
      return;
    }
  }
  report_recovery();
}

void RocksStore::mark_flushed(rocksdb::SequenceNumber sequence) {
  std::lock_guard lock(shared_.mutex);
  shared_.flushed_sequence = std::max(shared_.flushed_sequence, sequence);
  while (!shared_.unflushed.empty() && shared_.unflushed.front().first <= shared_.flushed_sequence) {
    shared_.flushed = shared_.unflushed.front().second;
    shared_.unflushed.pop_front();
  }
}

void RocksStore::report_failure(const rocksdb::Status& status, std::string_view doing) {
  std::optional<Error> announce;
  {
    std::lock_guard lock(shared_.mutex);
    if (doing == kFlushing) shared_.flush_failing = true;
    if (!shared_.failure) announce = rocks_error(status, options_.path, doing);
    shared_.failure = rocks_error(status, options_.path, doing);
    ++shared_.failures;
    if (!shared_.retry_posted && !shared_.closing) {
      shared_.retry_posted = true;
      using std::chrono::milliseconds;
      shared_.pause = std::clamp(shared_.pause * 2, milliseconds(kRetryMinMs), milliseconds(kRetryMaxMs));
      host_->writers().post(
          this, [this] { retry(); }, shared_.pause);
    }
  }
  shared_.changed.notify_all();
  if (announce && options_.on_health) options_.on_health(*announce);
}

void RocksStore::report_recovery() {
  bool announce;
  {
    std::lock_guard lock(shared_.mutex);
    announce = shared_.failure.has_value();
    shared_.failure.reset();
    shared_.flush_failing = false;
    shared_.pause = {};
    if (shared_.in_flight.overlay != nullptr && !shared_.closing)
      host_->writers().post(this, [this] { write_in_flight(); });
  }
  shared_.changed.notify_all();
  if (announce && options_.on_health) options_.on_health({});
}

void RocksStore::retry() {
  {
    std::lock_guard lock(shared_.mutex);
    shared_.retry_posted = false;
    if (!shared_.failure || shared_.closing) return;
  }
  // Resume writes out what a failed flush left in memory, so its success means that there is space again.
  if (const auto status = db_->Resume(); !status.ok()) return report_failure(status, kFlushing);
  report_recovery();
}

Status RocksStore::flush() {
  bool failing;
  rocksdb::SequenceNumber newest = 0;
  {
    std::unique_lock lock(shared_.mutex);
    failing = shared_.failure.has_value();
    if (failing && shared_.in_flight.overlay != nullptr) {
      // Do not wait for the pause to end: the caller may have made space.
      host_->writers().post(this, [this] { retry(); });
    }
    const uint64_t failures = shared_.failures;
    shared_.changed.wait(lock, [&] {
      return shared_.in_flight.overlay == nullptr || (shared_.failures > failures && shared_.failure);
    });
    if (shared_.in_flight.overlay != nullptr) return Error(*shared_.failure);
    if (!shared_.unflushed.empty()) newest = shared_.unflushed.back().first;
    failing = shared_.failure.has_value();
  }
  settle();
  if (newest == 0) return {};
  if (failing) (void)db_->Resume();  // if this fails, so does the flush, with the reason
  rocksdb::FlushOptions options;
  options.allow_write_stall = true;
  const auto status = db_->Flush(options);
  if (!status.ok()) {
    report_failure(status, kFlushing);
    return rocks_error(status, options_.path, kFlushing);
  }
  mark_flushed(newest);
  report_recovery();
  return {};
}

std::optional<Checkpoint> RocksStore::applied() {
  std::lock_guard lock(shared_.mutex);
  return shared_.applied;
}

std::optional<Checkpoint> RocksStore::flushed() const {
  std::lock_guard lock(shared_.mutex);
  return shared_.flushed;
}

Status RocksStore::health() const {
  std::lock_guard lock(shared_.mutex);
  if (shared_.failure) return Error(*shared_.failure);
  return {};
}

StoreStats RocksStore::stats() const {
  StoreStats stats;
  stats.active_keys = layers_.active_keys();
  stats.active_bytes = layers_.active_bytes();
  stats.frozen_bytes = layers_.frozen_bytes();
  uint64_t base_bytes = 0;
  if (db_->GetIntProperty(rocksdb::DB::Properties::kTotalSstFilesSize, &base_bytes))
    stats.base_bytes = base_bytes;
  std::lock_guard lock(shared_.mutex);
  stats.freezes = shared_.freezes;
  stats.keys_written = shared_.keys_written;
  stats.keys_annihilated = layers_.annihilated() + shared_.elided;
  stats.write_failures = shared_.failures;
  stats.last_write_us = shared_.last_write_us;
  return stats;
}

Result<std::unique_ptr<RocksStore>> open_rocks_store(std::shared_ptr<StoreHost> host,
                                                     const StoreOptions& options) {
  auto store = std::make_unique<RocksStore>(std::move(host), options);
  SY_RETURN_IF_ERROR(store->open());
  return store;
}

Result<std::unique_ptr<StateStore>> open_state_store(std::shared_ptr<StoreHost> host,
                                                     const StoreOptions& options) {
  SY_ASSIGN_OR_RETURN(auto store, open_rocks_store(std::move(host), options));
  return std::unique_ptr<StateStore>(std::move(store));
}

}  // namespace switchyard::store
