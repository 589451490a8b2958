#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "switchyard/expression/program.h"
#include "switchyard/models/manifest.h"

namespace switchyard::models {

/// Of expressions over what a server sends: what that is is known when it has come, and a member that is not
/// there fails the call.
expression::CompileOptions over_an_answer();

/// What a manifest's `output` makes of an answer: a result for each expression, as the schema has it.
/// Immutable; any thread.
class ComputedOutputs {
 public:
  /// The slots of evaluate() are what `environment` declares, in its order. `mistakes` are those found in the
  /// manifest before. kUnprocessable "models.bad_output_expression" tells of all.
  static Result<ComputedOutputs> compile(const ModelManifest& manifest,
                                         const expression::Environment& environment,
                                         std::string mistakes = {});

  /// `scratch` need not live longer. kUnavailable "models.bad_answer".
  Result<Document> evaluate(std::span<const Value> slots, Arena& scratch) const;
  const expression::Type& type() const { return type_; }

 private:
  std::vector<std::pair<std::string, expression::Program>> programs_;
  schema::SchemaPtr schema_;  // null: as the expressions give it
  expression::Type type_;
};

/// Adds to `mistakes` those of the expression at `where`.
void note_mistakes(const std::string& where, const expression::Compiled& compiled, std::string& mistakes);

}  // namespace switchyard::models
