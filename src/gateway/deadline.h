#pragma once

#include <cstdint>

#include "switchyard/base/result.h"
#include "switchyard/http/message.h"

namespace switchyard::gateway {

/// How long the client still waits, counted from when it sent the request, in microseconds; 0: it does not
/// say. From `X-Request-Deadline-Ms`, `grpc-timeout` (as gRPC writes it: 100m, 5S), and what OpenAI's clients
/// tell of their time-outs in seconds (`X-Stainless-Timeout`, `X-Stainless-Read-Timeout`); the shortest
/// counts. kInvalidArgument "gateway.bad_deadline" where one of the first two cannot be read.
Result<int64_t> deadline_of(const http::Request& request);

}  // namespace switchyard::gateway
