#pragma once

#include "switchyard/http/client.h"
#include "switchyard/models/caller.h"
#include "switchyard/models/manifest.h"

namespace switchyard::models {

/// What an answer with a status outside 200..299 means.
CallOutcome refused(const ModelName& model, const std::string& origin, const http::ClientResponse& response,
                    int64_t now_us);
/// How long `Retry-After`, or the finer `retry-after-ms` that OpenAI's clients know, asks to wait (RFC 9110,
/// section 10.2.3: seconds or a date); 0: not at all. At most an hour.
int64_t retry_after_us(const http::ClientResponse& response, int64_t now_us);
/// Whether the failure says that the server is not well: such as take a replica out.
bool is_illness(const CallOutcome& outcome);

}  // namespace switchyard::models
