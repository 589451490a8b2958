#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "switchyard/document/document.h"
#include "switchyard/document/reporter.h"
#include "switchyard/expression/environment.h"
#include "switchyard/expression/program.h"

namespace switchyard::rules {

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

/// Reports mistakes and compiles expressions over `facts`.
class Context {
 public:
  explicit Context(document::Reporter& reporter) : reporter_(reporter) {
    environment_.declare("facts", expression::Type::error());
  }

  /// `what` without the module: "bad_name" becomes code "rules.bad_name".
  void error(const Place& place, std::string_view what, std::string message, std::string mend);
  void error_at(document::Position at, std::string path, std::string_view what, std::string message,
                std::string mend);
  void warning(const Place& place, std::string_view what, std::string message, std::string mend);

  void set_facts_type(const expression::Type& type) {
    facts_type_ = type;
    environment_.set_type(expression::SlotIndex(0), type);
  }
  /// Compiles the text at `place`; the result must be assignable to `expected`. `whose` names the slot in
  /// messages.
  std::optional<expression::Program> expression(const Place& place, const expression::Type& expected,
                                                const std::string& whose);
  document::Reporter& reporter() { return reporter_; }

 private:
  document::Reporter& reporter_;
  expression::Environment environment_;
  expression::Type facts_type_;
};

/// Reads the entries of a mapping and reports those that nobody asked for.
class Fields {
 public:
  /// Reports when the node is no mapping; nothing is found in it then.
  Fields(Context& context, Place place, std::string what);

  std::optional<Place> find(std::string_view key);
  /// Reports when it is missing.
  std::optional<Place> require(std::string_view key, std::string mend);
  /// Reports entries that were never asked for.
  void finish();
  bool is_mapping() const { return mapping_; }

 private:
  Context& context_;
  Place place_;
  std::string what_;
  bool mapping_ = false;
  std::vector<std::string> known_;
};

/// Text; reported when it is something else.
std::optional<std::string> read_text(Context& context, const Place& place, const std::string& what);
/// "did you mean 'x'?", or `otherwise` when nothing is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates,
                         std::string otherwise);
/// "a, b, c"; at most 12 of them.
std::string word_list(const std::vector<std::string>& words);

}  // namespace switchyard::rules
