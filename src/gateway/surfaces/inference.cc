// /v2: the Open Inference Protocol over REST, as Triton's and KServe's clients speak it.
#include <charconv>

#include "surfaces/common.h"
#include "surfaces/inference_body.h"
#include "surfaces/model_calls.h"
#include "switchyard/models/oip.h"

namespace switchyard::gateway {
namespace {

using namespace surfaces;  // NOLINT: the file is a surface

/// Which model a path means, and what is wanted of it. Names may hold slashes, which clients do not escape.
struct Address {
  std::string name, version, verb;
};

Address address_of(const http::Request& request) {
  Address address;
  std::string path(request.path_parameter("name"));
  address.version = request.path_parameter("version");
  for (const std::string_view verb : {"/infer", "/ready", "/config", "/stats"}) {
    if (!path.ends_with(verb)) continue;
    address.verb = verb.substr(1);
    path.resize(path.size() - verb.size());
    break;
  }
  constexpr std::string_view kVersions = "/versions/";
  if (const size_t at = path.rfind(kVersions);
      at != path.npos && path.find('/', at + kVersions.size()) == path.npos) {
    address.version = path.substr(at + kVersions.size());
    path.resize(at);
  }
  address.name = std::move(path);
  return address;
}

void append_tensors(const std::vector<models::TensorInfo>& tensors, std::string& out) {
  out += '[';
  for (const auto& tensor : tensors) {
    if (out.back() != '[') out += ',';
    JsonObject object(out);
    object.text("name", tensor.name).text("datatype", models::oip::datatype_name(tensor.type));
    std::string& shape = object.raw("shape");
    shape += '[';
    for (const int64_t size : tensor.shape) shape += (shape.back() == '[' ? "" : ",") + std::to_string(size);
    shape += ']';
    object.close();
  }
  out += ']';
}

void server_metadata(Call&& call, const Services& services) {
  std::string json;
  JsonObject object(json);
  object.text("name", "switchyard").text("version", services.version);
  object.raw("extensions") += R"x(["binary_tensor_data","model_repository(read-only)","parameters"])x";
  object.close();
  call.answer_json(200, std::move(json));
}

void server_live(Call&& call, const Services&) { call.answer_json(200, R"({"live":true})"); }

void server_ready(Call&& call, const Services& services) {
  if (const Status ready = services.ready(); !ready.ok()) return call.fail(ready.error());
  call.answer_json(200, R"({"live":true,"ready":true})");
}

void answer_metadata(Call& call, const Services& services, const Address& address) {
  const auto described = describe_model(services, address.name, address.version);
  if (!described.ok()) return call.fail(described.error());
  std::string json;
  JsonObject object(json);
  object.text("name", described->name);
  std::string& versions = object.raw("versions");
  versions += '[';
  for (const auto& version : described->versions) {
    if (versions.back() != '[') versions += ',';
    append_json_string(version, versions);
  }
  versions += ']';
  object.text("platform", described->info->manifest.backend + "_" + described->info->runtime);
  append_tensors(described->info->inputs, object.raw("inputs"));
  append_tensors(described->info->outputs, object.raw("outputs"));
  object.close();
  call.answer_json(200, std::move(json));
}

void answer_ready(Call& call, const Services& services, const Address& address) {
  const auto described = describe_model(services, address.name, address.version);
  if (!described.ok()) return call.fail(described.error());
  if (!described->ready)
    return call.fail(make_error(ErrorKind::kUnavailable, "inference.not_ready",
                                "model '" + address.name + "' is switched off; revive it, or name another",
                                "model"));
  std::string json;
  JsonObject(json).text("name", described->name).boolean("ready", true).close();
  call.answer_json(200, std::move(json));
}

Result<std::optional<size_t>> header_length(const http::Request& request) {
  const auto text = request.header("Inference-Header-Content-Length");
  if (!text.has_value()) return std::optional<size_t>();
  size_t length = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), length);
  if (error == std::errc() && end == text->data() + text->size()) return std::optional<size_t>(length);
  return make_error(ErrorKind::kInvalidArgument, "inference.bad_request",
                    "Inference-Header-Content-Length must be the number of bytes of the JSON",
                    "Inference-Header-Content-Length");
}

