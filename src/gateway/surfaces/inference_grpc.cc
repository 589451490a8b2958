// The Open Inference Protocol over gRPC: inference.GRPCInferenceService.
#include "surfaces/common.h"
#include "surfaces/grpc.h"
#include "surfaces/inference_body.h"
#include "surfaces/inference_stream.h"
#include "surfaces/model_calls.h"
#include "switchyard/models/limits.h"
#include "switchyard/models/oip.h"
#include "switchyard/models/oip_messages.h"
#include "switchyard/models/tensors.h"

namespace switchyard::gateway {
namespace {

using namespace surfaces;  // NOLINT: the file is a surface

Error bad(std::string what, const std::string& field) {
  return make_error(ErrorKind::kInvalidArgument, "inference.bad_request", std::move(what),
                    field.substr(0, kMaxInferenceNameBytes));
}

/// The request's message; answers the call when there is none.
template <typename Message>
bool read_message(Call& call, Message& message) {
  std::string unpacked;
  const auto bytes = grpc_message(call.request, kMaxInferenceBytes, unpacked);
  if (!bytes.ok()) return call.fail(bytes.error()), false;
  if (bytes->size() <= kMaxInferenceBytes &&
      message.ParseFromArray(bytes->data(), static_cast<int>(bytes->size())))
    return true;
  if (bytes->size() > kMaxInferenceBytes)
    return call.fail(make_error(ErrorKind::kTooLarge, "inference.too_large",
                                "a message may have " + std::to_string(kMaxInferenceBytes) +
                                    " bytes; send fewer rows at once")),
           false;
  return call.fail(bad("the message is not what this call takes", {})), false;
}

template <typename Message>
void answer(Call& call, const Message& message) {
  call.answer(grpc_answer(call.request, message.SerializeAsString()));
}

Result<Document> read_request(const inference::ModelInferRequest& request) {
  if (request.parameters().contains("sequence_id"))
    return bad("sequences are not supported here; leave sequence_id out", "sequence_id");
  auto arena = std::make_shared<Arena>(4096);
  SY_ASSIGN_OR_RETURN(const auto tensors,
                      models::oip::read_inputs(request, models::oip::Others::kRefuse, *arena));
  std::vector<std::string_view> wanted;
  for (const auto& output : request.outputs()) {
    if (output.parameters().contains("classification") ||
        output.parameters().contains("shared_memory_region"))
      return bad("output '" + output.name() + "' is given as it is: neither classified nor in shared memory",
                 output.name());
    wanted.push_back(output.name());
  }
  return models::make_tensor_document("inputs", tensors, wanted, std::move(arena));
}

Result<inference::ModelInferResponse> write_response(const InferenceReply& reply) {
  Arena arena;
  SY_ASSIGN_OR_RETURN(const auto tensors, models::read_tensors(*reply.output, "outputs", arena));
  inference::ModelInferResponse response;
  response.set_model_name(reply.model);
  response.set_model_version(reply.version);
  models::oip::write_outputs(tensors, response);
  return response;
}

bool is_order(const std::string& name) {
  return name == "timeout" || name == "priority" || name == "binary_data_output" ||
         name.starts_with("sequence_") || name.starts_with("triton_");
}

void model_infer(Call&& call, const Services& services) {
  auto request = std::make_shared<inference::ModelInferRequest>();
  if (!read_message(call, *request)) return;
  auto input = read_request(*request);
  if (!input.ok()) return call.fail(input.error());
  InferenceCall inference;
  inference.model = request->model_name();
  inference.version = request->model_version();
  inference.input = std::move(input).value();
  if (const auto own = request->parameters().find("timeout"); own != request->parameters().end())
    inference.timeout_us = std::max<int64_t>(0, own->second.int64_param());
  request->clear_inputs();
  request->clear_raw_input_contents();
  auto shared = std::make_shared<Call>(std::move(call));
  call_inference(services, std::move(inference), shared, [shared, request](Result<InferenceReply> reply) {
    if (!reply.ok()) return fail_call(*shared, reply.error());
    auto response = write_response(*reply);
    if (!response.ok()) return shared->fail(response.error());
    response->set_id(request->id());
    for (const auto& [name, value] : request->parameters())
      if (!is_order(name)) (*response->mutable_parameters())[name] = value;
    http::Response formed = grpc_answer(shared->request, response->SerializeAsString());
    formed.headers.push_back({"x-switchyard-decision", reply->decision.to_string()});
    shared->answer(std::move(formed));
  });
}

void server_live(Call&& call, const Services&) {
  inference::ServerLiveRequest request;
  if (!read_message(call, request)) return;
  inference::ServerLiveResponse response;
  response.set_live(true);
  answer(call, response);
}

void server_ready(Call&& call, const Services& services) {
  inference::ServerReadyRequest request;
  if (!read_message(call, request)) return;
  inference::ServerReadyResponse response;
  response.set_ready(services.ready().ok());
  answer(call, response);
}

void server_metadata(Call&& call, const Services& services) {
  inference::ServerMetadataRequest request;
  if (!read_message(call, request)) return;
  inference::ServerMetadataResponse response;
  response.set_name("switchyard");
  response.set_version(services.version);
  for (const char* extension : {"binary_tensor_data", "model_repository(read-only)", "parameters"})
    response.add_extensions(extension);
  answer(call, response);
}

void model_ready(Call&& call, const Services& services) {
  inference::ModelReadyRequest request;
  if (!read_message(call, request)) return;
  inference::ModelReadyResponse response;
  const auto described = describe_model(services, request.name(), request.version());
  response.set_ready(described.ok() && described->ready);
  answer(call, response);
}

void model_metadata(Call&& call, const Services& services) {
  inference::ModelMetadataRequest request;
  if (!read_message(call, request)) return;
  const auto described = describe_model(services, request.name(), request.version());
  if (!described.ok()) return call.fail(described.error());
  inference::ModelMetadataResponse response;
  response.set_name(described->name);
  for (const auto& version : described->versions) response.add_versions(version);
  response.set_platform(described->info->manifest.backend + "_" + described->info->runtime);
  const auto add = [](const std::vector<models::TensorInfo>& tensors, auto* list) {
    for (const auto& tensor : tensors) {
      auto* one = list->Add();
      one->set_name(tensor.name);
      one->set_datatype(std::string(models::oip::datatype_name(tensor.type)));
      for (const int64_t size : tensor.shape) one->add_shape(size);
    }
  };
  add(described->info->inputs, response.mutable_inputs());
  add(described->info->outputs, response.mutable_outputs());
  answer(call, response);
}

void repository_index(Call&& call, const Services& services) {
  inference::RepositoryIndexRequest request;
  if (!read_message(call, request)) return;
  inference::RepositoryIndexResponse response;
  for (const auto& entry : model_index(services, request.ready())) {
    auto* model = response.add_models();
    model->set_name(entry.name);
    model->set_version(entry.version);
    model->set_state(entry.ready ? "READY" : "UNAVAILABLE");
    model->set_reason(entry.reason);
  }
  answer(call, response);
}

struct Rpc {
  const char* name;
  const char* id;
  Permission permission;
  void (*operation)(Call&&, const Services&);
};
constexpr Rpc kRpcs[] = {
    {"ServerLive", "grpc_server_live", Permission::kNone, server_live},
    {"ServerReady", "grpc_server_ready", Permission::kNone, server_ready},
    {"ServerMetadata", "grpc_server_metadata", Permission::kNone, server_metadata},
    {"ModelReady", "grpc_model_ready", Permission::kDeploymentsRead, model_ready},
    {"ModelMetadata", "grpc_model_metadata", Permission::kDeploymentsRead, model_metadata},
    {"ModelInfer", "grpc_model_infer", Permission::kDecisionsStart, model_infer},
    {"RepositoryIndex", "grpc_repository_index", Permission::kDeploymentsRead, repository_index},
};

}  // namespace

void add_inference_grpc(Gateway& gateway, const Services& services) {
  const Operations on(gateway, services);
  const std::string service = "POST /inference.GRPCInferenceService/";
  for (const Rpc& rpc : kRpcs) on(service + std::string(rpc.name), rpc.id, rpc.permission, rpc.operation);
  gateway.on(
      service + "ModelStreamInfer", "grpc_model_stream_infer", Permission::kDecisionsStart,
      [&gateway, &services](Call&& call) { begin_inference_stream(gateway, services, std::move(call)); },
      {.streams_body = true});
}

}  // namespace switchyard::gateway
