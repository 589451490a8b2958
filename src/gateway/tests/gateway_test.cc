#include "switchyard/gateway/gateway.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <mutex>
#include <thread>

#include "switchyard/http/client.h"
#include "token_support.h"

namespace switchyard::gateway {
namespace {

/// Log lines of a test, through a pipe.
class LogLines {
 public:
  LogLines() {
    EXPECT_EQ(::pipe(ends_), 0);
    telemetry::LogOptions options;
    options.fd = ends_[1];
    options.format = telemetry::LogFormat::kJson;
    sink_ = std::make_shared<telemetry::LogSink>(options);
  }
  ~LogLines() {
    sink_.reset();
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  telemetry::Logger logger() { return telemetry::Logger(sink_, "gateway"); }
  std::string all() {
    sink_->flush();
    const char end = '\n';
    (void)!::write(ends_[1], &end, 1);
    std::string text(60'000, '\0');
    const ssize_t got = ::read(ends_[0], text.data(), text.size());
    text.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return text;
  }

 private:
  int ends_[2];
  std::shared_ptr<telemetry::LogSink> sink_;
};

class GatewayTest : public ::testing::Test {
 protected:
  void make(GatewayOptions options = {}) {
    gateway_ = std::make_unique<Gateway>(options, *keys_, registry_, logs_.logger(), runtime::system_clock());
    gateway_->on("GET /healthz", "health", Permission::kNone,
                 [](Call&& call) { call.answer(http::Response::text(200, "ok")); },
                 {.always_admitted = true});
    gateway_->on("POST /api/v1/decisions", "start_decision", Permission::kDecisionsStart, [](Call&& call) {
      const auto body = call.json_body();
      if (!body.ok()) return call.fail(body.error());
      call.answer_json(201, "{\"by\":\"" + call.caller.key_id + "\"}");
    });
    gateway_->on("GET /api/v1/decisions/{id}", "get_decision", Permission::kDecisionsRead,
                 [this](Call&& call) {
                   std::lock_guard lock(mutex_);
                   held_.push_back(std::move(call));
                 });
  }
  void TearDown() override {
    held_.clear();
    gateway_.reset();
  }
  std::string key(Role role) { return keys_->create("test", {role}).value().text.reveal(); }
  /// The answer of a request without a socket; status 0 when it is not answered yet.
  http::Response ask(http::Method method, const std::string& target, std::vector<http::Header> headers = {},
                     std::string body = {}) {
    auto got = std::make_shared<http::Response>();
    got->status = 0;
    gateway_->handle(http::Request::make(method, target, headers, std::move(body)).value(),
                     http::local_responder([got](http::Response response) { *got = std::move(response); }));
    return *got;
  }
  static std::string header(const http::Response& response, std::string_view name) {
    for (const auto& h : response.headers)
      if (http::header_name_equal(h.name, name)) return h.value;
    return {};
  }

  LogLines logs_;
  telemetry::Registry registry_;
  std::unique_ptr<KeyStore> keys_ = KeyStore::open("", runtime::system_clock()).value();
  std::unique_ptr<Gateway> gateway_;
  std::mutex mutex_;
  std::vector<Call> held_;
};

TEST_F(GatewayTest, LetsInWhoHasAKeyWithThePermission) {
  make();
  const std::string developer = key(Role::kDeveloper);
  EXPECT_EQ(
      ask(http::Method::kPost, "/api/v1/decisions", {{"Authorization", "Bearer " + developer}}, "{}").status,
      201);
  EXPECT_EQ(ask(http::Method::kPost, "/api/v1/decisions", {{"X-API-Key", developer}}, "{}").status, 201);
  EXPECT_EQ(ask(http::Method::kGet, "/healthz").status, 200);
}

TEST_F(GatewayTest, TurnsAwayWhoHasNoKeyOrNotThePermission) {
  make();
  const auto no_key = ask(http::Method::kPost, "/api/v1/decisions", {}, "{}");
  EXPECT_EQ(no_key.status, 401);
  EXPECT_EQ(header(no_key, "WWW-Authenticate"), "Bearer realm=\"switchyard\"");
  EXPECT_NE(no_key.body.find("gateway.no_key"), no_key.body.npos);
  const auto wrong =
      ask(http::Method::kPost, "/api/v1/decisions", {{"Authorization", "Bearer sy_x_y"}}, "{}");
  EXPECT_EQ(wrong.status, 401);
  const auto viewer = ask(http::Method::kPost, "/api/v1/decisions",
                          {{"Authorization", "Bearer " + key(Role::kViewer)}}, "{}");
  EXPECT_EQ(viewer.status, 403);
  EXPECT_NE(viewer.body.find("decisions.start"), viewer.body.npos);
  EXPECT_NE(viewer.body.find("developer or admin"), viewer.body.npos);
}

TEST_F(GatewayTest, NeedsNoKeyWhereTheServerIsOpenToAll) {
  GatewayOptions options;
  options.open_to_all = true;
  make(options);
  EXPECT_EQ(ask(http::Method::kPost, "/api/v1/decisions", {}, "{}").status, 201);
}

TEST_F(GatewayTest, AnswersUnknownPathsAndMethodsWithProblems) {
  make();
  EXPECT_EQ(ask(http::Method::kGet, "/nothing").status, 404);
  const auto wrong_method = ask(http::Method::kDelete, "/api/v1/decisions");
  EXPECT_EQ(wrong_method.status, 405);
  EXPECT_EQ(header(wrong_method, "Allow"), "POST");
}

TEST_F(GatewayTest, NamesEveryAnswerByARequestId) {
  make();
  const std::string first = header(ask(http::Method::kGet, "/healthz"), "X-Request-Id");
  const std::string second = header(ask(http::Method::kGet, "/nothing"), "X-Request-Id");
  EXPECT_EQ(first.size(), 16u);
  EXPECT_NE(first, second);
  EXPECT_EQ(header(ask(http::Method::kGet, "/healthz", {{"X-Request-Id", "my-id.1"}}), "X-Request-Id"),
            "my-id.1");
  EXPECT_EQ(
      header(ask(http::Method::kGet, "/healthz", {{"X-Request-Id", "bad id\""}}), "X-Request-Id").size(),
      16u);
}

TEST_F(GatewayTest, ShedsWhatExceedsTheRequestsInFlightAndRecovers) {
  GatewayOptions options;
  options.max_in_flight = 2;
  make(options);
  const std::vector<http::Header> as_viewer = {{"Authorization", "Bearer " + key(Role::kViewer)}};
  EXPECT_EQ(ask(http::Method::kGet, "/api/v1/decisions/1", as_viewer).status, 0);
  EXPECT_EQ(ask(http::Method::kGet, "/api/v1/decisions/2", as_viewer).status, 0);
  EXPECT_EQ(gateway_->in_flight(), 2u);
  const auto shed = ask(http::Method::kGet, "/api/v1/decisions/3", as_viewer);
  EXPECT_EQ(shed.status, 503);
  EXPECT_EQ(header(shed, "Retry-After"), "1");
  EXPECT_NE(shed.body.find("max_in_flight = 2"), shed.body.npos);
  EXPECT_EQ(ask(http::Method::kGet, "/healthz").status, 200);
  held_.front().answer_json(200, "{}");
  EXPECT_EQ(gateway_->in_flight(), 1u);
  EXPECT_EQ(ask(http::Method::kGet, "/api/v1/decisions/4", as_viewer).status, 0);
  held_.clear();  // dropped unanswered: the places are free all the same
  EXPECT_EQ(gateway_->in_flight(), 0u);
  const std::string metrics = registry_.expose();
  EXPECT_NE(metrics.find("switchyard_gateway_refused_requests_total{reason=\"overload\"} 1"), metrics.npos)
      << metrics;
  EXPECT_NE(metrics.find("switchyard_gateway_max_in_flight_requests 2"), metrics.npos);
}

TEST_F(GatewayTest, CountsAnswersByOperationAndStatus) {
  make();
  ask(http::Method::kGet, "/healthz");
  ask(http::Method::kGet, "/healthz");
  ask(http::Method::kPost, "/api/v1/decisions", {}, "{}");
  ask(http::Method::kGet, "/nothing");
  const std::string metrics = registry_.expose();
  for (const char* line : {"switchyard_gateway_answers_total{operation=\"health\",status=\"2xx\"} 2",
                           "switchyard_gateway_answers_total{operation=\"start_decision\",status=\"4xx\"} 1",
                           "switchyard_gateway_answers_total{operation=\"none\",status=\"4xx\"} 1",
                           "switchyard_gateway_refused_requests_total{reason=\"credentials\"} 1",
                           "switchyard_gateway_request_seconds_count{operation=\"health\"} 2"})
    EXPECT_NE(metrics.find(line), metrics.npos) << line << "\n" << metrics;
}

TEST_F(GatewayTest, LogsProblemsWithWhatFindsThemAgainAndNoSecrets) {
  make();
  const std::string viewer = key(Role::kViewer);
  ask(http::Method::kGet, "/healthz");
  ask(http::Method::kPost, "/api/v1/decisions?token=hidden",
      {{"Authorization", "Bearer " + viewer}, {"X-Request-Id", "r-1"}}, "{\"card\":\"4111\"}");
  const std::string lines = logs_.all();
  EXPECT_EQ(lines.find("health"), lines.npos);
  for (const char* part : {"\"request_id\":\"r-1\"", "\"operation\":\"start_decision\"", "\"status\":403",
                           "\"path\":\"/api/v1/decisions\""})
    EXPECT_NE(lines.find(part), lines.npos) << part << "\n" << lines;
  EXPECT_NE(lines.find(keys_->list()[0].id), lines.npos);
  for (const std::string& secret :
       {viewer, viewer.substr(viewer.size() - 43), std::string("hidden"), std::string("4111")})
    EXPECT_EQ(lines.find(secret), lines.npos) << lines;
}

TEST_F(GatewayTest, TakesOnlyJsonBodiesAndSaysWhereTheyAreWrong) {
  make();
  const http::Header as_developer{"Authorization", "Bearer " + key(Role::kDeveloper)};
  const auto status = [&](const std::string& type, const std::string& body) {
    return ask(http::Method::kPost, "/api/v1/decisions", {as_developer, {"Content-Type", type}}, body).status;
  };
  EXPECT_EQ(status("application/json; charset=utf-8", "{}"), 201);
  EXPECT_EQ(status("application/cloudevents+json", "{}"), 201);
  EXPECT_EQ(status("text/xml", "{}"), 400);
  EXPECT_EQ(status("application/json", "{\"a\":}"), 400);
  EXPECT_EQ(status("application/json", ""), 400);
}

TEST_F(GatewayTest, ListsItsOperationsForTheDescriptionOfTheApi) {
  make();
  const auto operations = gateway_->operations();
  ASSERT_EQ(operations.size(), 3u);
  EXPECT_EQ(operations[1].id, "start_decision");
  EXPECT_EQ(operations[1].path, "/api/v1/decisions");
  EXPECT_EQ(operations[1].permission, Permission::kDecisionsStart);
}

TEST_F(GatewayTest, TellsACallerItsLimitsAndRefusesWhatIsOverThem) {
  make();
  KeySpec spec{"limited", {Role::kDeveloper}, 0, "", {}};
  spec.policy.limits = {2, 1000, 0};
  const std::vector<http::Header> as_limited = {
      {"Authorization", "Bearer " + keys_->create(spec).value().text.reveal()}};
  const auto first = ask(http::Method::kPost, "/api/v1/decisions", as_limited, "{}");
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(header(first, "x-ratelimit-limit-requests"), "2");
  EXPECT_EQ(header(first, "x-ratelimit-remaining-requests"), "1");
  EXPECT_NE(header(first, "x-ratelimit-reset-requests"), "");
  EXPECT_EQ(header(first, "x-ratelimit-limit-tokens"), "1000");
  EXPECT_EQ(ask(http::Method::kPost, "/api/v1/decisions", as_limited, "{}").status, 201);
  const auto over = ask(http::Method::kPost, "/api/v1/decisions", as_limited, "{}");
  EXPECT_EQ(over.status, 429);
  EXPECT_EQ(header(over, "x-ratelimit-remaining-requests"), "0");
  EXPECT_EQ(header(over, "Retry-After"), "30");
  EXPECT_GT(std::stoi(header(over, "retry-after-ms")), 29'000);
  EXPECT_NE(over.body.find("gateway.rate_limited"), over.body.npos);
  EXPECT_EQ(gateway_->in_flight(), 0u);
  const auto other =
      ask(http::Method::kPost, "/api/v1/decisions", {{"X-API-Key", key(Role::kDeveloper)}}, "{}");
  EXPECT_EQ(other.status, 201);
  EXPECT_EQ(header(other, "x-ratelimit-limit-requests"), "");
}

TEST_F(GatewayTest, TellsGrpcsClientsHowLongToWait) {
  make();
  const char* path = "/inference.GRPCInferenceService/ModelInfer";
  gateway_->on(std::string("POST ") + path, "grpc_model_infer", Permission::kDecisionsStart,
               [](Call&& call) { call.fail(make_error(ErrorKind::kNotFound, "x", "not there")); });
  KeySpec spec{"limited", {Role::kDeveloper}, 0, "", {}};
  spec.policy.limits.requests_per_minute = 2;
  const std::vector<http::Header> as_limited = {
      {"Authorization", "Bearer " + keys_->create(spec).value().text.reveal()}};
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(header(ask(http::Method::kPost, path, as_limited), "grpc-retry-pushback-ms"), "");
  const auto over = ask(http::Method::kPost, path, as_limited);
  EXPECT_EQ(header(over, "grpc-status"), "8");
  EXPECT_GT(std::stoi(header(over, "grpc-retry-pushback-ms")), 29'000);
  EXPECT_EQ(header(over, "Retry-After"), "");
}

TEST_F(GatewayTest, WeighsTheMessagesOfAStreamAndNotTheStream) {
  GatewayOptions options;
  options.max_in_flight = 1;
  options.limits.default_key.concurrent = 1;
  make(options);
  gateway_->on("POST /talk", "talk", Permission::kDecisionsStart,
               [this](Call&& call) {
                 std::lock_guard lock(mutex_);
                 held_.push_back(std::move(call));
               },
               {.streams_body = true});
  EXPECT_EQ(gateway_->streamed_paths(), std::vector<std::string>{"/talk"});
  const std::vector<http::Header> as_developer = {{"Authorization", "Bearer " + key(Role::kDeveloper)},
                                                  {"X-Request-Deadline-Ms", "60000"}};
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(http::Method::kPost, "/talk", as_developer).status, 0);
  EXPECT_EQ(gateway_->in_flight(), 0u);
  EXPECT_GT(held_.back().deadline_us, 0);
  EXPECT_NE(held_.back().allowance, nullptr);
  EXPECT_EQ(ask(http::Method::kGet, "/api/v1/decisions/1", as_developer).status, 0);
  EXPECT_EQ(gateway_->in_flight(), 1u);
  EXPECT_EQ(ask(http::Method::kPost, "/talk").status, 401);
}

TEST_F(GatewayTest, FreesThePlaceOfALimitedCallWithItsAnswer) {
  GatewayOptions options;
  options.limits.default_key.concurrent = 1;
  make(options);
  const std::vector<http::Header> as_viewer = {{"Authorization", "Bearer " + key(Role::kViewer)}};
  EXPECT_EQ(ask(http::Method::kGet, "/api/v1/decisions/1", as_viewer).status, 0);
  const auto second = ask(http::Method::kGet, "/api/v1/decisions/2", as_viewer);
  EXPECT_EQ(second.status, 429);
  EXPECT_NE(second.body.find("gateway.too_many_at_once"), second.body.npos);
  held_.clear();
  EXPECT_EQ(ask(http::Method::kGet, "/api/v1/decisions/3", as_viewer).status, 0);
}

TEST_F(GatewayTest, GoesOnWithTheCallersTrace) {
  make();
  const std::string parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const auto answer = ask(http::Method::kGet, "/healthz", {{"traceparent", parent}});
  EXPECT_EQ(header(answer, "traceparent").substr(0, 36), parent.substr(0, 36));
  EXPECT_NE(header(answer, "traceparent"), parent);
  EXPECT_TRUE(telemetry::parse_traceparent(header(ask(http::Method::kGet, "/nothing"), "traceparent")));
}

TEST_F(GatewayTest, TellsOfEachAnswerOnceAndOfStreamsAtTheirEnd) {
  struct Told {
    std::string operation, route, method, path, traceparent, parent;
    int status = 0;
  };
  std::vector<Told> told;
  GatewayOptions options;
  options.access_log = AccessLog::kOff;
  options.sampler.ratio = 0;
  options.on_answer = [&told](const AnsweredRequest& answered) {
    told.push_back({std::string(answered.operation), std::string(answered.route),
                    std::string(answered.method), std::string(answered.path), answered.trace.traceparent,
                    answered.trace.parent_span, answered.status});
  };
  make(options);
  std::optional<http::Stream> stream;
  gateway_->on("GET /stream/{name}", "stream", Permission::kNone,
               [&stream](Call&& call) { stream = call.responder.begin_stream({}); });
  const auto answer = ask(http::Method::kGet, "/nothing");
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].operation, "none");
  EXPECT_EQ(told[0].route, "");
  EXPECT_EQ(told[0].method, "GET");
  EXPECT_EQ(told[0].status, 404);
  EXPECT_EQ(told[0].traceparent, header(answer, "traceparent"));
  EXPECT_TRUE(told[0].traceparent.ends_with("-00"));  // the sampler took none
  ask(http::Method::kGet, "/stream/a",
      {{"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}});
  EXPECT_EQ(told.size(), 1u);
  stream->end();
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[1].operation, "stream");
  EXPECT_EQ(told[1].route, "/stream/{name}");
  EXPECT_EQ(told[1].path, "/stream/a");
  EXPECT_EQ(told[1].parent, "b7ad6b7169203331");
  EXPECT_TRUE(told[1].traceparent.ends_with("-01"));  // the caller's decision stands
}

TEST_F(GatewayTest, CompressesAnswersForWhoTakesThemAndUnpacksBodies) {
  make();
  gateway_->on("POST /echo", "echo", Permission::kNone,
               [](Call&& call) { call.answer_json(200, std::string(call.request.body())); });
  gateway_->on("GET /stream", "stream", Permission::kNone, [](Call&& call) {
    http::Response head;
    head.content_type = "application/json";
    head.body = std::string(5000, 'a');
    call.responder.begin_stream(std::move(head)).end();
  });
  const std::string text = "\"" + std::string(5000, 'x') + "\"";
  const auto plain = ask(http::Method::kPost, "/echo", {}, text);
  EXPECT_EQ(plain.body, text);
  EXPECT_EQ(header(plain, "Vary"), "Accept-Encoding");
  const auto packed = ask(http::Method::kPost, "/echo", {{"Accept-Encoding", "gzip, br"}}, text);
  EXPECT_EQ(header(packed, "Content-Encoding"), "gzip");
  EXPECT_LT(packed.body.size(), 500u);
  const auto back = ask(http::Method::kPost, "/echo", {{"Content-Encoding", "gzip"}}, packed.body);
  EXPECT_EQ(back.body, text);
  EXPECT_EQ(header(ask(http::Method::kGet, "/stream", {{"Accept-Encoding", "gzip"}}), "Content-Encoding"),
            "");
  const auto unknown = ask(http::Method::kPost, "/echo", {{"Content-Encoding", "br"}}, text);
  EXPECT_EQ(unknown.status, 415);
  EXPECT_EQ(header(unknown, "Accept-Encoding"), "gzip");
  EXPECT_EQ(ask(http::Method::kPost, "/echo", {{"Content-Encoding", "gzip"}}, text).status, 400);
}

TEST_F(GatewayTest, RefusesAtOnceWhatCannotMeetItsDeadlineAndShedsByPriority) {
  GatewayOptions options;
  std::atomic<int64_t> delay_us{0};
  options.admission.queue_delay_us = [&delay_us] { return delay_us.load(); };
  options.admission.window_us = 20'000;
  options.admission.always_in_flight = 0;
  make(options);
  const std::string as = "Bearer " + key(Role::kDeveloper);
  const auto post = [&](std::vector<http::Header> more) {
    more.push_back({"Authorization", as});
    return ask(http::Method::kPost, "/api/v1/decisions", std::move(more), "{}");
  };
  EXPECT_EQ(post({{"X-Request-Deadline-Ms", "60000"}}).status, 201);
  EXPECT_EQ(post({{"X-Request-Deadline-Ms", "soon"}}).status, 400);
  EXPECT_EQ(post({{"X-Switchyard-Priority", "urgent"}}).status, 400);
  EXPECT_EQ(post({{"X-Switchyard-Priority", "high"}}).status, 201);  // as high as the key may
  delay_us = 200'000;
  // Until it has seen a whole window of standing queue.
  http::Response answer;
  for (int i = 0; i < 20'000 && answer.status != 504; ++i) {
    answer = post({{"X-Request-Deadline-Ms", "150"}});
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  EXPECT_EQ(answer.status, 504);
  EXPECT_NE(answer.body.find("gateway.deadline_unmeetable"), answer.body.npos);
  for (int i = 0; i < 20'000 && answer.status != 503; ++i) answer = post({{"X-Switchyard-Priority", "low"}});
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(header(answer, "Retry-After"), "1");
  EXPECT_EQ(ask(http::Method::kGet, "/healthz").status, 200);
  EXPECT_EQ(gateway_->in_flight(), 0u);
}

TEST_F(GatewayTest, TellsErrorsInTheFormOfTheSurface) {
  make();
  gateway_->on("GET /v1/models", "list_models", Permission::kDecisionsRead, [](Call&&) {});
  EXPECT_TRUE(ask(http::Method::kGet, "/v1/models").body.starts_with("{\"error\":{\"message\":"));
}

TEST_F(GatewayTest, KnowsCallersByTheirTokensAlsoWhenKeysMustBeFetchedFirst) {
  testing::SigningKey signing("ES256", "k1");
  TokenIssuer issuer;
  issuer.issuer = "https://login.example.org";
  issuer.jwks_url = "https://login.example.org/keys";
  issuer.audiences = {"switchyard"};
  issuer.default_roles = {Role::kDeveloper};
  std::function<void()> arrive;
  TokenVerifier::Options verifying;
  verifying.issuers = {issuer};
  verifying.clock = &runtime::system_clock();
  verifying.fetch = [&](const std::string&, auto done) {
    arrive = [done, &signing] { done("{\"keys\":[" + signing.jwk() + "]}"); };
  };
  const auto tokens = TokenVerifier::make(std::move(verifying)).value();
  GatewayOptions options;
  options.tokens = tokens.get();
  make(options);
  const std::string token =
      signing.token(R"({"iss":"https://login.example.org","aud":"switchyard","sub":"ann","exp":9999999999})");
  auto got = std::make_shared<http::Response>();
  got->status = 0;
  gateway_->handle(http::Request::make(http::Method::kPost, "/api/v1/decisions",
                                       {{"Authorization", "Bearer " + token}}, "{}")
                       .value(),
                   http::local_responder([got](http::Response response) { *got = std::move(response); }));
  EXPECT_EQ(got->status, 0);
  arrive();
  EXPECT_EQ(got->status, 201);
  EXPECT_NE(got->body.find("jwt:https://login.example.org:ann"), std::string::npos);
  EXPECT_EQ(
      ask(http::Method::kPost, "/api/v1/decisions", {{"Authorization", "Bearer " + token}}, "{}").status,
      201);
  EXPECT_EQ(ask(http::Method::kPost, "/api/v1/decisions", {{"Authorization", "Bearer " + token + "AA"}}, "{}")
                .status,
            401);
  EXPECT_EQ(ask(http::Method::kPost, "/api/v1/decisions",
                {{"Authorization", "Bearer " + key(Role::kDeveloper)}}, "{}")
                .status,
            201);  // keys stay
}

TEST_F(GatewayTest, KnowsCallersByTheirCertificates) {
  CertificateRule rule;
  rule.name = "edge";
  rule.subject = "CN=edge*";
  rule.roles = {Role::kDeveloper};
  GatewayOptions options;
  options.certificates = {rule};
  make(options);
  const auto post = [this](const std::string& subject) {
    auto request = http::Request::make(http::Method::kPost, "/api/v1/decisions", {}, "{}").value();
    auto certificate = std::make_shared<http::ClientCertificate>();
    certificate->subject = subject;
    certificate->fingerprint = std::string(64, 'f');
    request.set_client_certificate(std::move(certificate));
    http::Response got;
    gateway_->handle(std::move(request),
                     http::local_responder([&got](http::Response response) { got = std::move(response); }));
    return got;
  };
  EXPECT_EQ(post("CN=edge-1,O=Acme").body, "{\"by\":\"cert:ffffffffffffffff\"}");
  const auto stranger = post("CN=other");
  EXPECT_EQ(stranger.status, 401);
  EXPECT_NE(stranger.body.find("gateway.unknown_certificate"), stranger.body.npos);
}

TEST_F(GatewayTest, ServesOverASocketWithSecurityHeadersFromManyThreads) {
  make();
  const std::string viewer = key(Role::kViewer);
  http::ServerOptions server_options;
  server_options.threads = 2;
  server_options.default_headers = security_headers();
  http::Server server(server_options, [this](http::Request&& request, http::Responder responder) {
    gateway_->handle(std::move(request), std::move(responder));
  });
  server.start().value();
  std::atomic<bool> stop{false};
  std::thread engine([&] {
    while (!stop) {
      std::vector<Call> calls;
      {
        std::lock_guard lock(mutex_);
        calls.swap(held_);
      }
      http::AnswerBatch batch;
      for (Call& call : calls)
        call.answer_json(200, "{\"id\":\"" + std::string(call.request.path_parameter("id")) + "\"}");
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  });
  http::Client client({});
  client.start().value();
  std::atomic<int> right{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t)
    callers.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const std::string id = std::to_string(t) + "-" + std::to_string(i);
        const auto result = client.request_and_wait(
            {http::Method::kGet,
             "http://127.0.0.1:" + std::to_string(server.port()) + "/api/v1/decisions/" + id,
             {{"Authorization", "Bearer " + viewer}}});
        right += result.response.ok() && result.response->body == "{\"id\":\"" + id + "\"}" &&
                 result.response->header("X-Content-Type-Options") == "nosniff" &&
                 result.response->header("Cache-Control") == "no-store";
      }
    });
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(right, 200);
  stop = true;
  engine.join();
  client.stop();
  server.stop();
  EXPECT_EQ(gateway_->in_flight(), 0u);
}

}  // namespace
}  // namespace switchyard::gateway
