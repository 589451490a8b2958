#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/schema/schema_type.h"
#include "switchyard/types/diagnostic.h"
#include "switchyard/types/value.h"

namespace switchyard::schema {

class Schema;
struct Program;

/// Shared because runs pin the schema they began with while a newer version takes its place.
using SchemaPtr = std::shared_ptr<const Schema>;

/// One reason why a value is not accepted.
struct Violation {
  std::string
      pointer;  ///< JSON Pointer of the offending part; for a missing member, of the object that lacks it
  std::string keyword;  ///< "minimum", "required", ...
  std::string message;  ///< for a person: "amount must be at least 0, got -3"
};

struct Compiled;

/// A compiled JSON Schema (draft 2020-12, the subset in the module's README). Immutable; every function may
/// be called from any thread.
///
/// Where our values are finer than JSON: "integer" accepts numbers without a fraction that fit int64 (5,
/// 5u, 5.0); "number" accepts every number; CEL-only kinds (bytes, timestamp, ...) and maps with keys that
/// are not strings are accepted only where nothing is said about them. `format` is asserted. A default does
/// not stand in for a required property.
class Schema {
 public:
  ~Schema();
  Schema(const Schema&) = delete;
  Schema& operator=(const Schema&) = delete;

  /// Compiles a schema document (a map, true or false). Keeps nothing of `document`. All mistakes are
  /// reported at once, each with the JSON Pointer of its place in Diagnostic::path; codes are
  /// "schema.<what>".
  static Compiled compile(const Value& document);
  /// The same for callers that want one error: kUnprocessable "schema.invalid", naming the first mistake,
  /// with its pointer as field.
  static Result<SchemaPtr> compile_or_error(const Value& document);

  /// Whether `value` is accepted. Under a microsecond for a flat object of 31 members.
  bool accepts(const Value& value) const;
  /// Every reason why it is not (at most kMaxViolations); empty when accepted.
  std::vector<Violation> validate(const Value& value) const;
  /// Checks `value` and gives it with every number in a slot of type "number" as double, every one in a slot
  /// of type "integer" as int64, and the defaults of absent properties filled in, at the end of their object.
  /// The same value, uncopied, when nothing changes; the result is accepted too and normalizes to itself. It
  /// may refer to memory of `value` and of `arena`, to nothing of this schema. A default that breaks a rule
  /// about its object is a violation. Error: kInvalidArgument "schema.violation" with the first violation and
  /// how many more there are; field is its JSON Pointer.
  Result<Value> normalize(const Value& value, Arena& arena) const;

  /// What a normalized value looks like, for the type checker.
  const SchemaType& type() const;
  /// The document it was compiled from (a copy that lives as long as the schema), "x-" keywords included.
  const Value& document() const;

  /// For this module's own files.
  const Program& program() const { return *program_; }

 private:
  explicit Schema(std::unique_ptr<const Program> program);
  std::unique_ptr<const Program> program_;
};

struct Compiled {
  SchemaPtr schema;         ///< nullptr when there are errors
  Diagnostics diagnostics;  ///< errors and warnings
};

/// The violations as one error, as normalize() gives it; requires at least one.
Error violations_error(const std::vector<Violation>& violations);

}  // namespace switchyard::schema
