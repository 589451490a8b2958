#pragma once

#include <inference.pb.h>

#include <span>
#include <vector>

#include "switchyard/models/oip.h"

// Tensors as the Open Inference Protocol's messages carry them: typed contents beside each, or raw ones
// behind all. Used by the server's gRPC surface and by the backend; includes protobuf's headers, so nothing
// else does.
namespace switchyard::models::oip {

/// The tensors of a request, and of an answer. All that the views point to lies in `arena`. Errors as of
/// read_wire_tensors().
Result<std::vector<TensorView>> read_inputs(const inference::ModelInferRequest& request, Others others,
                                            Arena& arena);
Result<std::vector<TensorView>> read_outputs(const inference::ModelInferResponse& response, Others others,
                                             Arena& arena);

/// Adds the tensors with raw contents.
void write_inputs(std::span<const TensorView> tensors, inference::ModelInferRequest& request);
void write_outputs(std::span<const TensorView> tensors, inference::ModelInferResponse& response);

}  // namespace switchyard::models::oip
