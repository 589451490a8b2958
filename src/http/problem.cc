#include "switchyard/http/problem.h"

#include <string>

#include "switchyard/types/json.h"

namespace switchyard::http {
namespace {

struct KindFacts {
  int status;
  std::string_view title;
};

KindFacts facts_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidArgument: return {400, "The request is malformed"};
    case ErrorKind::kUnauthenticated: return {401, "Credentials are missing or unknown"};
    case ErrorKind::kPermissionDenied: return {403, "Not permitted"};
    case ErrorKind::kNotFound: return {404, "Not found"};
    case ErrorKind::kConflict: return {409, "The state of the thing forbids it"};
    case ErrorKind::kTooLarge: return {413, "Over a limit"};
    case ErrorKind::kUnprocessable: return {422, "The request contradicts what is known"};
    case ErrorKind::kResourceExhausted: return {429, "Too many requests"};
    case ErrorKind::kCancelled: return {499, "Cancelled"};
    case ErrorKind::kInternal: return {500, "Internal error"};
    case ErrorKind::kUnavailable: return {503, "Unavailable"};
    case ErrorKind::kDeadlineExceeded: return {504, "The time allowed ran out"};
    case ErrorKind::kNoSpace: return {507, "The disk is full"};
    case ErrorKind::kCorruption: return {500, "Stored data is damaged"};
    case ErrorKind::kIo: return {500, "Input or output failed"};
  }
  return {500, "Internal error"};
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
  if (out.back() != '{') out += ',';
  append_json_string(name, out);
  out += ':';
  append_json_string(value, out);
}

void append_number(std::string& out, std::string_view name, uint64_t value) {
  if (out.back() != '{') out += ',';
  append_json_string(name, out);
  out += ':';
  out += std::to_string(value);
}

std::string begin_body(const Error& error, int status, std::string_view instance) {
  std::string body = "{";
  append_member(body, "type", "/problems/" + (error.code.empty() ? std::string("about") : error.code));
  append_member(body, "title", facts_of(error.kind).title);
  append_number(body, "status", static_cast<uint64_t>(status));
  append_member(body, "detail", error.message);
  if (!instance.empty()) append_member(body, "instance", instance);
  append_member(body, "code", error.code);
  append_member(body, "kind", error_kind_name(error.kind));
  if (!error.field.empty()) append_member(body, "field", error.field);
  return body;
}

Response finish(int status, std::string body, int retry_after_s) {
  Response response{status, "application/problem+json", {}, std::move(body)};
  if (retry_after_s == 0) retry_after_s = default_retry_after_s(status);
  if (retry_after_s > 0) response.headers.push_back({"Retry-After", std::to_string(retry_after_s)});
  return response;
}

}  // namespace

int status_of(ErrorKind kind) { return facts_of(kind).status; }

int default_retry_after_s(int status) {
  switch (status) {
    case 429:
    case 503: return 1;
    case 507: return 10;
    default: return 0;
  }
}

ErrorKind kind_of(int status) {
  switch (status) {
    case 401: return ErrorKind::kUnauthenticated;
    case 403: return ErrorKind::kPermissionDenied;
    case 404:
    case 410: return ErrorKind::kNotFound;
    case 408:
    case 504: return ErrorKind::kDeadlineExceeded;
    case 409:
    case 412: return ErrorKind::kConflict;
    case 413:
    case 431: return ErrorKind::kTooLarge;
    case 422: return ErrorKind::kUnprocessable;
    case 429: return ErrorKind::kResourceExhausted;
    case 499: return ErrorKind::kCancelled;
    case 502:
    case 503: return ErrorKind::kUnavailable;
    case 507: return ErrorKind::kNoSpace;
    default: return status >= 400 && status < 500 ? ErrorKind::kInvalidArgument : ErrorKind::kInternal;
  }
}

Response problem(const Error& error, std::string_view instance) {
  return problem(error, status_of(error.kind), instance);
}

Response problem(const Error& error, int status, std::string_view instance, int retry_after_s) {
  return finish(status, begin_body(error, status, instance) + "}", retry_after_s);
}

Response problem(const Error& error, const Diagnostics& diagnostics, std::string_view instance) {
  const int status = status_of(error.kind);
  std::string body = begin_body(error, status, instance);
  body += ",\"errors\":[";
  for (size_t i = 0; i < diagnostics.size(); ++i) {
    const Diagnostic& diagnostic = diagnostics[i];
    if (i > 0) body += ',';
    std::string item = "{";
    append_member(item, "detail", diagnostic.message);
    append_member(item, "code", diagnostic.code);
    append_member(item, "severity",
                  diagnostic.severity == Diagnostic::Severity::kError ? "error" : "warning");
    if (!diagnostic.mend.empty()) append_member(item, "mend", diagnostic.mend);
    if (!diagnostic.path.empty()) append_member(item, "pointer", diagnostic.path);
    if (!diagnostic.file.empty()) append_member(item, "file", diagnostic.file);
    if (diagnostic.line > 0) append_number(item, "line", diagnostic.line);
    if (diagnostic.column > 0) append_number(item, "column", diagnostic.column);
    body += item + "}";
  }
  return finish(status, body + "]}", 0);
}

}  // namespace switchyard::http
