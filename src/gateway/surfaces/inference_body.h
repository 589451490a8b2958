#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "surfaces/inference_call.h"

// The bodies of the Open Inference Protocol over REST: JSON, with tensors in it or, by the binary tensor
// extension, behind it.
namespace switchyard::gateway::surfaces {

struct InferenceRequest {
  std::string id;
  Document input;  ///< the tensors, as models/tensors.h has them
  int64_t timeout_us = 0;
  bool binary = false;  ///< outputs that the request does not name, or names without `binary_data`
  struct Output {
    std::string name;
    bool binary = false;
  };
  std::vector<Output> outputs;  ///< empty: all
  std::string parameters;       ///< JSON of those that are given back; empty: none
};

/// `json_bytes`: what Inference-Header-Content-Length says; absent: the whole body is JSON.
/// kInvalidArgument "inference.bad_request", "inference.unsupported", and the errors of
/// models::oip::read_wire_tensors(); the field is the tensor's or the member's name.
Result<InferenceRequest> read_inference(std::string_view body, std::optional<size_t> json_bytes);

/// The answer: `json_bytes` of JSON, then the tensors that were asked for in binary form.
struct InferenceBody {
  std::string body;
  size_t json_bytes = 0;
  bool binary = false;
};
/// kUnprocessable "oip.not_json" for what JSON lacks in a tensor that is not wanted in binary form.
Result<InferenceBody> write_inference(const InferenceRequest& request, const InferenceReply& reply);

}  // namespace switchyard::gateway::surfaces
