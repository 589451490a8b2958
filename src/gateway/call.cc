#include "error_answer.h"
#include "switchyard/gateway/gateway.h"

namespace switchyard::gateway {
namespace {

/// "application/json", "application/cloudevents+json; charset=utf-8", ...
bool is_json(std::string_view media_type) {
  media_type = media_type.substr(0, media_type.find(';'));
  while (media_type.ends_with(' ')) media_type.remove_suffix(1);
  constexpr std::string_view kSuffix = "+json";
  return http::header_name_equal(media_type, "application/json") ||
         (media_type.size() > kSuffix.size() &&
          http::header_name_equal(media_type.substr(media_type.size() - kSuffix.size()), kSuffix));
}

}  // namespace

Result<Document> Call::json_body(const JsonLimits& limits) const {
  const auto type = request.header("Content-Type");
  // curl -d names the form's type of its own accord; the body is JSON all the same.
  if (type && !is_json(*type) && !http::header_name_equal(*type, "application/x-www-form-urlencoded"))
    return make_error(ErrorKind::kInvalidArgument, "gateway.wrong_media_type",
                      "The body's Content-Type is '" + std::string(type->substr(0, 80)) +
                          "'; send JSON as application/json.",
                      "Content-Type");
  auto document = parse_json_document(request.body(), limits);
  if (document.ok()) return document;
  const Error& error = document.error();
  return make_error(error.kind, error.kind == ErrorKind::kTooLarge ? error.code : "gateway.not_json",
                    "The body is no valid JSON: " + error.message, error.field);
}

Status Call::use_route(std::string_view route) const {
  if (!caller.may_call(route))
    return make_error(ErrorKind::kPermissionDenied, "gateway.route_not_allowed",
                      "The caller may not call '" + std::string(route.substr(0, 200)) +
                          "'; ask for a key whose routes include it.",
                      "model");
  if (limit_rules == nullptr || allowance == nullptr) return {};
  const auto found = limit_rules->routes.find(route);
  if (found == limit_rules->routes.end() || !found->second.any()) return {};
  return allowance->add({LimitScope::kRoute, std::string(route), found->second});
}

void Call::fail(const Error& error) {
  http::Response response = error_answer(error, request.path());
  if (error.kind == ErrorKind::kUnauthenticated)
    response.headers.push_back({"WWW-Authenticate", "Bearer realm=\"switchyard\""});
  responder.send(std::move(response));
}

void Call::answer_json(int status, std::string json) {
  responder.send(http::Response::json(status, std::move(json)));
}

std::vector<http::Header> security_headers() {
  return {{"X-Content-Type-Options", "nosniff"},
          {"Cache-Control", "no-store"},
          {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
          {"Referrer-Policy", "no-referrer"}};
}

}  // namespace switchyard::gateway
