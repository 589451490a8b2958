// Durable commits against the disk's own limit, measured in the same run.
//   log_bench [directory] [seconds per figure]

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "switchyard/log/local_log.h"
#include "switchyard/log/memory_log.h"
#include "switchyard/runtime/disk.h"

namespace switchyard::log {
namespace {

using Seconds = std::chrono::duration<double>;

double now_s() { return Seconds(std::chrono::steady_clock::now().time_since_epoch()).count(); }

struct Figures {
  double per_second = 0;
  double p50_us = 0;
  double p99_us = 0;
};

Figures figures_of(std::vector<double>& latencies_us, double elapsed_s) {
  Figures figures;
  if (latencies_us.empty()) return figures;
  std::sort(latencies_us.begin(), latencies_us.end());
  figures.per_second = static_cast<double>(latencies_us.size()) / elapsed_s;
  figures.p50_us = latencies_us[latencies_us.size() / 2];
  figures.p99_us = latencies_us[latencies_us.size() * 99 / 100];
  return figures;
}

// What the disk allows a single writer: write 512 bytes, sync, again.
Figures raw_sync_loop(const std::string& path, bool preallocated, double seconds) {
  std::filesystem::remove(path);
  auto file = runtime::posix_disk().open(path, runtime::OpenMode::kCreateNew).value();
  constexpr uint64_t kBytes = 32 << 20;
  if (preallocated) file->allocate_zeroed(kBytes).value();
  const std::string data(512, 'x');
  std::vector<double> latencies_us;
  uint64_t at = 0;
  const double begin = now_s();
  double last = begin;
  while (last - begin < seconds) {
    file->pwrite(at, data).value();
    file->sync_data().value();
    at += data.size();
    if (preallocated && at + data.size() > kBytes) at = 0;
    const double now = now_s();
    latencies_us.push_back((now - last) * 1e6);
    last = now;
  }
  std::filesystem::remove(path);
  return figures_of(latencies_us, last - begin);
}

// `waiters` callers, each of which appends one batch of one 300-byte record and waits for it to be durable.
Figures commits(Log& log, int waiters, double seconds) {
  std::vector<std::vector<double>> latencies_us(static_cast<size_t>(waiters));
  std::mutex order;
  const std::string payload(300, 'x');
  const double begin = now_s();
  std::deque<std::binary_semaphore> answers;  // outlive the callbacks, which end after the callers
  std::vector<std::thread> callers;
  for (int w = 0; w < waiters; ++w) {
    auto& durable = answers.emplace_back(0);
    callers.emplace_back([&, w] {
      while (now_s() - begin < seconds) {
        const double start = now_s();
        RecordBatch batch;
        batch.add({}, payload).value();
        {
          std::lock_guard lock(order);
          log.append(std::move(batch),
                     [&durable](const Status& status, LogOffset) {
                       status.value();
                       durable.release();
                     })
              .value();
        }
        durable.acquire();
        latencies_us[static_cast<size_t>(w)].push_back((now_s() - start) * 1e6);
      }
    });
  }
  for (auto& caller : callers) caller.join();
  const double elapsed = now_s() - begin;
  log.close().value();
  std::vector<double> all;
  for (const auto& one : latencies_us) all.insert(all.end(), one.begin(), one.end());
  return figures_of(all, elapsed);
}

// One owner that keeps up to `depth` batches in flight, as a partition does.
double pipelined(Log& log, uint64_t depth, double seconds) {
  std::atomic<uint64_t> done = 0;
  uint64_t sent = 0;
  const std::string payload(300, 'x');
  const double begin = now_s();
  while (now_s() - begin < seconds) {
    for (uint64_t seen = done.load(); sent - seen >= depth; seen = done.load()) done.wait(seen);
    RecordBatch batch;
    batch.add({}, payload).value();
    log.append(std::move(batch),
               [&done](const Status&, LogOffset) {
                 done.fetch_add(1);
                 done.notify_one();
               })
        .value();
    ++sent;
  }
  return static_cast<double>(done.load()) / (now_s() - begin);
}

// Records read per second, front to back.
double replay(Log& log, uint64_t& records) {
  const double begin = now_s();
  LogOffset at = log.first_offset();
  uint64_t bytes = 0;
  while (at < log.durable_end()) {
    at = log.read(at, 4 << 20,
                  [&](const RecordView& record) {
                    ++records;
                    bytes += record.payload.size();
                    return true;
                  })
             .value();
  }
  if (bytes != records * 300) std::abort();
  return static_cast<double>(records) / (now_s() - begin);
}

void run(const std::string& root, double seconds) {
  const Figures raw = raw_sync_loop(root + "/raw", true, seconds);
  std::printf("raw fdatasync, zeroed and preallocated  %8.0f /s  p50 %6.0f us  p99 %6.0f us   (the limit)\n",
              raw.per_second, raw.p50_us, raw.p99_us);
  const Figures growing = raw_sync_loop(root + "/raw", false, seconds);
  std::printf(
      "raw fdatasync, appending to a new file  %8.0f /s  p50 %6.0f us  p99 %6.0f us   %.2f of the limit\n",
      growing.per_second, growing.p50_us, growing.p99_us, growing.per_second / raw.per_second);
  LocalLogOptions options;
  options.directory = root + "/log";
  auto logs = LocalLogs::open(options).value();
  uint32_t partition = 0;
  for (const int waiters : {1, 16, 64}) {
    // The disk and its other users change from second to second: the limit is measured beside each figure.
    const Figures limit = raw_sync_loop(root + "/raw", true, seconds / 2);
    const double start = now_s();
    auto log = logs->acquire(PartitionId{partition++}).value();
    const double opened_ms = (now_s() - start) * 1e3;
    const Figures figures = commits(*log, waiters, seconds);
    const LogStats stats = log->stats();
    std::printf(
        "log, %2d waiters   %8.0f commits/s  p50 %6.0f us  p99 %6.0f us  %7.0f syncs/s  %5.1f commits/sync  "
        "%.2f of %.0f raw syncs/s  (opened in %.1f ms, %llu segment waits)\n",
        waiters, figures.per_second, figures.p50_us, figures.p99_us,
        static_cast<double>(stats.syncs) / seconds,
        static_cast<double>(stats.commits) / static_cast<double>(stats.syncs),
        figures.per_second / limit.per_second, limit.per_second, opened_ms,
        static_cast<unsigned long long>(stats.segment_waits));
  }
  {
    auto log = logs->acquire(PartitionId{partition++}).value();
    const double per_second = pipelined(*log, 1000, seconds);
    const LogStats stats = log->stats();
    std::printf("log, one owner, 1000 in flight  %8.0f commits/s  %5.1f commits/sync\n", per_second,
                static_cast<double>(stats.commits) / static_cast<double>(stats.syncs));
    log->close().value();
    uint64_t records = 0;
    const double read = replay(*log, records);
    std::printf("log, replay  %8.0f records/s of 300 bytes (%llu records, from the page cache)\n", read,
                static_cast<unsigned long long>(records));
  }
  auto memory = MemoryLogs::create();
  auto log = memory->acquire(PartitionId{0}).value();
  std::printf("memory log, one owner  %8.0f commits/s\n", pipelined(*log, 1000, std::min(seconds, 1.0)));
}

}  // namespace
}  // namespace switchyard::log

int main(int argc, char** argv) {
  const std::string parent = argc > 1 ? argv[1] : std::filesystem::temp_directory_path().string();
  const double seconds = argc > 2 ? std::strtod(argv[2], nullptr) : 2.0;
  std::string root = parent + "/switchyard-log-bench-XXXXXX";
  if (::mkdtemp(root.data()) == nullptr) {
    std::fprintf(stderr, "cannot create a folder in %s\n", parent.c_str());
    return 1;
  }
  switchyard::log::run(root, seconds);
  std::filesystem::remove_all(root);
  return 0;
}
