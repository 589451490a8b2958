#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "switchyard/base/result.h"
#include "switchyard/models/remote.h"

namespace switchyard::models {

/// A model call for a process that polls the backend's queue.
struct ModelTask {
  std::string queue;
  std::string type;   ///< "model:NAME@VERSION"
  std::string input;  ///< JSON
  std::string idempotency_key, trace;
  int32_t priority = kDefaultPriority;
  int64_t deadline_us = 0;  ///< on the clock's monotonic_us()
};

/// Hands tasks to workers. Thread-safe; outlives every model that is made with it.
class ModelTasks {
 public:
  virtual ~ModelTasks() = default;
  struct Outcome {
    Result<Document> result;
    int64_t retry_after_us = 0;
    bool may_have_run = true;  ///< false: no worker had it
    std::string worker;
    int64_t queued_us = 0, run_us = 0;
  };
  /// Calls `done` exactly once, on any thread, perhaps within this call; not when the server stops meanwhile.
  /// The function returned ends the task early with kCancelled; it may be called at any time and is never
  /// empty.
  virtual std::function<void()> offer(ModelTask task, std::function<void(Outcome)> done) = 0;
};

/// A model of a backend with the protocol `worker`: what the workers of its queue give. Of kind value it
/// gets the input, or what remote.body makes of it, and `body` of the output's expressions is what it gives;
/// of kind chat and embeddings it speaks as OpenAI's API does. The errors of make_http_model().
Result<std::shared_ptr<RemoteModel>> make_worker_model(const ModelManifest& manifest,
                                                       const BackendSpec& backend, ModelTasks& tasks,
                                                       const runtime::Clock& clock);

}  // namespace switchyard::models
