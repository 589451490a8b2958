#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "switchyard/base/result.h"
#include "switchyard/http/message.h"

namespace switchyard::gateway {

/// An error in the form that clients of the path's surface know: OpenAI's below /v1/, the Open Inference
/// Protocol's below /v2/, gRPC's below its service, problem details (RFC 9457) everywhere else.
http::Response error_answer(const Error& error, std::string_view path);

/// Says when to come back: `Retry-After` in seconds and `retry-after-ms`; gRPC's clients
/// `grpc-retry-pushback-ms`.
void tell_retry_after(http::Response& response, int64_t wait_us);
/// Says whether another try is of use: `x-should-retry`; gRPC's clients are told only if it is not.
void tell_should_retry(http::Response& response, bool of_use);
/// The answer says that a limit is reached.
bool is_limit_refusal(const http::Response& response);

/// `{"error":{"message","type","param","code"}}` as OpenAI's API writes it.
std::string openai_error(const Error& error);

}  // namespace switchyard::gateway
