#include "switchyard/telemetry/log.h"

#include <errno.h>
#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "log_line.h"
#include "switchyard/base/hash.h"

namespace switchyard::telemetry {
namespace {

constexpr int64_t kSecondUs = 1000000;
/// Messages whose rate is watched at once; programs have few, so that more are a sign of varying ones.
constexpr size_t kMaxWatchedMessages = 1024;

int64_t system_now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd wait{fd, POLLOUT, 0};
      (void)poll(&wait, 1, 1000);
    } else if (errno != EINTR) {
      return;  // nobody is left to tell
    }
  }
}

}  // namespace

std::string_view log_level_name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return "debug";
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarn: return "warn";
    case LogLevel::kError: return "error";
    case LogLevel::kOff: return "off";
  }
  return "off";
}

Result<LogLevel> parse_log_level(std::string_view name) {
  for (const auto level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError, LogLevel::kOff})
    if (name == log_level_name(level)) return level;
  return make_error(ErrorKind::kInvalidArgument, "telemetry.bad_log_level",
                    fmt::format("'{}' is not a log level; use debug, info, warn, error or off", name));
}

struct LogSink::Impl {
  /// How often a message came within the current second.
  struct Watched {
    LogLevel level;
    std::string module, message;
    int64_t second = 0;
    uint32_t count = 0;
    uint64_t suppressed = 0;
  };

  explicit Impl(const LogOptions& given) : options(given), level(given.level) {
    const bool terminal = isatty(options.fd) == 1;
    text = options.format == LogFormat::kText || (options.format == LogFormat::kAuto && terminal);
    colour = text && terminal;
    if (!options.now_us) options.now_us = system_now_us;
    writer = std::thread([this] { loop(); });
  }
  ~Impl() {
    {
      std::lock_guard lock(mutex);
      stopping = true;
    }
    changed.notify_all();
    writer.join();
  }

  std::string format(const LogHead& head, std::string_view bound, LogFields fields) const {
    return text ? text_line(head, bound, fields, colour) : json_line(head, bound, fields);
  }
  bool admit(const LogHead& head);
  void push(std::string line);
  void report_suppressed(bool all, std::string& out);
  void report_dropped(std::string& out);
  void loop();

  LogOptions options;
  bool text = false, colour = false;
  std::atomic<LogLevel> level;
  std::atomic<uint64_t> dropped{0}, suppressed{0};

  std::mutex mutex;
  std::condition_variable changed;
  // Guarded by mutex.
  std::string queue;
  uint64_t pushed = 0, written = 0;  // bytes
  uint64_t dropped_reported = 0;
  std::unordered_map<uint64_t, Watched> watched;
  bool any_suppressed = false;
  bool stopping = false;

  std::thread writer;
};

/// Whether the line may go, by the rate of its message.
bool LogSink::Impl::admit(const LogHead& head) {
  const uint64_t key = hash64(head.message, hash64(head.module, static_cast<uint64_t>(head.level)));
  const int64_t second = head.time_us / kSecondUs;
  std::lock_guard lock(mutex);
  auto found = watched.find(key);
  if (found == watched.end()) {
    if (watched.size() >= kMaxWatchedMessages)
      std::erase_if(watched, [&](const auto& item) {
        return item.second.second != second && item.second.suppressed == 0;
      });
    if (watched.size() >= kMaxWatchedMessages) return true;
    found =
        watched.emplace(key, Watched{head.level, std::string(head.module), std::string(head.message)}).first;
  }
  Watched& one = found->second;
  if (one.second != second) {
    one.second = second;
    one.count = 0;
  }
  if (++one.count <= options.burst_per_second) return true;
  ++one.suppressed;
  suppressed.fetch_add(1, std::memory_order_relaxed);
  if (!any_suppressed) {
    any_suppressed = true;
    changed.notify_all();
  }
  return false;
}

void LogSink::Impl::push(std::string line) {
  bool wake;
  {
    std::lock_guard lock(mutex);
    if (queue.size() + line.size() > options.queue_bytes) {
      dropped.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    wake = queue.empty();
    queue += line;
    pushed += line.size();
  }
  if (wake) changed.notify_all();
}

/// With the lock held: a line for each message of which some were held back in a second that has passed.
void LogSink::Impl::report_suppressed(bool all, std::string& out) {
  if (!any_suppressed) return;
  const int64_t now = options.now_us();
  any_suppressed = false;
  for (auto& [key, one] : watched) {
    if (one.suppressed == 0) continue;
    if (!all && one.second == now / kSecondUs) {
      any_suppressed = true;
      continue;
    }
    out += format({now, one.level, one.module, "repeated lines were held back"}, {},
                  {{"repeated", one.message}, {"lines", one.suppressed}});
    one.suppressed = 0;
  }
}

/// With the lock held.
void LogSink::Impl::report_dropped(std::string& out) {
  const uint64_t total = dropped.load(std::memory_order_relaxed);
  if (total == dropped_reported) return;
  out += format(
      {options.now_us(), LogLevel::kWarn, "telemetry", "log lines were dropped, their target is too slow"},
      {}, {{"lines", total - dropped_reported}});
  dropped_reported = total;
}

void LogSink::Impl::loop() {
  // A closed pipe shall be an error of write(), not the end of the process.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);

  std::unique_lock lock(mutex);
  std::string batch;
  for (;;) {
    const auto ready = [this] { return stopping || !queue.empty(); };
    if (any_suppressed)
      changed.wait_for(lock, std::chrono::seconds(1), ready);
    else
      changed.wait(lock, [&] { return ready() || any_suppressed; });
    batch.clear();
    batch.swap(queue);
    const size_t taken = batch.size();
    report_dropped(batch);
    report_suppressed(stopping, batch);
    const bool last = stopping;
    lock.unlock();
    write_all(options.fd, batch);
    lock.lock();
    written += taken;
    changed.notify_all();
    if (last && queue.empty()) return;
  }
}

LogSink::LogSink(const LogOptions& options) : impl_(std::make_unique<Impl>(options)) {}
LogSink::~LogSink() = default;
void LogSink::set_level(LogLevel level) { impl_->level.store(level, std::memory_order_relaxed); }
LogLevel LogSink::level() const { return impl_->level.load(std::memory_order_relaxed); }
uint64_t LogSink::dropped() const { return impl_->dropped.load(std::memory_order_relaxed); }
uint64_t LogSink::suppressed() const { return impl_->suppressed.load(std::memory_order_relaxed); }

void LogSink::flush() {
  std::unique_lock lock(impl_->mutex);
  const uint64_t until = impl_->pushed;
  impl_->changed.wait(lock, [&] { return impl_->written >= until; });
}

Logger::Logger(std::shared_ptr<LogSink> sink, std::string_view module)
    : sink_(std::move(sink)), module_(module) {}

Logger Logger::with(LogFields fields) const {
  Logger copy = *this;
  for (const auto& field : fields) {
    append_json_field(field, copy.bound_json_);
    append_text_field(field, copy.bound_text_);
  }
  return copy;
}

Logger Logger::module(std::string_view name) const { return Logger(sink_, name); }

void Logger::write(LogLevel level, std::string_view message, LogFields fields) const {
  if (level >= LogLevel::kOff) return;
  LogSink::Impl& sink = *sink_->impl_;
  const LogHead head{sink.options.now_us(), level, module_, message};
  if (!sink.admit(head)) return;
  sink.push(sink.format(head, sink.text ? bound_text_ : bound_json_, fields));
}

}  // namespace switchyard::telemetry
