#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/models/model_service.h"
#include "switchyard/models/tensors.h"

namespace switchyard::models {

/// The rows of a tensor request. Immutable; shared by the parts of a request that is too large for one run.
struct TensorRows {
  Document document;                     // what the views point to
  std::unique_ptr<Arena> decoded;        // and what of it came as base64
  std::vector<TensorView> tensors;       // at least one, all with `rows` rows
  std::vector<std::string_view> wanted;  // outputs; empty: all
  uint32_t rows = 1;

  /// kInvalidArgument "models.bad_input". Requires has_tensors(*document).
  static Result<std::shared_ptr<const TensorRows>> read(Document document);
};

/// kInvalidArgument "models.bad_input" when the request wants an output that the model has not.
Status check_wanted(const TensorRows& request, const std::vector<TensorInfo>& outputs);

/// The rows [first, first + rows) of the outputs that the request wants, as a document of tensors.
Document tensor_output(const TensorRows& request, const std::vector<TensorInfo>& infos,
                       const std::vector<TensorData>& outputs, uint32_t first, uint32_t rows);

/// Answers of parts, in the order of their rows, as one: outputs behind each other, times and costs summed.
/// kInternal "models.run_failed" when two runs gave rows of different shapes.
Result<ModelAnswer> join_answers(std::vector<ModelAnswer> parts);

/// Collects the answers of a request's parts; when the last is there, calls `done` with all of them, or with
/// the first part's error. Shared by the parts' callbacks, which may come on several threads.
class TensorJoin {
 public:
  TensorJoin(size_t parts, ModelCallback done) : left_(parts), results_(parts), done_(std::move(done)) {}
  void add(size_t part, Result<ModelAnswer> result);

 private:
  std::mutex mutex_;
  size_t left_;                                                // guarded by mutex_
  std::vector<std::unique_ptr<Result<ModelAnswer>>> results_;  // guarded by mutex_ until left_ is 0
  ModelCallback done_;
};

}  // namespace switchyard::models
