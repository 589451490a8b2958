// What the state of a partition costs. Run in a release build: store_bench [folder]. Verifies what it reads.
#include <malloc.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "switchyard/base/check.h"
#include "switchyard/store/keys.h"
#include "switchyard/store/state_store.h"

namespace {

using namespace switchyard;
using namespace switchyard::store;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point from) {
  return std::chrono::duration<double>(Clock::now() - from).count();
}

double resident_mib() {
  std::ifstream file("/proc/self/statm");
  long pages = 0, resident = 0;
  file >> pages >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

double thread_cpu_seconds() {
  timespec t{};
  SY_CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

/// CPU time of the calling thread, and the time that passed: they differ by the disk and by who else is
/// running.
template <typename F>
void per_call(const char* name, size_t calls, F&& call) {
  const auto began = Clock::now();
  const double cpu = thread_cpu_seconds();
  for (size_t i = 0; i < calls; ++i) call(i);
  const double per = 1e9 / static_cast<double>(calls);
  std::printf("%-58s %8.0f ns of CPU, %8.0f ns passed\n", name, (thread_cpu_seconds() - cpu) * per,
              seconds_since(began) * per);
}

/// As the partition's: a table byte and a UUIDv7.
std::string run_key(uint64_t i) {
  std::string key;
  KeyWriter(key).tag('r').id(
      RunId::make(1700000000000 + static_cast<int64_t>(i / 10), i * 0x9E3779B97F4A7C15ull, i));
  return key;
}

Checkpoint at(uint64_t offset) { return {LogOffset(offset), Epoch(1)}; }

void settle(StateStore& store) {
  while (!store.can_freeze()) std::this_thread::sleep_for(std::chrono::microseconds(200));
}

void freeze_and_flush(StateStore& store, uint64_t offset) {
  settle(store);
  SY_CHECK(store.freeze(at(offset), Durability::kWritten));
  SY_CHECK(store.flush().ok());
}

void overlay_figures(StateStore& store, uint64_t& offset) {
  constexpr size_t kKeys = 20000, kCalls = 400000;
  const std::string value(200, 'v');
  std::vector<std::string> keys, absent;
  for (size_t i = 0; i < kKeys; ++i) keys.push_back(run_key(30000000 + i));
  std::mt19937_64 random(1);
  std::vector<uint32_t> order(kCalls);
  for (auto& index : order) index = static_cast<uint32_t>(random() % kKeys);
  std::string out;

  per_call("insert and erase, 64 keys alive (a run's short life)", kCalls, [&](size_t i) {
    store.insert(keys[i % kKeys], value);
    if (i >= 64) store.erase(keys[(i - 64) % kKeys]);
  });
  for (size_t i = kCalls - 64; i < kCalls; ++i) store.erase(keys[i % kKeys]);
  per_call("put of a new key, 200 B", kKeys, [&](size_t i) { store.put(keys[i], value); });
  per_call("put over a hot key, 200 B, 20k keys", kCalls,
           [&](size_t i) { store.put(keys[order[i]], value); });
  per_call("get of a hot key, 200 B, 20k keys", kCalls, [&](size_t i) {
    const auto found = store.get(keys[order[i]], out);
    SY_CHECK(found.ok() && *found && out.size() == 200);
  });
  const auto scan_from = [&](size_t i, size_t limit) {
    size_t n = 0;
    const auto status = store.scan(Range::between(keys[order[i]], "s"), {.limit = limit},
                                   [&](std::string_view, std::string_view) {
                                     ++n;
                                     return true;
                                   });
    SY_CHECK(status.ok() && n >= 1);
  };
  auto began = Clock::now();
  scan_from(0, 1);
  std::printf("%-58s %10.0f ns\n", "first scan over 20k unordered keys, per key",
              seconds_since(began) * 1e9 / kKeys);
  per_call("scan of 1, empty base", 20000, [&](size_t i) { scan_from(i, 1); });
  per_call("scan of 100, empty base", 2000, [&](size_t i) { scan_from(i, 100); });
  for (const auto& key : keys) store.erase(key);
  freeze_and_flush(store, ++offset);
}

void freeze_figures(StateStore& store, uint64_t& offset) {
  constexpr size_t kKeys = 50000;
  const std::string value(200, 'v');
  for (int round = 0; round < 2; ++round) {
    const uint64_t base = 10000000 + static_cast<uint64_t>(round) * kKeys;
    for (size_t i = 0; i < kKeys; ++i) store.put(run_key(base + i), value);
    const auto began = Clock::now();
    SY_CHECK(store.freeze(at(++offset), Durability::kWritten));
    const double call = seconds_since(began);
    settle(store);
    if (round == 1)
      std::printf("freeze of 50k keys: the caller %.1f us, in the background %.0f ms\n", call * 1e6,
                  static_cast<double>(store.stats().last_write_us) / 1e3);
    for (size_t i = 0; i < kKeys; ++i) store.erase(run_key(base + i));
    freeze_and_flush(store, ++offset);
  }
  // Short-lived keys that were put, not inserted: the background asks the base's filters.
  for (size_t i = 0; i < kKeys; ++i) store.put(run_key(20000000 + i), value);
  for (size_t i = 0; i < kKeys; ++i) store.erase(run_key(20000000 + i));
  const uint64_t before = store.stats().keys_written;
  SY_CHECK(store.freeze(at(++offset), Durability::kWritten));
  settle(store);
  std::printf("freeze of 50k keys put and erased: %.0f ms in the background, %llu tombstones written\n",
              static_cast<double>(store.stats().last_write_us) / 1e3,
              static_cast<unsigned long long>(store.stats().keys_written - before));
}

void base_figures(StateStore& store, size_t keys) {
  std::mt19937_64 random(2);
  std::string out;
  per_call("get from the base, random of all", 50000, [&](size_t) {
    const auto found = store.get(run_key(random() % keys), out);
    SY_CHECK(found.ok() && *found && out.size() == 200);
  });
  per_call("get from the base, 1000 hot keys", 50000, [&](size_t i) {
    const auto found = store.get(run_key(i % 1000 * 17), out);
    SY_CHECK(found.ok() && *found);
  });
  per_call("get of an absent key", 50000, [&](size_t i) {
    const auto found = store.get(run_key(50000000 + i), out);
    SY_CHECK(found.ok() && !*found);
  });
  per_call("scan of 1 in the base, random", 20000, [&](size_t) {
    size_t n = 0;
    SY_CHECK(store
                 .scan(Range::between(run_key(random() % keys), "s"), {.limit = 1},
                       [&](std::string_view, std::string_view) { return ++n, true; })
                 .ok());
    SY_CHECK(n == 1);
  });
  const auto began = Clock::now();
  size_t n = 0;
  SY_CHECK(store
               .scan(Range::prefix("r"), {.bulk = true},
                     [&](std::string_view, std::string_view) { return ++n, true; })
               .ok());
  SY_CHECK(n == keys);
  std::printf("%-58s %10.0f ns\n", "bulk scan of all, per entry",
              seconds_since(began) * 1e9 / static_cast<double>(n));
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const std::string folder = argc > 1 ? argv[1] : "/tmp/switchyard-store-bench-" + std::to_string(getpid());
  std::filesystem::remove_all(folder);
  constexpr size_t kParked = 1000000;
  const auto host = make_store_host();
  StoreOptions options;
  options.path = folder + "/state";
  const double before = resident_mib();
  uint64_t offset = 0;
  {
    auto store = open_state_store(host, options).value();
    std::printf("%-58s %10.1f MiB\n", "empty store, resident", resident_mib() - before);
    overlay_figures(*store, offset);
    const auto began = Clock::now();
    std::mt19937_64 random(3);
    std::string value(200, 'v');
    for (size_t i = 0; i < kParked; ++i) {
      for (size_t b = 0; b < 200; b += 2)
        value[b] = static_cast<char>(random());  // half of it does not compress
      store->insert(run_key(i), value);
      if (i % 50000 == 49999) {
        settle(*store);
        SY_CHECK(store->freeze(at(++offset), Durability::kWritten));
      }
    }
    freeze_and_flush(*store, ++offset);
    std::printf("%-58s %10.2f s\n", "write 1M entries of 200 B, flushed", seconds_since(began));
    freeze_figures(*store, offset);
  }
  malloc_trim(0);
  const double closed = resident_mib();
  const auto began = Clock::now();
  auto store = open_state_store(host, options).value();
  std::printf("%-58s %10.1f ms\n", "open with 1M entries of 200 B", seconds_since(began) * 1e3);
  std::printf("%-58s %10.1f MiB (%.1f before the open)\n", "resident after the open", resident_mib(), closed);
  base_figures(*store, kParked);
  std::printf("%-58s %10.1f MiB; files %.0f MiB\n", "resident after the reads", resident_mib(),
              static_cast<double>(store->stats().base_bytes) / (1 << 20));
  overlay_figures(*store, offset);
  store.reset();
  std::filesystem::remove_all(folder);
  return 0;
}
