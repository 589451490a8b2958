#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "switchyard/models/model_service.h"

namespace switchyard::models {

/// One call of one model version, wherever it runs.
struct CallRequest {
  ModelName model;  ///< both parts
  Document input;
  int64_t deadline_us = 0;              ///< on the clock's monotonic_us(); 0: the model's own
  std::string idempotency_key;          ///< the same for every repetition; may be empty
  std::string trace;                    ///< W3C traceparent; may be empty
  int32_t priority = kDefaultPriority;  ///< whose turn it is where calls of the model wait
  /// Where given, a chat answer comes in parts as well: each `{ choices: [ { index, delta, finish_reason } ]
  /// }` as OpenAI's chunks have it. Called in order, never after the end, on a thread that must not be
  /// blocked. False: nobody wants more; the call ends with "models.cancelled". The whole answer comes at the
  /// end all the same.
  std::function<bool(const Document& part)> on_part;
};

/// How a call ended.
struct CallOutcome {
  Result<ModelAnswer> answer;
  int64_t retry_after_us = 0;  ///< the server asked not to be asked again so long; 0: it said nothing
  int status = 0;              ///< the server's HTTP status; 0: none came
  bool may_have_run = true;    ///< false: the model certainly did not see the request
  uint32_t parts = 0;          ///< handed to on_part
  std::string endpoint;        ///< of a failure: the remote server's address, as ModelAnswer has it
};

/// The outcome of a call that certainly did not reach the model.
inline CallOutcome never_asked(Error error) {
  CallOutcome outcome{std::move(error)};
  outcome.may_have_run = false;
  return outcome;
}

/// Calls exactly the version that is asked for: no retry, no second choice. Thread-safe.
class Caller {
 public:
  virtual ~Caller() = default;
  using Done = std::function<void(CallOutcome)>;
  /// Calls `done` exactly once, on any thread, perhaps within this call; it must not block. The function
  /// returned ends the call early with kCancelled "models.cancelled"; it may be called at any time, also
  /// after the end, and is never empty.
  virtual std::function<void()> call(CallRequest request, Done done) = 0;
};

}  // namespace switchyard::models
