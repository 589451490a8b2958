#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "surfaces/common.h"

// A call of one model from outside as a decision of its own: what the surfaces of other systems' APIs share.
namespace switchyard::gateway::surfaces {

struct ModelCallRequest {
  std::string model;  ///< as the client named it
  Value body;         ///< the client's request; lives in run.arena
  partition::StartRun run;
};

/// Reads the body and finds the model: a JSON object whose member `model` names a route or a model of that
/// kind, with a version or without. The run's input is the caller's to set. kNotFound "models.unknown",
/// kInvalidArgument.
Result<ModelCallRequest> read_model_call(const Call& call, const Services& services, models::ModelKind kind);

/// The run that asks `model`, to be started for this call; lacks its input. kNotFound "models.unknown".
Result<partition::StartRun> model_run(const Call& call, const Services& services, const std::string& model,
                                      std::shared_ptr<Arena> arena);

/// Gives the run its id, and tells it.
std::string reserve(ModelCallRequest& request, const Services& services);

using OnPart = std::function<bool(const Document& part)>;
using OnOutput = std::function<void(Result<Document> output)>;
/// Starts the run, waits for its end and gives its output, or why there is none, to `done`, once, on some
/// thread. When the client leaves, the call of the model is given up. `on_part` may be empty. Requires:
/// reserve() was called.
void begin_model_call(const Services& services, ModelCallRequest request, std::shared_ptr<Call> call,
                      OnPart on_part, OnOutput done);

/// How the wait for a model's run ended.
struct ModelRunEnd {
  Result<partition::RunView> view;  ///< with its output when it is completed; perhaps not final yet
  bool began = true;                ///< false: there is no run
  LiveCall::Refusal refusal = {};   ///< of a run that failed
};
using OnRunEnd = std::function<void(ModelRunEnd)>;
/// Starts the run, which has its id, and waits for its end, at most until `until_us`; `done` as above. While
/// it hears of a run that is not final, the call can still be abandoned. `on_part` may be empty.
void start_model_run(const Services& services, partition::StartRun run, int64_t until_us, Call& call,
                     OnPart on_part, OnRunEnd done);

/// Answers with the error and what it says of another try: when, or that it is of no use where the server has
/// tried already.
void fail_call(Call& call, const Error& error);

Error unknown_model(const std::string& name);

/// A name that can be called.
struct CallableModel {
  std::string name, owner;
  int64_t deployed_us = 0;
};
/// By name.
std::vector<CallableModel> callable_models(const governance::Snapshot& snapshot);

}  // namespace switchyard::gateway::surfaces