void answer_infer(Call&& call, const Services& services, const Address& address) {
  const auto length = header_length(call.request);
  if (!length.ok()) return call.fail(length.error());
  auto read = read_inference(call.request.body(), *length);
  if (!read.ok()) return call.fail(read.error());
  InferenceCall inference;
  inference.model = address.name;
  inference.version = address.version;
  inference.input = std::move(read->input);
  inference.timeout_us = read->timeout_us;
  auto shared = std::make_shared<Call>(std::move(call));
  auto request = std::make_shared<InferenceRequest>(std::move(read).value());
  call_inference(services, std::move(inference), shared, [shared, request](Result<InferenceReply> reply) {
    if (!reply.ok()) return fail_call(*shared, reply.error());
    auto body = write_inference(*request, *reply);
    if (!body.ok()) return shared->fail(body.error());
    http::Response response{200, body->binary ? "application/octet-stream" : "application/json", {}, {}};
    if (body->binary)
      response.headers.push_back({"Inference-Header-Content-Length", std::to_string(body->json_bytes)});
    response.headers.push_back({"x-switchyard-decision", reply->decision.to_string()});
    response.body = std::move(body->body);
    shared->answer(std::move(response));
  });
}

void get_model(Call&& call, const Services& services) {
  const Address address = address_of(call.request);
  if (address.verb.empty()) return answer_metadata(call, services, address);
  if (address.verb == "ready") return answer_ready(call, services, address);
  call.fail(
      make_error(ErrorKind::kNotFound, "inference.unsupported",
                 "'" + address.verb + "' is not served here; /api/v1/models and /metrics have the like"));
}

void model_ready(Call&& call, const Services& services) {
  const Address address = address_of(call.request);
  answer_ready(call, services, address);
}

void infer(Call&& call, const Services& services) {
  const Address address = address_of(call.request);
  if (!address.verb.empty() && address.verb != "infer")
    return call.fail(make_error(ErrorKind::kNotFound, "inference.unsupported",
                                "'" + address.verb + "' is not served here"));
  answer_infer(std::move(call), services, address);
}

void infer_by_path(Call&& call, const Services& services) {
  if (address_of(call.request).verb != "infer")
    return call.fail(make_error(ErrorKind::kNotFound, "inference.unsupported",
                                "models take POST at /v2/models/NAME/infer alone"));
  infer(std::move(call), services);
}

void repository_index(Call&& call, const Services& services) {
  bool only_ready = false;
  if (!call.request.body().empty()) {
    const auto body = parse_json_document(call.request.body(), {.max_bytes = 4096});
    if (!body.ok())
      return call.fail(make_error(ErrorKind::kInvalidArgument, "inference.bad_request",
                                  "the request is no valid JSON: " + body.error().message));
    const Value* ready = (*body)->find("ready");
    only_ready = ready != nullptr && ready->is(Kind::kBool) && ready->as_bool();
  }
  std::string json = "[";
  for (const auto& entry : model_index(services, only_ready)) {
    if (json.back() != '[') json += ',';
    JsonObject object(json);
    object.text("name", entry.name).text("version", entry.version);
    object.text("state", entry.ready ? "READY" : "UNAVAILABLE").text("reason", entry.reason).close();
  }
  call.answer_json(200, json + "]");
}

}  // namespace

void add_inference(Gateway& gateway, const Services& services) {
  const Operations on(gateway, services);
  on("GET /v2", "get_inference_server", Permission::kNone, server_metadata);
  on("GET /v2/health/live", "get_inference_live", Permission::kNone, server_live);
  on("GET /v2/health/ready", "get_inference_ready", Permission::kNone, server_ready);
  // A star takes names with slashes, and then the rest of the path with them.
  on("GET /v2/models/{name*}", "get_inference_model", Permission::kDeploymentsRead, get_model);
  on("GET /v2/models/{name}/versions/{version}", "get_inference_model_version", Permission::kDeploymentsRead,
     get_model);
  on("GET /v2/models/{name}/ready", "get_inference_model_ready", Permission::kDeploymentsRead, model_ready);
  on("GET /v2/models/{name}/versions/{version}/ready", "get_inference_model_version_ready",
     Permission::kDeploymentsRead, model_ready);
  on("POST /v2/models/{name}/infer", "infer", Permission::kDecisionsStart, infer);
  on("POST /v2/models/{name}/versions/{version}/infer", "infer_version", Permission::kDecisionsStart, infer);
  on("POST /v2/models/{name*}", "infer_by_path", Permission::kDecisionsStart, infer_by_path);
  on("POST /v2/repository/index", "get_inference_index", Permission::kDeploymentsRead, repository_index);
}

}  // namespace switchyard::gateway
