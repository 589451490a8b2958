#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "switchyard/base/result.h"
#include "switchyard/telemetry/limits.h"
#include "switchyard/telemetry/secret.h"
#include "switchyard/types/ids.h"

namespace switchyard::telemetry {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarn, kError, kOff };
/// "debug", "info", "warn", "error", "off".
std::string_view log_level_name(LogLevel level);
/// kInvalidArgument "telemetry.bad_log_level", naming those there are.
Result<LogLevel> parse_log_level(std::string_view name);

/// A named value of a log line; lives for the call only. An Error becomes its message and code; a Secret
/// never shows.
class LogField {
 public:
  LogField(std::string_view key, std::string_view v) : key_(key), value_(v) {}
  LogField(std::string_view key, const char* v) : key_(key), value_(std::string_view(v)) {}
  LogField(std::string_view key, const std::string& v) : key_(key), value_(std::string_view(v)) {}
  LogField(std::string_view key, bool v) : key_(key), value_(v) {}
  LogField(std::string_view key, double v) : key_(key), value_(v) {}
  template <std::integral T>
  LogField(std::string_view key, T v) : key_(key) {
    if constexpr (std::is_signed_v<T>)
      value_ = static_cast<int64_t>(v);
    else
      value_ = static_cast<uint64_t>(v);
  }
  template <typename Tag, typename Rep>
  LogField(std::string_view key, StrongId<Tag, Rep> v) : key_(key), value_(static_cast<uint64_t>(v.value)) {}
  LogField(std::string_view key, const RunId& v) : key_(key), value_(&v) {}
  LogField(std::string_view key, const Error& v) : key_(key), value_(&v) {}
  LogField(std::string_view key, const Secret&) : key_(key), value_(Secret::kShown) {}

  using Value = std::variant<std::string_view, bool, int64_t, uint64_t, double, const RunId*, const Error*>;
  std::string_view key() const { return key_; }
  const Value& value() const { return value_; }

 private:
  std::string_view key_;
  Value value_;
};
using LogFields = std::initializer_list<LogField>;

enum class LogFormat : uint8_t {
  kAuto,  ///< text when the target is a terminal, JSON otherwise
  kJson,  ///< one JSON object a line: time, level, module, message, then the fields
  kText,  ///< for people
};

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kAuto;
  int fd = 2;  ///< not closed
  uint32_t burst_per_second = kLogBurstPerSecond;
  size_t queue_bytes = kLogQueueBytes;
  std::function<int64_t()> now_us;  ///< microseconds since the epoch; the system's clock when empty
};

/// Where lines go: formats on the caller's thread (about a microsecond), writes on a thread of its own, so
/// that a slow target never holds a partition up. When the target is too slow lines are dropped, counted, and
/// the count is logged. The destructor writes what waits.
class LogSink {
 public:
  explicit LogSink(const LogOptions& options = {});
  ~LogSink();
  LogSink(const LogSink&) = delete;
  LogSink& operator=(const LogSink&) = delete;

  /// Any thread.
  void set_level(LogLevel level);
  LogLevel level() const;
  /// Waits until everything logged before was written. Any thread.
  void flush();
  /// Lines dropped because the queue was full, and lines held back by the rate limit. Any thread.
  uint64_t dropped() const;
  uint64_t suppressed() const;

 private:
  friend class Logger;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A cheap handle: module name and fields that go with every line. Copies share the sink (and keep it alive).
/// A default-made logger discards. Any thread.
class Logger {
 public:
  Logger() = default;
  Logger(std::shared_ptr<LogSink> sink, std::string_view module);

  /// The same with further fields on every line (their values are copied).
  Logger with(LogFields fields) const;
  /// The same for another module, with no fields.
  Logger module(std::string_view name) const;

  bool enabled(LogLevel level) const { return sink_ != nullptr && level >= sink_->level(); }
  /// `message` is a constant sentence, what varies goes into fields: lines of one message are rate-limited
  /// together.
  void log(LogLevel level, std::string_view message, LogFields fields = {}) const {
    if (enabled(level)) write(level, message, fields);
  }
  void debug(std::string_view message, LogFields fields = {}) const {
    log(LogLevel::kDebug, message, fields);
  }
  void info(std::string_view message, LogFields fields = {}) const { log(LogLevel::kInfo, message, fields); }
  void warn(std::string_view message, LogFields fields = {}) const { log(LogLevel::kWarn, message, fields); }
  void error(std::string_view message, LogFields fields = {}) const {
    log(LogLevel::kError, message, fields);
  }

 private:
  void write(LogLevel level, std::string_view message, LogFields fields) const;
  std::shared_ptr<LogSink> sink_;  // shared: loggers outlive the order in which parts are taken down
  std::string module_;
  std::string bound_json_;  ///< `,"key":value` of the bound fields
  std::string bound_text_;  ///< ` key=value`
};

}  // namespace switchyard::telemetry
