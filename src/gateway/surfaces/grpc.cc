#include "surfaces/grpc.h"

#include "switchyard/http/coding.h"
#include "switchyard/http/grpc.h"

namespace switchyard::gateway::surfaces {

namespace grpc = http::grpc;

Result<std::string_view> grpc_message(const http::Request& request, size_t max_bytes, std::string& unpacked) {
  const std::string_view type = request.header("Content-Type").value_or("");
  if (!type.starts_with(grpc::kMediaType))
    return make_error(ErrorKind::kInvalidArgument, "grpc.bad_request",
                      "a call has the Content-Type application/grpc; this one has '" +
                          std::string(type.substr(0, 60)) + "'");
  return grpc::unframe(request.body(), request.header("grpc-encoding").value_or("identity"), max_bytes,
                       unpacked);
}

http::Response grpc_answer(const http::Request& request, std::string_view message) {
  // Tensors seldom get much smaller: whoever finds it worth while for the question has the answer so, too.
  const bool packed = request.header("grpc-encoding") == "gzip" &&
                      http::accepts_gzip(request.header("grpc-accept-encoding").value_or(""));
  http::Response response{200, std::string(grpc::kMediaType), {}, grpc::frame(message, packed)};
  if (packed) response.headers.push_back({"grpc-encoding", "gzip"});
  response.headers.push_back({"grpc-accept-encoding", std::string(grpc::kCodings)});
  response.trailers = {{"grpc-status", "0"}};
  return response;
}

http::Response grpc_error(const Error& error) {
  http::Response response{200, std::string(grpc::kMediaType), {}, {}};
  const int status = error.code == "grpc.compressed" ? 12 : grpc::status_of(error.kind);
  response.headers = {
      {"grpc-status", std::to_string(status)},
      {"grpc-message",
       grpc::encode_text(error.message + (error.code.empty() ? "" : " [" + error.code + "]"))},
      {"grpc-accept-encoding", std::string(grpc::kCodings)}};
  return response;
}

}  // namespace switchyard::gateway::surfaces
