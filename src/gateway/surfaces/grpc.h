#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "switchyard/gateway/gateway.h"

// Calls of gRPC over HTTP/2 (the door reads grpc-timeout).
namespace switchyard::gateway::surfaces {

/// How long a client shall wait before it tries again, in milliseconds; -1: it shall not (gRFC A6).
inline constexpr std::string_view kGrpcPushback = "grpc-retry-pushback-ms";

/// kInvalidArgument "grpc.bad_request" for what is no call of gRPC.
Status check_grpc(const http::Request& request);
/// Whether the messages of the answer are compressed: where those of the request are, and its client takes
/// it.
bool packs_grpc(const http::Request& request);

/// The message in a request's body; it lies there, or in `unpacked` when it was compressed. Errors as of
/// http::grpc::unframe().
Result<std::string_view> grpc_message(const http::Request& request, size_t max_bytes, std::string& unpacked);

/// The head of an answer.
http::Response grpc_head(bool packs);
/// One message, and the status OK behind it.
http::Response grpc_answer(const http::Request& request, std::string_view message);
/// A status alone.
http::Response grpc_error(const Error& error);
/// The fields of a status: what an answer has that is nothing else, or what stands behind its messages. Those
/// errors that HTTP sends with Retry-After say how long to wait.
std::vector<http::Header> grpc_status(const Error& error);

}  // namespace switchyard::gateway::surfaces
