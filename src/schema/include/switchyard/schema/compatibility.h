#pragma once

#include <string>

#include "switchyard/schema/schema.h"

namespace switchyard::schema {

/// Whether every value that one schema accepts is accepted by another.
struct Compatibility {
  enum class Answer : uint8_t {
    kYes,        ///< proven
    kNo,         ///< there is a value that the first accepts and the second does not
    kUndecided,  ///< neither was found
  };
  Answer answer = Answer::kUndecided;
  std::string reason;   ///< for a person; empty for kYes
  std::string pointer;  ///< JSON Pointer in the document of `to`
};

/// Is every value valid under `from` valid under `to`? Conservative: kYes is a proof. kNo assumes that each
/// subschema of `from` accepts at least one value (no "minimum: 2, maximum: 1").
Compatibility check_compatible(const Schema& from, const Schema& to);

/// Who must not break when a schema changes.
enum class Direction : uint8_t {
  kNewReadsOld,  ///< an input contract: what callers send today must still be accepted
  kOldReadsNew,  ///< an output contract: what is sent tomorrow must be accepted by today's readers
  kBoth,
};
Compatibility check_compatible(const Schema& older, const Schema& newer, Direction direction);

}  // namespace switchyard::schema
