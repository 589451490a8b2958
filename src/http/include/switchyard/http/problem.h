#pragma once

#include <string_view>

#include "switchyard/base/result.h"
#include "switchyard/http/message.h"
#include "switchyard/types/diagnostic.h"

namespace switchyard::http {

/// The status that belongs to an ErrorKind, as base/result.h lists them.
int status_of(ErrorKind kind);
/// The nearest ErrorKind of a status (for a client that got one); kInternal for 2xx and 3xx.
ErrorKind kind_of(int status);

/// How long Retry-After asks for where an answer of that status says nothing else, in seconds; 0: it has
/// none.
int default_retry_after_s(int status);

/// RFC 9457 problem details (application/problem+json): type "/problems/<code>", title, status, detail,
/// `instance` (the request's path, left out when empty), code, kind and field. 429, 503 and 507 get
/// Retry-After.
Response problem(const Error& error, std::string_view instance = {});
/// The same with a status of the caller's choice and seconds for Retry-After (0: by the status).
Response problem(const Error& error, int status, std::string_view instance, int retry_after_s = 0);
/// Many mistakes of one document: `errors` holds one object each with detail, mend, pointer, line, column,
/// code.
Response problem(const Error& error, const Diagnostics& diagnostics, std::string_view instance = {});

}  // namespace switchyard::http
