#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "output_plan.h"
#include "row_encoder.h"
#include "switchyard/models/backend.h"
#include "switchyard/models/model_service.h"
#include "switchyard/runtime/clock.h"
#include "tensor_rows.h"

namespace switchyard::models {

/// A request, or a part of one, that waits for a worker.
struct Pending {
  Document input;  // null when the request brings tensors
  ModelCallback done;
  int64_t accepted_us = 0;
  int64_t deadline_us = 0;
  // A tensor request, of which this is the rows [first, first + rows); null: a document, which is one row.
  std::shared_ptr<const TensorRows> tensors;
  uint32_t first = 0;
  uint32_t rows = 1;
  bool alone = false;  // shares its run with nobody, so that a replay finds the same places
};

/// One loaded version of a model. Shared by the service's table and the workers that run it, so that it is
/// freed by whoever lets go last and never under a run.
struct Version {
  // Constant after load_version().
  std::shared_ptr<const ModelInfo> info;
  std::unique_ptr<const LoadedModel> model;
  std::unique_ptr<const RowEncoder> encoder;
  std::unique_ptr<const OutputPlan> plan;
  uint32_t queue_limit = 0;
  int64_t timeout_us = 0;

  // Guarded by the service's mutex.
  std::multimap<QueueOrder, Pending> queue;  // the parts of one request have one place
  std::vector<uint32_t> idle;                // instances, by their numbers
  uint64_t arrivals = 0;                     // that were given a place in the queue
  uint32_t running = 0;                      // requests taken by workers, and run_at calls
  bool draining = false;
  bool disabled = false;
  bool scheduled = false;  // is in the service's list of versions with waiting requests
  ModelStats stats;

  /// Checks the input against the manifest's schema and writes it into a row. kInvalidArgument
  /// "models.bad_input".
  Status encode(const Value& input, std::vector<TensorData>& batch, uint32_t row, Arena& scratch) const;
  /// The same for the request's own tensors, from `first` on. The manifest's schema speaks of documents and
  /// has no say here.
  Status encode(const TensorRows& request, uint32_t first, uint32_t rows, std::vector<TensorData>& batch,
                uint32_t row) const;
  /// The session in which an instance runs.
  uint32_t session_of(uint32_t instance) const { return instance % model->sessions(); }
  /// The smallest bucket that holds `rows`; requires 1 <= rows <= max_batch.
  uint32_t bucket_for(uint32_t rows) const;
};

/// Loads, checks, probes and warms a version for so many runs at once: all that must succeed before anybody
/// may see it.
Result<std::shared_ptr<Version>> load_version(const ModelManifest& manifest, std::string_view model_bytes,
                                              Backend& backend, uint32_t instances,
                                              const runtime::Clock& clock);

/// One run of a prepared batch in a session of the model; also checks that every output has the batch's rows.
Status run_rows(const Version& version, uint32_t session, const std::vector<TensorData>& inputs,
                std::vector<TensorData>& outputs);

}  // namespace switchyard::models
