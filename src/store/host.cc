#include "host.h"

#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/rate_limiter.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>

#include <algorithm>

#include "switchyard/runtime/thread.h"

namespace switchyard::store {

Writers::Writers(int threads) {
  for (int i = 0; i < std::max(1, threads); ++i)
    threads_.push_back(runtime::start_thread("store-writer", [this] { loop(); }));
}

Writers::~Writers() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void Writers::post(const void* owner, std::function<void()> work, std::chrono::milliseconds after) {
  {
    std::lock_guard lock(mutex_);
    waiting_.emplace(Clock::now() + after, Work{owner, std::move(work)});
  }
  changed_.notify_all();
}

void Writers::drop(const void* owner) {
  std::unique_lock lock(mutex_);
  std::erase_if(waiting_, [owner](const auto& item) { return item.second.owner == owner; });
  changed_.wait(lock, [&] { return !runs(owner); });
  // Work that ran meanwhile may have posted more.
  std::erase_if(waiting_, [owner](const auto& item) { return item.second.owner == owner; });
}

bool Writers::runs(const void* owner) const {
  return std::find(running_.begin(), running_.end(), owner) != running_.end();
}

void Writers::loop() {
  runtime::yield_to_foreground();
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto now = Clock::now();
    auto next = waiting_.begin();
    while (next != waiting_.end() && next->first <= now && runs(next->second.owner)) ++next;
    if (next == waiting_.end()) {
      changed_.wait(lock);
      continue;
    }
    if (next->first > now) {
      const auto due = next->first;  // the item may be dropped while we wait
      changed_.wait_until(lock, due);
      continue;
    }
    Work work = std::move(next->second);
    waiting_.erase(next);
    running_.push_back(work.owner);
    lock.unlock();
    work.run();
    work.run = nullptr;
    lock.lock();
    running_.erase(std::find(running_.begin(), running_.end(), work.owner));
    changed_.notify_all();
  }
}

StoreHost::StoreHost(const HostOptions& options, rocksdb::Env* env)
    : options_(options),
      env_(env == nullptr ? rocksdb::Env::Default() : env),
      writers_(options.writer_threads) {
  env_->SetBackgroundThreads(options.flush_threads, rocksdb::Env::HIGH);
  env_->SetBackgroundThreads(options.compaction_threads, rocksdb::Env::LOW);
  // Both give way to those who answer requests; a memory table that waits for its flush keeps nobody waiting.
  (void)env_->LowerThreadPoolCPUPriority(rocksdb::Env::HIGH, rocksdb::CpuPriority::kLow);
  (void)env_->LowerThreadPoolCPUPriority(rocksdb::Env::LOW, rocksdb::CpuPriority::kLow);
  rocksdb::LRUCacheOptions cache;
  cache.capacity = options.block_cache_bytes;
  cache.high_pri_pool_ratio = 0.5;  // index and filter blocks stay before data blocks
  cache.num_shard_bits = 4;         // few threads read; small shards would thrash at this size
  cache_ = rocksdb::NewLRUCache(cache);
  write_buffers_ = std::make_shared<rocksdb::WriteBufferManager>(options.write_buffers_bytes);
  if (options.background_bytes_per_second > 0)
    limiter_.reset(rocksdb::NewGenericRateLimiter(static_cast<int64_t>(options.background_bytes_per_second)));
}

std::shared_ptr<StoreHost> make_store_host(const HostOptions& options) {
  return std::make_shared<StoreHost>(options);
}

namespace {

rocksdb::BlockBasedTableOptions table_options(std::shared_ptr<rocksdb::Cache> cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = std::move(cache);
  table.block_size = 8 * 1024;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  // Index and filters are cut into blocks that live in the shared cache: memory does not grow with the number
  // of runs.
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.metadata_block_size = 4096;
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_top_level_index_and_filter = true;
  table.pin_l0_filter_and_index_blocks_in_cache = false;
  return table;
}

}  // namespace

rocksdb::Options StoreHost::rocks_options(const StoreOptions& store) const {
  rocksdb::Options o;
  o.env = env_;
  o.create_if_missing = true;
  o.paranoid_checks = true;
  o.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options(cache_)));

  o.write_buffer_size = store.write_buffer_bytes;
  // The first block is most of what an idle store holds; RocksDB wants it to be a small part of the buffer.
  o.arena_block_size = std::min<size_t>(256 * 1024, store.write_buffer_bytes / 8);
  o.max_write_buffer_number = 4;
  o.write_buffer_manager = write_buffers_;
  o.memtable_prefix_bloom_size_ratio = 0.02;
  o.memtable_whole_key_filtering = true;
  o.allow_concurrent_memtable_write = false;  // one writer
  // A checkpoint comes in the order of its keys, and ids in the order of time: within a table the next place
  // is near the last one.
  o.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(1));
  o.avoid_flush_during_shutdown =
      true;  // closing is a crash unless flush() was called; replay is always right
  o.avoid_flush_during_recovery = true;

  o.bgerror_resume_retry_interval = 200'000;  // microseconds

  o.compaction_style = rocksdb::kCompactionStyleLevel;
  // Each file of level 0 spans all keys, so compacting them rewrites the whole next level: more of them at
  // once take a third of the time, and their filters keep reads from looking into them.
  o.level0_file_num_compaction_trigger = 8;
  o.level_compaction_dynamic_level_bytes = true;
  o.target_file_size_base = 64u << 20;
  o.max_bytes_for_level_base = 128u << 20;
  o.max_background_jobs = options_.flush_threads + options_.compaction_threads;
  o.bytes_per_sync = 512 * 1024;  // no long write-back in front of the log's fdatasync
  o.rate_limiter = limiter_;
  // Queues (timers, due reviews) erase at one end; a file full of tombstones is compacted before it slows
  // scans down.
  o.table_properties_collector_factories.push_back(
      rocksdb::NewCompactOnDeletionCollectorFactory(10000, 5000));

  const auto compressions = rocksdb::GetSupportedCompressions();
  const bool lz4 =
      std::find(compressions.begin(), compressions.end(), rocksdb::kLZ4Compression) != compressions.end();
  o.compression = lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;

  o.max_open_files = 512;
  o.manifest_preallocation_size = 64 * 1024;
  o.skip_stats_update_on_db_open = true;
  o.stats_dump_period_sec = 0;
  o.stats_persist_period_sec = 0;
  o.info_log_level = rocksdb::WARN_LEVEL;
  o.max_log_file_size = 1u << 20;
  o.keep_log_file_num = 2;
  o.max_manifest_file_size = 4u << 20;
  return o;
}

}  // namespace switchyard::store
