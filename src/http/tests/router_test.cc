#include "switchyard/http/router.h"

#include <gtest/gtest.h>

#include "switchyard/http/problem.h"
#include "switchyard/http/url.h"
#include "switchyard/types/json.h"

namespace switchyard::http {
namespace {

Handler nothing() {
  return [](Request&&, Responder responder) { responder.send(Response::no_content()); };
}

Router make_router() {
  Router router;
  router.on("GET /", "root", "", nothing());
  router.on("GET /api/v1/decisions", "list", "read", nothing());
  router.on("POST /api/v1/decisions", "start", "run", nothing());
  router.on("GET /api/v1/decisions/{id}", "get", "read", nothing());
  router.on("GET /api/v1/decisions/stats", "stats", "read", nothing());
  router.on("POST /api/v1/decisions/{id}/cancel", "cancel", "run", nothing());
  router.on("GET /web/{path*}", "web", "", nothing());
  return router;
}

std::string operation(const Router& router, Method method, std::string_view target) {
  Request request = Request::make(method, target).value();
  const auto route = router.match(request);
  return route.ok() ? (*route)->operation_id : route.error().code;
}

TEST(Router, PrefersFixedSegmentsAndFallsBackToParameters) {
  const Router router = make_router();
  EXPECT_EQ(operation(router, Method::kGet, "/"), "root");
  EXPECT_EQ(operation(router, Method::kGet, "/api/v1/decisions"), "list");
  EXPECT_EQ(operation(router, Method::kGet, "/api/v1/decisions?x=1"), "list");
  EXPECT_EQ(operation(router, Method::kPost, "/api/v1/decisions"), "start");
  EXPECT_EQ(operation(router, Method::kGet, "/api/v1/decisions/stats"), "stats");
  EXPECT_EQ(operation(router, Method::kGet, "/api/v1/decisions/42"), "get");
  EXPECT_EQ(operation(router, Method::kPost, "/api/v1/decisions/stats/cancel"), "cancel");
  EXPECT_EQ(operation(router, Method::kHead, "/api/v1/decisions/42"), "get");
  EXPECT_EQ(operation(router, Method::kGet, "/api/v1/decisions/"), "http.no_such_path");
  EXPECT_EQ(operation(router, Method::kGet, "/api/v1"), "http.no_such_path");
  EXPECT_EQ(operation(router, Method::kGet, "/api/v1/decisions/%zz"), "http.bad_path");
}

TEST(Router, DecodesParametersAfterSplittingThePath) {
  const Router router = make_router();
  Request request = Request::make(Method::kGet, "/api/v1/decisions/a%2Fb%20c").value();
  ASSERT_EQ(router.match(request).value()->operation_id, "get");
  EXPECT_EQ(request.path_parameter("id"), "a/b c");
  Request web = Request::make(Method::kGet, "/web/js/app.js").value();
  ASSERT_EQ(router.match(web).value()->operation_id, "web");
  EXPECT_EQ(web.path_parameter("path"), "js/app.js");
}

TEST(Router, Answers405WithTheMethodsAllowed) {
  const Router router = make_router();
  Response got;
  router.handle(Request::make(Method::kDelete, "/api/v1/decisions").value(),
                local_responder([&](Response response) { got = std::move(response); }));
  EXPECT_EQ(got.status, 405);
  EXPECT_EQ(got.content_type, "application/problem+json");
  ASSERT_EQ(got.headers.size(), 1u);
  EXPECT_EQ(got.headers[0].name, "Allow");
  EXPECT_EQ(got.headers[0].value, "GET, HEAD, POST");
  router.handle(Request::make(Method::kGet, "/none").value(),
                local_responder([&](Response response) { got = std::move(response); }));
  EXPECT_EQ(got.status, 404);
}

TEST(Router, RefusesRoutesThatContradictEachOther) {
  Router router = make_router();
  EXPECT_EQ(router.add({Method::kGet, "/", "other", "", nothing()}).error().code, "http.duplicate_route");
  EXPECT_EQ(router.add({Method::kGet, "/other", "root", "", nothing()}).error().code, "http.duplicate_route");
  EXPECT_EQ(router.add({Method::kGet, "other", "x", "", nothing()}).error().code, "http.bad_route");
  EXPECT_EQ(router.add({Method::kGet, "/{a*}/b", "x", "", nothing()}).error().code, "http.bad_route");
  EXPECT_EQ(router.add({Method::kGet, "/a{b}", "x", "", nothing()}).error().code, "http.bad_route");
}

TEST(Problem, SaysWhatWhyAndWhereInTheFormOfRfc9457) {
  const Response response = problem(make_error(ErrorKind::kUnprocessable, "workflow.bad_input",
                                               "The amount \"x\" is no number.", "/amount"),
                                    "/a");
  EXPECT_EQ(response.status, 422);
  EXPECT_EQ(response.content_type, "application/problem+json");
  const Document document = parse_json_document(response.body).value();
  EXPECT_EQ(document->find("type")->as_string(), "/problems/workflow.bad_input");
  EXPECT_EQ(document->find("status")->as_integer(), 422);
  EXPECT_EQ(document->find("detail")->as_string(), "The amount \"x\" is no number.");
  EXPECT_EQ(document->find("instance")->as_string(), "/a");
  EXPECT_EQ(document->find("field")->as_string(), "/amount");
  EXPECT_EQ(document->find("kind")->as_string(), "unprocessable");
}

TEST(Problem, TellsWhenToComeBackWhereThatHelps) {
  const auto retry_after = [](ErrorKind kind) {
    const Response response = problem(make_error(kind, "a.b", "c"));
    return response.headers.empty() ? std::string()
                                    : response.headers[0].name + "=" + response.headers[0].value;
  };
  EXPECT_EQ(retry_after(ErrorKind::kResourceExhausted), "Retry-After=1");
  EXPECT_EQ(retry_after(ErrorKind::kUnavailable), "Retry-After=1");
  EXPECT_EQ(retry_after(ErrorKind::kNoSpace), "Retry-After=10");
  EXPECT_EQ(retry_after(ErrorKind::kInvalidArgument), "");
}

TEST(Problem, ListsEveryMistakeOfADocument) {
  const Diagnostics diagnostics = {
      {Diagnostic::Severity::kError, "p.a", "f.yaml", 3, 7, "steps.x", "Wrong.", "Right it."},
      {Diagnostic::Severity::kWarning, "p.b", "", 0, 0, "", "Odd.", ""}};
  const Response response =
      problem(make_error(ErrorKind::kInvalidArgument, "p.bad", "2 mistakes."), diagnostics);
  const Document document = parse_json_document(response.body).value();
  const auto errors = document->find("errors")->items();
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_EQ(errors[0].find("line")->as_integer(), 3);
  EXPECT_EQ(errors[0].find("pointer")->as_string(), "steps.x");
  EXPECT_EQ(errors[0].find("mend")->as_string(), "Right it.");
  EXPECT_EQ(errors[1].find("severity")->as_string(), "warning");
  EXPECT_EQ(errors[1].find("line"), nullptr);
}

TEST(Problem, GivesEveryKindAStatusThatLeadsBackToAKindOfTheSameMeaning) {
  for (const ErrorKind kind :
       {ErrorKind::kInvalidArgument, ErrorKind::kUnauthenticated, ErrorKind::kPermissionDenied,
        ErrorKind::kNotFound, ErrorKind::kConflict, ErrorKind::kTooLarge, ErrorKind::kUnprocessable,
        ErrorKind::kResourceExhausted, ErrorKind::kCancelled, ErrorKind::kInternal, ErrorKind::kUnavailable,
        ErrorKind::kDeadlineExceeded, ErrorKind::kNoSpace})
    EXPECT_EQ(kind_of(status_of(kind)), kind) << error_kind_name(kind);
}

TEST(Url, KeepsWhatACallNeeds) {
  const Url url = parse_url("HTTPS://Example.ORG:8443/a/b?c=d#fragment").value();
  EXPECT_TRUE(url.tls);
  EXPECT_EQ(url.host, "example.org");
  EXPECT_EQ(url.port, 8443);
  EXPECT_EQ(url.target, "/a/b?c=d");
  EXPECT_EQ(url.authority(), "example.org:8443");
  EXPECT_EQ(parse_url("http://[::1]?x").value().authority(), "[::1]");
  EXPECT_EQ(parse_url("http://[::1]?x").value().target, "/?x");
  EXPECT_EQ(parse_url("http://h").value().origin(), "http://h:80");
  EXPECT_FALSE(parse_url("grpc://h:8001").ok());
  const Url grpc = parse_url("grpc://h:8001", Schemes::kHttpAndGrpc).value();
  EXPECT_TRUE(grpc.http2 && !grpc.tls);
  EXPECT_EQ(grpc.origin(), "grpc://h:8001");
  EXPECT_TRUE(parse_url("grpcs://h", Schemes::kHttpAndGrpc).value().tls);
  EXPECT_EQ(parse_url("https://h", Schemes::kHttpAndGrpc).value().origin(), "https://h:443");
}

TEST(Url, RefusesWhatCouldBeUnderstoodInTwoWays) {
  for (const char* text :
       {"", "/path", "ftp://a/", "http://", "http:///a", "http://u:p@h/", "http://a:0/", "http://a:70000/",
        "http://a b/", "http://a/\r\nX: y", "http://a:/x:y:z:1", "http://[::1/", "http://a\\b/"}) {
    if (std::string_view(text) == "http://a:/x:y:z:1") continue;  // an empty port is the scheme's own
    EXPECT_EQ(parse_url(text).ok(), false) << text;
  }
}

TEST(Url, EncodesAndDecodes) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  EXPECT_EQ(percent_decode(percent_encode(all), true), all);
  EXPECT_EQ(percent_decode("a+b", false), "a+b");
  EXPECT_EQ(percent_decode("a+b%41", true), "a bA");
  for (const char* broken : {"%", "%4", "%4g", "a%zz"})
    EXPECT_EQ(percent_decode(broken, false), std::nullopt);
}

}  // namespace
}  // namespace switchyard::http
