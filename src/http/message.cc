#include "switchyard/http/message.h"

#include <algorithm>

#include "switchyard/http/limits.h"
#include "switchyard/http/url.h"

namespace switchyard::http {
namespace {

constexpr std::string_view kMethodNames[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", ""};

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

}  // namespace

std::string_view method_name(Method method) { return kMethodNames[static_cast<size_t>(method)]; }

Method method_from(std::string_view text) {
  for (size_t i = 0; i < static_cast<size_t>(Method::kOther); ++i)
    if (kMethodNames[i] == text) return static_cast<Method>(i);
  return Method::kOther;
}

bool header_name_equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

Result<Request> Request::make(Method method, std::string_view target, const std::vector<Header>& headers,
                              std::string body) {
  Request request;
  const auto append = [&request](std::string_view text) {
    const Slice slice{static_cast<uint32_t>(request.head_.size()), static_cast<uint32_t>(text.size())};
    request.head_ += text;
    return slice;
  };
  request.method_ = method;
  request.method_text_ = append(method_name(method));
  request.target_ = append(target);
  for (const auto& header : headers) {
    const Slice name = append(header.name);
    request.headers_.push_back({name, append(header.value)});
  }
  request.body_ = std::move(body);
  if (!request.split_target())
    return make_error(
        ErrorKind::kInvalidArgument, "http.bad_target",
        "The request target has a broken percent escape or too many parameters; encode it anew.");
  return request;
}

std::optional<std::string_view> Request::query_value(std::string_view name) const {
  for (const auto& parameter : query_)
    if (parameter.name == name) return parameter.value;
  return std::nullopt;
}

std::optional<std::string_view> Request::header(std::string_view name) const {
  for (const auto& field : headers_)
    if (field.name.size == name.size() && header_name_equal(text(field.name), name)) return text(field.value);
  return std::nullopt;
}

std::string_view Request::path_parameter(std::string_view name) const {
  for (const auto& parameter : path_parameters_)
    if (parameter.name == name) return parameter.value;
  return {};
}

bool Request::split_target() {
  std::string_view target = this->target();
  uint32_t start = target_.offset;
  if (!target.starts_with('/') && target != "*") {
    // The absolute form (RFC 9112 section 3.2.2): what stands before the path is the Host's business.
    const size_t scheme_end = target.find("://");
    const std::string_view scheme = target.substr(0, std::min(scheme_end, target.size()));
    if (scheme_end == target.npos ||
        !(header_name_equal(scheme, "http") || header_name_equal(scheme, "https")))
      return false;
    const size_t path_start = target.find('/', scheme_end + 3);
    if (path_start == target.npos) return false;
    start += static_cast<uint32_t>(path_start);
    target.remove_prefix(path_start);
  }
  const size_t question = target.find('?');
  path_ = {start, static_cast<uint32_t>(std::min(question, target.size()))};
  if (question == target.npos) return true;
  std::string_view rest = target.substr(question + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    auto name = percent_decode(pair.substr(0, equals), true);
    auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value || query_.size() == kMaxQueryParameters) return false;
    query_.push_back({std::move(*name), std::move(*value)});
  }
  return true;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 499: return "Client Closed Request";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Unknown";
  }
}

}  // namespace switchyard::http
