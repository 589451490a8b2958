#include "client_exchange.h"

#include <algorithm>
#include <array>

namespace switchyard::http {
namespace {

bool is_token(std::string_view text) {
  constexpr std::string_view kSeparators = "()<>@,;:\\\"/[]?={}";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return static_cast<unsigned char>(c) > ' ' && static_cast<unsigned char>(c) < 127 &&
           kSeparators.find(c) == kSeparators.npos;
  });
}

bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (static_cast<unsigned char>(c) >= ' ' && c != 127) || c == '\t'; });
}

/// The framing is this module's: a caller's word on it could only contradict what is sent.
bool is_framing(std::string_view name) {
  static constexpr std::array<std::string_view, 5> kNames = {"Content-Length", "Transfer-Encoding",
                                                             "Connection", "Expect", "Upgrade"};
  return std::any_of(kNames.begin(), kNames.end(), [&](auto own) { return header_name_equal(name, own); });
}

Error bad_header(std::string_view name, std::string_view why) {
  return make_error(
      ErrorKind::kInvalidArgument, "http.bad_request",
      "Header '" + std::string(name.substr(0, 80)) + "' cannot be sent: " + std::string(why) + ".");
}

Status check_fields(const ClientRequest& request) {
  for (const Header& header : request.headers) {
    if (!is_token(header.name)) return bad_header("?", "its name is no token of RFC 9110");
    if (!is_field_value(header.value)) return bad_header(header.name, "its value has a control character");
    if (is_framing(header.name)) return bad_header(header.name, "the client sets it itself");
  }
  return {};
}

bool has_field(const ClientRequest& request, std::string_view name) {
  return std::any_of(request.headers.begin(), request.headers.end(),
                     [&](const Header& header) { return header_name_equal(header.name, name); });
}

std::string form_head(const ClientRequest& request, const Url& url, const std::string& user_agent) {
  std::string head;
  head.reserve(512);
  const auto field = [&](std::string_view name, std::string_view value) {
    head.append(name).append(": ").append(value).append("\r\n");
  };
  head.append(method_name(request.method)).append(" ").append(url.target).append(" HTTP/1.1\r\n");
  if (!has_field(request, "Host")) field("Host", url.authority());
  if (!user_agent.empty()) field("User-Agent", user_agent);
  const bool sends_body = request.method == Method::kPost || request.method == Method::kPut ||
                          request.method == Method::kPatch || !request.body.empty();
  if (sends_body) field("Content-Length", std::to_string(request.body.size()));
  for (const Header& header : request.headers) field(header.name, header.value);
  return head.append("\r\n");
}

std::vector<Header> form_fields(ClientRequest& request, const Url& url, const std::string& user_agent) {
  std::vector<Header> fields{{":method", std::string(method_name(request.method))},
                             {":scheme", url.tls ? "https" : "http"},
                             {":path", url.target},
                             {":authority", url.authority()}};
  if (!user_agent.empty()) fields.push_back({"user-agent", user_agent});
  for (Header& header : request.headers) {
    if (header_name_equal(header.name, "Host"))
      fields[3].value = std::move(header.value);
    else
      fields.push_back(std::move(header));
  }
  return fields;
}

}  // namespace

Result<std::shared_ptr<Exchange>> make_exchange(ClientRequest request, const ClientOptions& options) {
  SY_ASSIGN_OR_RETURN(Url url, parse_url(request.url, Schemes::kHttpAndGrpc));
  if (request.method == Method::kOther)
    return make_error(ErrorKind::kInvalidArgument, "http.bad_request",
                      "The request has no method; name one.");
  SY_RETURN_IF_ERROR(check_fields(request));
  auto exchange = std::make_shared<Exchange>();
  const std::string user_agent = has_field(request, "User-Agent") ? std::string() : options.user_agent;
  if (url.http2)
    exchange->fields = form_fields(request, url, user_agent);
  else
    exchange->head = form_head(request, url, user_agent);
  exchange->url = std::move(url);
  exchange->body = std::move(request.body);
  exchange->on_body = std::move(request.on_body);
  exchange->is_head = request.method == Method::kHead;
  exchange->may_repeat =
      request.idempotent || (request.method != Method::kPost && request.method != Method::kPatch);
  exchange->priority = request.priority;
  exchange->timeout_ms = request.timeout_ms > 0 ? request.timeout_ms : options.default_timeout_ms;
  exchange->max_response_bytes =
      request.max_response_bytes > 0 ? request.max_response_bytes : options.max_response_bytes;
  return exchange;
}

}  // namespace switchyard::http
