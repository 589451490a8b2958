#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/document/document.h"
#include "switchyard/document/reporter.h"
#include "template.h"

namespace switchyard::prompts {

/// A node and how to get there.
struct Place {
  const document::Node* node = nullptr;
  std::string path;

  document::Position position() const { return node->position; }
  Place entry(const document::Entry& entry) const {
    return {&entry.value, document::child_path(path, entry.key)};
  }
  Place item(size_t index) const { return {&node->items[index], document::child_path(path, index)}; }
};

/// A text of the document, or of a file beside it, whose mistakes have places.
struct Text {
  std::string_view text;
  Place place;
  std::string file;  ///< empty: it stands in the document
};

/// Reports mistakes at their places.
class Reports {
 public:
  Reports(document::Reporter& reporter, std::string_view source) : reporter_(reporter), source_(source) {}

  /// `what` without the module: "bad_name" becomes code "prompt.bad_name".
  void error(const Place& place, std::string_view what, std::string message, std::string mend);
  void error_at(document::Position at, std::string path, std::string_view what, std::string message,
                std::string mend);
  void add(const Text& text, Mistakes mistakes);
  document::Reporter& reporter() { return reporter_; }

 private:
  document::Position position(const Text& text, size_t offset) const;
  document::Position in_block(const document::Node& scalar, size_t offset) const;
  document::Reporter& reporter_;
  const std::string_view source_;
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

// Small readers; each reports what is wrong and gives nothing then.
std::optional<std::string> read_text(Reports& reports, const Place& place, const std::string& what);
std::optional<double> read_number(Reports& reports, const Place& place, const std::string& what, double least,
                                  double most);
std::optional<int64_t> read_integer(Reports& reports, const Place& place, const std::string& what,
                                    int64_t least, int64_t most);
/// One of these words.
std::optional<size_t> read_word(Reports& reports, const Place& place, const std::string& what,
                                const std::vector<std::string>& words);

/// [a-z0-9_][a-z0-9_.-]*(/...)*: what the registry takes as an artefact's name.
bool is_prompt_name(std::string_view text);
/// Semantic Versioning 2.0.0 without build metadata.
bool is_prompt_version(std::string_view text);

}  // namespace switchyard::prompts
