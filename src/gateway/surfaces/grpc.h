#pragma once

#include <string>

#include "switchyard/gateway/gateway.h"

// Calls of gRPC over HTTP/2 with one message each way (the door reads grpc-timeout).
namespace switchyard::gateway::surfaces {

/// The message in a request's body; it lies there, or in `unpacked` when it was compressed. Errors as of
/// http::grpc::unframe().
Result<std::string_view> grpc_message(const http::Request& request, size_t max_bytes, std::string& unpacked);

/// One message, and the status OK behind it; compressed when the request was, and its client takes that.
http::Response grpc_answer(const http::Request& request, std::string_view message);
/// A status alone.
http::Response grpc_error(const Error& error);

}  // namespace switchyard::gateway::surfaces
