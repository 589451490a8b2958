#pragma once

#include <string>
#include <vector>

#include "program.h"
#include "switchyard/schema/schema.h"

namespace switchyard::schema {

/// Checks one value against a program. Without a list for the violations it stops at the first, and makes no
/// text.
class Checker {
 public:
  explicit Checker(const Program& program, std::vector<Violation>* violations = nullptr)
      : program_(program), violations_(violations) {}

  bool run(NodeIndex node, const Value& value);

  /// Whether normalizing would perhaps change the value: a number of the wrong kind was seen, or a default is
  /// missing.
  bool may_change() const { return may_change_; }

 private:
  /// Where in the value we are: a chain on the stack, turned into text only for a violation.
  struct Path {
    const Path* parent;
    std::string_view key;
    uint32_t index;  ///< of an item; kNoIndex for a member
  };
  static constexpr uint32_t kNoIndex = UINT32_MAX;

  bool check(NodeIndex index, const Value& value, const Path& path);
  bool check_type(const Node& node, const Value& value, const Path& path);
  bool check_enum(const Node& node, const Value& value, const Path& path);
  bool check_number(const NumberRules& rules, const Value& value, const Path& path);
  bool check_string(const StringRules& rules, const Value& value, const Path& path);
  bool check_list(const ArrayRules& rules, const Value& value, const Path& path);
  bool check_unique(const Value& value, const Path& path);
  bool check_object(const ObjectRules& rules, const Value& value, const Path& path);
  bool check_member(const ObjectRules& rules, int64_t place, const Member& member, const Path& path);
  bool check_missing(const ObjectRules& rules, const uint64_t* seen, const Path& path);
  bool check_names(const ObjectRules& rules, const Value& value, const Path& path);
  bool check_combinators(const Combinators& rules, const Value& value, const Path& path);
  bool check_alternatives(const Combinators& rules, const Value& value, const Path& path);
  /// Without reporting.
  bool matches(NodeIndex index, const Value& value, const Path& path);
  /// The first violation of the alternative that comes nearest.
  std::string nearest_reason(const std::vector<NodeIndex>& nodes, const Value& value, const Path& path);

  /// Records a violation whose text `message()` makes; false.
  template <typename Message>
  bool fail(const Path& path, std::string_view keyword, Message message) {
    if (violations_ != nullptr) report(path, keyword, message());
    return false;
  }
  void report(const Path& path, std::string_view keyword, std::string message);
  /// Whether to go on after a violation.
  bool collecting() const { return violations_ != nullptr; }

  static std::string pointer_of(const Path& path);
  /// "payment.amount", "tags[2]", "the value": as messages name it.
  static std::string name_of(const Path& path);

  const Program& program_;
  std::vector<Violation>* violations_;
  uint32_t checks_ = 0;
  bool exhausted_ = false;
  bool may_change_ = false;
};

}  // namespace switchyard::schema
