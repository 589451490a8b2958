#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/expression/type.h"
#include "switchyard/models/backend.h"
#include "switchyard/models/limits.h"
#include "switchyard/models/manifest.h"
#include "switchyard/runtime/clock.h"
#include "switchyard/types/priority.h"
#include "switchyard/types/value.h"

namespace switchyard::models {

/// What a loaded version is; manifest.run.instances is never 0. Immutable once loaded; safe to keep after the
/// model is unloaded.
struct ModelInfo {
  ModelManifest manifest;
  std::string sha256;   ///< of the model's bytes, lower-case hex
  std::string runtime;  ///< "onnxruntime 1.24.1"
  size_t model_bytes = 0;
  std::vector<TensorInfo> inputs;  ///< the model's own tensors
  std::vector<TensorInfo> outputs;
  Document output_schema;        ///< JSON Schema: the manifest's, or one derived from the expressions' types
  expression::Type output_type;  ///< an object of the output names, for checking pipelines
  uint32_t warm_ups = 0;         ///< runs made before the model was ready
  int64_t warm_up_us = 0;        ///< and how long they took
  int64_t load_us = 0;           ///< loading and warming

  const std::string& name() const { return manifest.model.name; }
  const std::string& version() const { return manifest.model.version; }
};

/// kReady answers; kDraining finishes what it has accepted and is then unloaded.
enum class ModelState : uint8_t { kLoading, kReady, kDraining };
std::string_view model_state_name(ModelState state);

struct ModelStatus {
  std::shared_ptr<const ModelInfo> info;  ///< shared with the answers that name it; null while loading
  ModelName model;
  ModelState state = ModelState::kLoading;
  bool current = false;   ///< answers requests that name no version
  bool disabled = false;  ///< refuses requests until enabled
  uint32_t waiting = 0;   ///< requests in its queue
  uint32_t running = 0;   ///< requests in a run
};

/// Where in a run a row was computed. Matrix kernels differ with the shape of the batch, and so do the lowest
/// bits of the answer: a replay runs at the same place.
struct BatchPlace {
  uint32_t bucket = 1;    ///< rows of the run, padding included
  uint32_t position = 0;  ///< the row's place, from 0
};

/// What a server counted, for prices and budgets.
struct ModelUsage {
  int64_t input_tokens = 0;
  int64_t cached_tokens = 0;  ///< of the input, from the server's cache
  int64_t output_tokens = 0;
};

struct ModelAnswer {
  Document output;  ///< a map of the manifest's output names
  std::shared_ptr<const ModelInfo> model;
  BatchPlace place;
  uint32_t batch_size = 1;  ///< real rows of the run
  int64_t queue_us = 0;     ///< from infer() until a worker took it
  int64_t run_us = 0;       ///< from then until the run was over, the whole batch
  uint32_t calls = 1;       ///< that it counts for: the rows that were asked, in this process
  ModelUsage usage;
  std::string served_by;      ///< what a remote server says it answered with; empty: it says nothing
  std::string upstream_id;    ///< the remote server's id of the request; may be empty
  std::string endpoint;       ///< the remote server's address, without path; empty: this process
  int64_t first_part_us = 0;  ///< from the call to the first part; 0: the answer came whole
  Document privacy;  ///< what was removed before it left, by kind and count; null: nothing was looked for
};

/// Called exactly once for each infer(), on a worker thread (or inside infer() itself when the request is
/// refused at once). Must not block, and must not call stop(), load() or unload(); it may call infer().
using ModelCallback = std::function<void(Result<ModelAnswer>)>;

struct ModelRequest {
  std::string name;
  std::string version;      ///< empty: the current one
  Document input;           ///< as the manifest says, or the model's own tensors (tensors.h)
  int64_t deadline_us = 0;  ///< on the clock's monotonic_us(); 0: now plus the manifest's timeout
  ModelCallback done;
  int32_t priority = kDefaultPriority;  ///< who waits goes in QueueOrder
};

/// What a load does to the version that was current.
enum class Swap : uint8_t {
  kReplace,  ///< the new version becomes current; the old one drains and is unloaded
  kKeep,     ///< the new version becomes current; the old one stays loaded
  kAside,  ///< the new version is loaded beside the current one (which is made current only if there is none)
};

/// Counts since the load, for metrics. Histograms count each value in the first bound that is not below it.
struct ModelStats {
  static constexpr std::array<uint32_t, 11> kBatchBounds{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
  static constexpr std::array<int64_t, 14> kTimeBoundsUs{
      25, 50, 100, 250, 500, 1'000, 2'500, 5'000, 10'000, 25'000, 50'000, 100'000, 250'000, 1'000'000};

  ModelName model;
  uint32_t queue_depth = 0;
  uint32_t queue_limit = 0;
  uint64_t answered = 0;
  uint64_t failed = 0;    ///< bad input or a run that failed
  uint64_t expired = 0;   ///< dropped before their run because their deadline had passed
  uint64_t rejected = 0;  ///< refused because the queue was full
  uint64_t batches = 0;
  uint64_t rows = 0;         ///< real rows in them
  uint64_t padded_rows = 0;  ///< rows added to reach a bucket
  std::array<uint64_t, kBatchBounds.size()> batch_size{};
  std::array<uint64_t, kTimeBoundsUs.size() + 1> queue_time{};  ///< of requests; the last: longer
  std::array<uint64_t, kTimeBoundsUs.size() + 1> run_time{};    ///< of batches
  int64_t queue_us = 0;                                         ///< sum over requests
  int64_t run_us = 0;                                           ///< sum over batches
  uint32_t warm_ups = 0;
  int64_t warm_up_us = 0;
  int64_t load_us = 0;
};

struct ServiceStats {
  uint32_t workers = 0;
  uint32_t busy_workers = 0;
  int64_t busy_us = 0;  ///< sum over workers; its rate over `workers` is the utilisation
  uint64_t loads = 0;
  uint64_t unloads = 0;
  std::vector<ModelStats> models;
};

/// Keeps models in memory and answers from them on threads of its own, batching what waits: a worker that
/// becomes free takes everything that waits for one model with an idle instance, up to the largest batch, and
/// pads it to the next bucket. Nothing is ever held back to wait for company. All functions may be called
/// from any thread unless they say otherwise.
class ModelService {
 public:
  struct Options {
    /// Threads; 0: half the cores, at least one. A model with more instances brings as many as it lacks.
    uint32_t workers = 0;
    uint32_t queue_limit = kDefaultQueueLimit;
    uint32_t timeout_ms = kDefaultTimeoutMs;
    std::vector<std::shared_ptr<Backend>> backends;  ///< shared: a backend may serve several services
    /// Deadlines are on its monotonic_us(). Must outlive the service.
    const runtime::Clock* clock = &runtime::system_clock();
  };

