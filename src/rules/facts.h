#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "predicate.h"
#include "switchyard/schema/schema.h"

namespace switchyard::rules {

/// A fact that conditions compare with constants.
struct Fact {
  enum class Kind : uint8_t { kNumber, kInteger, kText, kBool };
  Kind kind = Kind::kNumber;
  bool may_be_absent = false;
  bool may_be_null = false;
  std::string path;               ///< "card.country"
  std::vector<std::string> keys;  ///< {"card", "country"}
  Bound low, high;                ///< what the schema says of numbers
  std::vector<Number> enum_numbers;
  std::vector<std::string> enum_texts;

  bool has_enum() const { return !enum_numbers.empty() || !enum_texts.empty(); }
  /// "a number", "an integer", "text", "a boolean"
  std::string_view kind_name() const;
  /// nullptr when absent.
  const Value* read(const Value& facts) const;
};

/// The facts that a table's conditions compare, each found once by its path in the schema of the facts.
class Facts {
 public:
  explicit Facts(schema::SchemaPtr schema) : schema_(std::move(schema)) {}

  struct Lookup {
    std::optional<uint16_t> index;
    bool known = false;  ///< the schema names it, but it is nothing to compare with a constant
    std::string type;    ///< then: what it is
  };
  /// Keeps what it finds. Nothing is found past kMaxFacts.
  Lookup find(std::string_view path);
  const Fact& operator[](size_t index) const { return facts_[index]; }
  size_t size() const { return facts_.size(); }
  /// Names of the members of the facts and of their members, for "did you mean".
  std::vector<std::string> names() const;
  const schema::Schema& schema() const { return *schema_; }

 private:
  schema::SchemaPtr schema_;
  std::deque<Fact> facts_;
};

}  // namespace switchyard::rules
