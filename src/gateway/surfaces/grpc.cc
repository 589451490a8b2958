#include "surfaces/grpc.h"

#include "switchyard/http/coding.h"
#include "switchyard/http/grpc.h"
#include "switchyard/http/problem.h"

namespace switchyard::gateway::surfaces {

namespace grpc = http::grpc;

Status check_grpc(const http::Request& request) {
  const std::string_view type = request.header("Content-Type").value_or("");
  if (!type.starts_with(grpc::kMediaType))
    return make_error(ErrorKind::kInvalidArgument, "grpc.bad_request",
                      "a call has the Content-Type application/grpc; this one has '" +
                          std::string(type.substr(0, 60)) + "'");
  return {};
}

bool packs_grpc(const http::Request& request) {
  // Tensors seldom get much smaller: whoever finds it worth while for the question has the answer so, too.
  return request.header("grpc-encoding") == "gzip" &&
         http::accepts_gzip(request.header("grpc-accept-encoding").value_or(""));
}

Result<std::string_view> grpc_message(const http::Request& request, size_t max_bytes, std::string& unpacked) {
  SY_RETURN_IF_ERROR(check_grpc(request));
  return grpc::unframe(request.body(), request.header("grpc-encoding").value_or("identity"), max_bytes,
                       unpacked);
}

http::Response grpc_head(bool packs) {
  http::Response response{200, std::string(grpc::kMediaType), {}, {}};
  if (packs) response.headers.push_back({"grpc-encoding", "gzip"});
  response.headers.push_back({"grpc-accept-encoding", std::string(grpc::kCodings)});
  return response;
}

http::Response grpc_answer(const http::Request& request, std::string_view message) {
  const bool packs = packs_grpc(request);
  http::Response response = grpc_head(packs);
  response.body = grpc::frame(message, packs);
  response.trailers = {{"grpc-status", "0"}};
  return response;
}

http::Response grpc_error(const Error& error) {
  http::Response response = grpc_head(false);
  for (http::Header& field : grpc_status(error)) response.headers.push_back(std::move(field));
  return response;
}

std::vector<http::Header> grpc_status(const Error& error) {
  const int status = error.code == "grpc.compressed" ? 12 : grpc::status_of(error.kind);
  std::vector<http::Header> fields = {
      {"grpc-status", std::to_string(status)},
      {"grpc-message",
       grpc::encode_text(error.message + (error.code.empty() ? "" : " [" + error.code + "]"))}};
  if (const int wait_s = http::default_retry_after_s(http::status_of(error.kind)); wait_s > 0)
    fields.push_back({std::string(kGrpcPushback), std::to_string(wait_s * 1000)});
  return fields;
}

}  // namespace switchyard::gateway::surfaces
