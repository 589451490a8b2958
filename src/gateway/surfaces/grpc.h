#pragma once

#include <string>
#include <string_view>

#include "switchyard/gateway/gateway.h"

// gRPC over HTTP/2, as much as calls with one message each way need: framing and
// statuses (the door reads grpc-timeout).
namespace switchyard::gateway::surfaces {

/// The status that belongs to an ErrorKind, of grpc's sixteen.
int grpc_status(ErrorKind kind);

/// The message in a request's body. kInvalidArgument "grpc.bad_request"; kUnprocessable "grpc.compressed" for
/// a message in a coding, which nobody here offers.
Result<std::string_view> grpc_message(const http::Request& request);

/// One message, and the status OK behind it.
http::Response grpc_answer(std::string message);
/// A status alone.
http::Response grpc_error(const Error& error);

/// Text as a grpc-message carries it: what is no printable ASCII is percent-encoded.
std::string grpc_text(std::string_view text);

}  // namespace switchyard::gateway::surfaces
