#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "switchyard/telemetry/log.h"

namespace switchyard::telemetry {

/// Appends `,"key":value`.
void append_json_field(const LogField& field, std::string& out);
/// Appends ` key=value`, the value quoted where it would not read as one word; nothing in it can move the
/// cursor or begin a new line.
void append_text_field(const LogField& field, std::string& out);

/// What a line says before its fields.
struct LogHead {
  int64_t time_us;
  LogLevel level;
  std::string_view module;
  std::string_view message;
};

/// One line with its line feed. `bound` are fields formatted before. A line over kMaxLogLineBytes loses its
/// last fields and says "truncated".
std::string json_line(const LogHead& head, std::string_view bound, LogFields fields);
std::string text_line(const LogHead& head, std::string_view bound, LogFields fields, bool colour);

/// "2025-01-31T23:59:59.000001Z"
void append_time_us(int64_t us, std::string& out);

}  // namespace switchyard::telemetry
