#include "surfaces/inference_body.h"

#include "surfaces/common.h"
#include "switchyard/models/limits.h"
#include "switchyard/models/oip.h"
#include "switchyard/models/tensors.h"

namespace switchyard::gateway::surfaces {
namespace {

Error bad(std::string what, std::string_view field) {
  return make_error(ErrorKind::kInvalidArgument, "inference.bad_request", std::move(what),
                    std::string(field.substr(0, kMaxInferenceNameBytes)));
}

Error unsupported(std::string what, std::string_view field) {
  return make_error(ErrorKind::kInvalidArgument, "inference.unsupported", std::move(what),
                    std::string(field.substr(0, kMaxInferenceNameBytes)));
}

/// Parameters that are orders to the server; the others are the caller's own and go back.
bool is_order(std::string_view name) {
  return name == "binary_data_output" || name == "timeout" || name == "priority" || name == "headers" ||
         name.starts_with("sequence_") || name.starts_with("triton_");
}

Status read_parameters(const Value& body, InferenceRequest& request) {
  const Value* parameters = body.find("parameters");
  if (parameters == nullptr || parameters->is_null()) return {};
  if (!parameters->is(Kind::kMap)) return bad("'parameters' must be an object", "parameters");
  for (const Member& member : parameters->members()) {
    const std::string_view name = member.key.as_string();
    if (name == "binary_data_output") {
      if (!member.value.is(Kind::kBool))
        return bad("the parameter binary_data_output is true or false", name);
      request.binary = member.value.as_bool();
    } else if (name == "timeout") {
      if (!member.value.is(Kind::kInteger) || member.value.as_integer() < 0)
        return bad("the parameter timeout is a number of microseconds", name);
      request.timeout_us = member.value.as_integer();
    } else if (name == "sequence_id" && !member.value.is_null()) {
      return unsupported("sequences are not supported here; leave sequence_id out", name);
    } else if (!is_order(name)) {
      request.parameters += request.parameters.empty() ? "{" : ",";
      append_json_string(name, request.parameters);
      request.parameters += ':';
      append_json(member.value, request.parameters);
    }
  }
  if (!request.parameters.empty()) request.parameters += '}';
  return {};
}

Status read_outputs(const Value& body, InferenceRequest& request) {
  const Value* outputs = body.find("outputs");
  if (outputs == nullptr || outputs->is_null()) return {};
  if (!outputs->is(Kind::kList) || outputs->size() > models::kMaxTensors)
    return bad("'outputs' must be a list of at most " + std::to_string(models::kMaxTensors) + " outputs",
               "outputs");
  for (const Value& each : outputs->items()) {
    const Value* name = each.find("name");
    if (name == nullptr || !name->is(Kind::kString))
      return bad("'outputs' holds what has no name", "outputs");
    InferenceRequest::Output output{std::string(name->as_string()), request.binary};
    if (const Value* parameters = each.find("parameters"); parameters != nullptr) {
      if (const Value* binary = parameters->find("binary_data"))
        output.binary = binary->is(Kind::kBool) && binary->as_bool();
      const Value* classes = parameters->find("classification");
      if (classes != nullptr && !(classes->is(Kind::kInteger) && classes->as_integer() == 0))
        return unsupported("the classification extension is not supported here; ask for the tensor itself",
                           name->as_string());
      if (parameters->find("shared_memory_region") != nullptr)
        return unsupported("shared memory is not supported here; take the tensor's data", name->as_string());
    }
    request.outputs.push_back(std::move(output));
  }
  return {};
}

}  // namespace

Result<InferenceRequest> read_inference(std::string_view body, std::optional<size_t> json_bytes) {
  if (body.size() > kMaxInferenceBytes)
    return make_error(ErrorKind::kTooLarge, "inference.too_large",
                      "the request has " + std::to_string(body.size()) + " bytes; it may have " +
                          std::to_string(kMaxInferenceBytes) + ": send fewer rows at once");
  if (json_bytes.has_value() && *json_bytes == 0)
    return unsupported("a body of raw data alone is not supported here; send the JSON before it",
                       "Inference-Header-Content-Length");
  const size_t json_size = json_bytes.value_or(body.size());
  if (json_size > body.size())
    return bad("Inference-Header-Content-Length says " + std::to_string(json_size) +
                   " bytes, and the body has " + std::to_string(body.size()),
               "Inference-Header-Content-Length");
  auto arena = std::make_shared<Arena>(body.size() + 4096);
  const auto parsed = parse_json(body.substr(0, json_size), *arena, {.max_bytes = kMaxInferenceBytes});
  if (!parsed.ok())
    return bad("the request is no valid JSON: " + parsed.error().message, parsed.error().field);
  const Value request_value = *parsed;
  InferenceRequest request;
  const Value* inputs = request_value.find("inputs");
  if (inputs == nullptr || !inputs->is(Kind::kList) || inputs->size() == 0)
    return bad("'inputs' must be a list of 1 to " + std::to_string(models::kMaxTensors) + " tensors",
               "inputs");
  if (const Value* id = request_value.find("id"); id != nullptr && !id->is_null()) {
    if (!id->is(Kind::kString) || id->size() > kMaxInferenceNameBytes)
      return bad("'id' must be a text of at most " + std::to_string(kMaxInferenceNameBytes) + " bytes", "id");
    request.id = id->as_string();
  }
  SY_RETURN_IF_ERROR(read_parameters(request_value, request));
  SY_RETURN_IF_ERROR(read_outputs(request_value, request));
  SY_ASSIGN_OR_RETURN(
      const auto tensors,
      models::oip::read_wire_tensors(*inputs, body.substr(json_size), models::oip::Others::kRefuse, *arena));
  std::vector<std::string_view> wanted;
  for (const auto& output : request.outputs) wanted.push_back(output.name);
  request.input = models::make_tensor_document("inputs", tensors, wanted, std::move(arena));
  return request;
}

Result<InferenceBody> write_inference(const InferenceRequest& request, const InferenceReply& reply) {
  Arena arena;
  SY_ASSIGN_OR_RETURN(const auto tensors, models::read_tensors(*reply.output, "outputs", arena));
  InferenceBody answer;
  std::string behind;
  JsonObject object(answer.body);
  object.text("model_name", reply.model).text("model_version", reply.version);
  if (!request.id.empty()) object.text("id", request.id);
  if (!request.parameters.empty()) object.raw("parameters") += request.parameters;
  std::string& list = object.raw("outputs");
  list += '[';
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (i > 0) list += ',';
    const bool binary = request.outputs.empty() ? request.binary : request.outputs[i].binary;
    answer.binary = answer.binary || binary;
    SY_RETURN_IF_ERROR(models::oip::append_wire_tensor(tensors[i], binary, list, behind));
  }
  list += ']';
  object.close();
  answer.json_bytes = answer.body.size();
  answer.body += behind;
  return answer;
}

}  // namespace switchyard::gateway::surfaces
