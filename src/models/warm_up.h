#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "version.h"

namespace switchyard::models {

/// Runs a version before anybody may ask it, so that the runtime has planned and allocated for every bucket
/// on every session, and so that its recorded inputs are known to be answered. Used by one thread, once.
class WarmUp {
 public:
  /// `info` is the version's, and counts the runs. Both must outlive this.
  WarmUp(const Version& version, ModelInfo& info) : version_(version), info_(info) {}

  /// The first run, in the smallest bucket. It tells the outputs' real ranks, which models may leave open:
  /// `info.outputs` has them then. kUnprocessable "models.bad_warm_up" names a recorded input that is not of
  /// this model; kUnprocessable, too, when the run fails.
  Status probe();
  /// All other runs; requires that probe() succeeded and that the version has its plan. Errors as above.
  Status run_all();

 private:
  /// One row that was recorded: of a document, or one of a tensor request.
  struct Row {
    uint32_t input;  // its number in the manifest
    std::shared_ptr<const TensorRows> tensors;
    uint32_t row = 0;
  };

  Status read();
  Status fill(uint32_t at, const Row& row);
  Status run(uint32_t session);
  Status run_alone(const Row& row);
  /// Recorded rows in turn, or blank ones.
  Status run_bucket(uint32_t session, uint32_t bucket);
  Status answer_recorded();
  Error refused(Error error, uint32_t input) const;
  Error failed(Error error, uint32_t bucket) const;

  const Version& version_;
  ModelInfo& info_;
  std::vector<Row> rows_;
  size_t next_ = 0;  // of rows_, for the buckets
  std::vector<TensorData> inputs_;
  std::vector<TensorData> outputs_;
  Arena scratch_;
};

}  // namespace switchyard::models
