#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "switchyard/document/document.h"
#include "switchyard/document/reporter.h"

// Reading a document entry by entry, with every mistake at its place.
namespace switchyard::document {

/// A node and how to get there. The node outlives the reading.
struct Place {
  const Node* node = nullptr;
  std::string path;

  Position position() const { return node->position; }
  Place entry(const Entry& entry) const { return {&entry.value, child_path(path, entry.key)}; }
  Place item(size_t index) const { return {&node->items[index], child_path(path, index)}; }
};

/// Reports the mistakes of one kind of document: `what` is the code without the module, so that "bad_name"
/// becomes "rules.bad_name".
class Reports {
 public:
  Reports(Reporter& reporter, std::string module) : reporter_(reporter), module_(std::move(module)) {}

  void error(const Place& place, std::string_view what, std::string message, std::string mend);
  void error_at(Position at, std::string path, std::string_view what, std::string message, std::string mend);
  void warning(const Place& place, std::string_view what, std::string message, std::string mend);
  Reporter& reporter() { return reporter_; }

 protected:
  Reporter& reporter_;

 private:
  const std::string module_;
};

/// Reads the entries of a mapping and reports those that nobody asked for.
class Fields {
 public:
  /// Reports when the node is no mapping; nothing is found in it then.
  Fields(Reports& reports, Place place, std::string what);

  std::optional<Place> find(std::string_view key);
  /// Reports when it is missing.
  std::optional<Place> require(std::string_view key, std::string mend);
  /// Reports entries that were never asked for.
  void finish();
  bool is_mapping() const { return mapping_; }

 private:
  Reports& reports_;
  Place place_;
  std::string what_;
  bool mapping_ = false;
  std::vector<std::string> known_;
};

/// Text; reported when it is something else.
std::optional<std::string> read_text(Reports& reports, const Place& place, const std::string& what);

/// "name@version" of an artefact. What of it is wrong is reported, and given all the same: `whose` and `noun`
/// are "a table's name" and "rule table", `example` a good one.
std::pair<std::string, std::string> read_versioned_name(Reports& reports, const Place& place,
                                                        const std::string& whose, const std::string& noun,
                                                        const std::string& example);

/// Reports, with this code, each entry of `mapping` that is not among `known`.
void report_unknown_fields(Reporter& reporter, const Node& mapping, const std::string& path,
                           const std::vector<std::string>& known, const std::string& code);

/// "a, b, c".
std::string word_list(const std::vector<std::string>& words);

/// [a-z0-9_][a-z0-9_.-]*(/...)*, at most kMaxArtefactNameBytes: what the registry takes as an artefact's
/// name.
bool is_artefact_name(std::string_view text);
inline constexpr size_t kMaxArtefactNameBytes = 128;
/// Semantic Versioning 2.0.0 without build metadata.
bool is_version(std::string_view text);

}  // namespace switchyard::document
