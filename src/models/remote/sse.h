#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "switchyard/base/result.h"

namespace switchyard::models {

/// Splits a body of server-sent events (WHATWG HTML, "Server-sent events") into events, whatever pieces it
/// comes in. Comments, ids and retry times are skipped.
class EventReader {
 public:
  struct Event {
    std::string_view name;  ///< of `event:`; empty: none
    std::string_view data;  ///< the lines of `data:`, joined by line feeds
  };
  /// Calls `event` for each one that is complete. It may return an error, which ends the reading. kTooLarge
  /// "models.event_too_large".
  Status take(std::string_view piece, const std::function<Status(const Event&)>& event);
  /// Whether something has come that no blank line ended.
  bool in_the_middle() const { return !line_.empty() || !data_.empty(); }

 private:
  Status end_line(const std::function<Status(const Event&)>& event);

  std::string line_;
  std::string name_;
  std::string data_;
  bool has_data_ = false;
  bool after_return_ = false;  // a line feed right after a carriage return is the same line's end
};

}  // namespace switchyard::models
