#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/expression/program.h"
#include "switchyard/expression/type.h"
#include "switchyard/models/backend.h"
#include "switchyard/models/manifest.h"
#include "switchyard/schema/schema.h"

namespace switchyard::models {

/// Turns one row of the output tensors into the named results of the manifest. Immutable; any thread.
///
/// The expressions see every output tensor by its name (where that is an identifier), without the batch
/// dimension: a number, bool or text, or (nested) lists of them; and all of them in the map `tensors`, for
/// names that are none.
class OutputPlan {
 public:
  /// Compiles the manifest's expressions. `shapes` are the model's outputs with the ranks they have in a run.
  /// kUnprocessable "models.bad_output_expression" with all mistakes, naming the output.
  static Result<OutputPlan> compile(const ModelManifest& manifest, const std::vector<TensorInfo>& shapes);

  /// The results of `row`, as a map that owns its memory. kUnprocessable "models.bad_output" names the
  /// output.
  Result<Document> decode(const std::vector<TensorData>& outputs, uint32_t row) const;

  /// An object of the results' types.
  const expression::Type& type() const { return type_; }

 private:
  struct Output {
    std::string name;
    expression::Program program;
  };

  std::vector<TensorInfo> tensors_;
  std::vector<bool> needed_;  // of each tensor, whether some expression reads it; of `tensors` after them
  std::vector<Output> outputs_;
  expression::Type type_;
  schema::SchemaPtr schema_;
};

/// A JSON Schema (as a document) for values of `type`; {} for what has no closer one.
Document schema_of(const expression::Type& type);

}  // namespace switchyard::models
