#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/gateway/surfaces.h"
#include "switchyard/models/model_service.h"

// What the REST and the gRPC form of the Open Inference Protocol share.
namespace switchyard::gateway::surfaces {

inline constexpr size_t kMaxInferenceBytes = 16u << 20;  ///< of one request's tensors, names and parameters
inline constexpr int64_t kMaxInferenceWaitUs = 60'000'000;
inline constexpr size_t kMaxInferenceNameBytes = 256;

/// Who answers to a name, and the versions of the model of that name that are loaded.
struct ModelDescription {
  std::string name;
  std::shared_ptr<const models::ModelInfo> info;  ///< of one that answers; shared with the service
  std::vector<std::string> versions;
  bool ready = false;        ///< a call would be answered now
  std::string switched_off;  ///< why it would not
};
/// That version of the model; without one the route of that name, or else the model's active version.
/// kNotFound "inference.unknown_model".
Result<ModelDescription> describe_model(const Services& services, std::string_view name,
                                        std::string_view version);

struct IndexEntry {
  std::string name, version;  ///< version empty: a route
  bool ready = false;
  std::string reason;  ///< why it is not
};
std::vector<IndexEntry> model_index(const Services& services, bool only_ready);

struct InferenceCall {
  std::string model, version;  ///< a model or a route; with a version exactly that of the model
  Document input;              ///< the model's tensors (models/tensors.h)
  int64_t timeout_us = 0;      ///< 0: kMaxInferenceWaitUs
};
struct InferenceReply {
  std::string model, version;  ///< version empty: of a route
  RunId decision;
  Document output;
};
/// Runs the call as a decision that asks the model and nothing else, and gives what it ended with, once, on a
/// thread that must not be blocked. What nobody waits for any more, for the client has left or its time is
/// over, is given up: kDeadlineExceeded "inference.timeout".
void call_inference(const Services& services, InferenceCall inference, const std::shared_ptr<Call>& call,
                    std::function<void(Result<InferenceReply>)> done);

}  // namespace switchyard::gateway::surfaces
