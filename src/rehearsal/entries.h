#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/document/reporter.h"

namespace switchyard::rehearsal {

/// Reads the entries of one mapping of a test file and reports those that nobody asked for.
class Entries {
 public:
  /// `what` names the mapping in messages: "a case".
  Entries(const document::Node& node, std::string path, std::string what, document::Reporter& reporter);

  /// The entry's value, or nullptr; marks it as known.
  const document::Node* find(std::string_view key);
  std::string path(std::string_view key) const { return document::child_path(path_, key); }
  const std::string& path() const { return path_; }
  bool is_mapping() const { return mapping_; }

  // Each reports what does not fit and then gives nothing.
  std::optional<std::string> text(std::string_view key);
  std::optional<int64_t> integer(std::string_view key, int64_t least, int64_t most);
  std::optional<double> number(std::string_view key);
  std::optional<int64_t> duration(std::string_view key);
  /// Microseconds since the epoch.
  std::optional<int64_t> time(std::string_view key);

  void error(const document::Node& at, std::string_view key, std::string code, std::string message,
             std::string mend);
  /// Reports every entry that was not asked for, with the nearest known name.
  void finish();

 private:
  const document::Node& node_;
  const std::string path_, what_;
  document::Reporter& reporter_;
  bool mapping_;
  std::vector<std::string> known_;
};

}  // namespace switchyard::rehearsal
