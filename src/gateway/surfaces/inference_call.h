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

/// A model version that answers, and the other versions that do.
struct ModelDescription {
  std::shared_ptr<const models::ModelInfo> info;  ///< shared with the service
  std::vector<std::string> versions;
};
/// The version, or the active one when `version` is empty. kNotFound "inference.unknown_model".
Result<ModelDescription> describe_model(const Services& services, std::string_view name,
                                        std::string_view version);
/// Whether a call would be answered now: loaded, and not switched off.
bool is_ready(const Services& services, std::string_view name, std::string_view version);

struct IndexEntry {
  std::string name, version;
  bool ready = false;
  std::string reason;  ///< why it is not
};
std::vector<IndexEntry> model_index(const Services& services, bool only_ready);

struct InferenceCall {
  std::string model, version;  ///< a model or a route; version empty: the active one
  Document input;              ///< the model's tensors (models/tensors.h)
  int64_t timeout_us = 0;      ///< 0: kMaxInferenceWaitUs
};
struct InferenceReply {
  std::string model, version;  ///< version empty: of a route
  RunId decision;
  Document output;
};
/// Runs the call as a decision of the pipeline `calls/MODEL` and gives what it ended with, once, on a thread
/// that must not be blocked. What nobody waits for any more, for the client has left or its time is over, is
/// given up: kDeadlineExceeded "inference.timeout".
void call_inference(const Services& services, InferenceCall inference, const std::shared_ptr<Call>& call,
                    std::function<void(Result<InferenceReply>)> done);

}  // namespace switchyard::gateway::surfaces
