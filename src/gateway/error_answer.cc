#include "error_answer.h"

#include <algorithm>

#include "surfaces/grpc.h"
#include "switchyard/http/grpc.h"
#include "switchyard/http/problem.h"
#include "switchyard/types/json.h"

namespace switchyard::gateway {
namespace {

/// The classes that OpenAI's clients tell errors apart by.
std::string_view openai_type(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidArgument:
    case ErrorKind::kUnprocessable:
    case ErrorKind::kTooLarge:
    case ErrorKind::kNotFound:
    case ErrorKind::kConflict: return "invalid_request_error";
    case ErrorKind::kUnauthenticated: return "authentication_error";
    case ErrorKind::kPermissionDenied: return "permission_error";
    case ErrorKind::kResourceExhausted: return "rate_limit_error";
    default: return "server_error";
  }
}

std::string inference_error(const Error& error) {
  std::string json = "{\"error\":";
  append_json_string(error.message + " [" + error.code + "]", json);
  return json + "}";
}

bool is_grpc(const http::Response& response) { return response.content_type == http::grpc::kMediaType; }

void set_header(http::Response& response, std::string_view name, std::string value) {
  for (http::Header& header : response.headers) {
    if (!http::header_name_equal(header.name, name)) continue;
    header.value = std::move(value);
    return;
  }
  response.headers.push_back({std::string(name), std::move(value)});
}

}  // namespace

void tell_retry_after(http::Response& response, int64_t wait_us) {
  if (is_grpc(response))
    return set_header(response, surfaces::kGrpcPushback, std::to_string((wait_us + 999) / 1000));
  set_header(response, "Retry-After", std::to_string((wait_us + 999'999) / 1'000'000));
  set_header(response, "retry-after-ms", std::to_string((wait_us + 999) / 1000));
}

void tell_should_retry(http::Response& response, bool of_use) {
  if (!is_grpc(response)) return set_header(response, "x-should-retry", of_use ? "true" : "false");
  if (!of_use) set_header(response, surfaces::kGrpcPushback, "-1");
}

bool is_limit_refusal(const http::Response& response) {
  if (!is_grpc(response)) return response.status == 429;
  return std::any_of(response.headers.begin(), response.headers.end(), [](const http::Header& header) {
    return header.name == "grpc-status" &&
           header.value == std::to_string(http::grpc::status_of(ErrorKind::kResourceExhausted));
  });
}

std::string openai_error(const Error& error) {
  std::string json = "{\"error\":{\"message\":";
  append_json_string(error.message, json);
  json += ",\"type\":\"" + std::string(openai_type(error.kind)) + "\",\"param\":";
  if (error.field.empty())
    json += "null";
  else
    append_json_string(error.field, json);
  json += ",\"code\":";
  append_json_string(error.code, json);
  return json + "}}";
}

http::Response error_answer(const Error& error, std::string_view path) {
  if (path.starts_with("/inference.GRPCInferenceService/")) return surfaces::grpc_error(error);
  http::Response response = http::problem(error, path);
  const bool openai = path.starts_with("/v1/");
  if (!openai && path != "/v2" && !path.starts_with("/v2/")) return response;
  // Their clients know neither: what is wrong with a request is 400.
  if (!openai && (response.status == 409 || response.status == 422)) response.status = 400;
  response.content_type = "application/json";
  response.body = openai ? openai_error(error) : inference_error(error);
  return response;
}

}  // namespace switchyard::gateway