  explicit ModelService(Options options);
  /// Requires that the service was stopped, or never started.
  ~ModelService();
  ModelService(const ModelService&) = delete;
  ModelService& operator=(const ModelService&) = delete;

  /// Starts the workers. Once.
  Status start();
  /// Refuses new requests, fails the waiting ones with kUnavailable "models.stopping", waits for the running
  /// ones, unloads everything. Idempotent.
  void stop();

  /// Loads a version, asks it every recorded input and runs every batch bucket as often as the manifest says;
  /// only then can requests reach it, all at once. Blocks for as long as that takes: not for partition
  /// threads. Loading the same version with the same bytes again is success and changes nothing but `swap`.
  /// Errors: kNotFound "models.unknown_backend", "models.file_missing"; kConflict "models.version_exists"
  /// (other bytes under the same version); kUnprocessable "models.sha256_mismatch", "models.tensor_mismatch",
  /// "models.bad_output_expression", "models.bad_warm_up"; kResourceExhausted "models.too_many"; and the
  /// backend's. After an error everything is as it was.
  Status load(const ModelManifest& manifest, const std::string& model_path, Swap swap = Swap::kReplace);
  /// The same from memory.
  Status load_bytes(const ModelManifest& manifest, std::string_view model_bytes, Swap swap = Swap::kReplace);

  /// Refuses new requests to this version, waits until it has answered all it had accepted, then frees it.
  /// kNotFound "models.unknown".
  Status unload(std::string_view name, std::string_view version);

  /// Makes a loaded version the one that answers requests without a version. kNotFound "models.unknown".
  Status make_current(std::string_view name, std::string_view version);

  /// Every request that begins later is refused with kUnavailable "models.disabled"; those waiting too.
  /// An empty version means all versions of the name, later ones included. Works for names never loaded.
  /// Idempotent.
  void disable(std::string_view name, std::string_view version);
  /// Undoes disable() of the same name and version; a version stays disabled while its whole name is.
  void enable(std::string_view name, std::string_view version);

  std::vector<ModelStatus> list() const;
  /// The version, or the current one when `version` is empty; null when it is not loaded.
  std::shared_ptr<const ModelInfo> find(std::string_view name, std::string_view version = {}) const;

  /// Answers through `request.done`. Refused at once: kNotFound "models.unknown", kUnavailable
  /// "models.disabled" or "models.stopping", kResourceExhausted "models.queue_full" (the message has the
  /// limit). Later: "models.queue_full" too, when it gave way to others of higher priority; kDeadlineExceeded
  /// "models.deadline" (the run never began), kInvalidArgument "models.bad_input" (names field and tensor),
  /// kUnprocessable "models.bad_output" (an output is not a finite number, or its expression failed).
  /// "models.not_started" before start().
  void infer(ModelRequest request);

  /// Runs one input on the calling thread at the given place of a padded batch, beside the queues: for
  /// replays, which must give the same bits. Blocks. kInvalidArgument "models.bad_place" when the bucket was
  /// never warmed.
  Result<ModelAnswer> run_at(std::string_view name, std::string_view version, const Document& input,
                             BatchPlace place);

  ServiceStats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace switchyard::models
