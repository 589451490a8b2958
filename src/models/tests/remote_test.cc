// Models on other machines, against servers of this process that behave well and badly.
#include "switchyard/models/remote.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <future>
#include <thread>

#include "../remote/endpoints.h"
#include "../remote/failure.h"
#include "../remote/sse.h"
#include "switchyard/document/document.h"
#include "switchyard/http/server.h"
#include "switchyard/types/json.h"

namespace switchyard::models {
namespace {

ModelManifest manifest_of(const std::string& yaml) {
  const auto parsed = document::parse(yaml);
  SY_CHECK(parsed.root != nullptr);
  Arena arena;
  Diagnostics found;
  ModelManifest manifest = parse_manifest(document::to_value(*parsed.root, arena), found);
  for (const auto& one : found) ADD_FAILURE() << one.to_string();
  return manifest;
}

BackendSpec backend_of(const std::string& yaml, Diagnostics* mistakes = nullptr) {
  const auto parsed = document::parse(yaml);
  SY_CHECK(parsed.root != nullptr);
  Arena arena;
  Diagnostics found;
  BackendSpec spec = parse_backend(document::to_value(*parsed.root, arena), found);
  if (mistakes != nullptr)
    *mistakes = std::move(found);
  else
    for (const auto& one : found) ADD_FAILURE() << one.to_string();
  return spec;
}

Document json(const std::string& text) { return parse_json_document(text).value(); }

/// A server whose answers a test decides, and one model of it.
class Remote : public testing::Test {
 protected:
  Remote()
      : server_(
            [] {
              http::ServerOptions options;
              options.drain_timeout_ms = 100;
              return options;
            }(),
            [this](http::Request&& request, http::Responder responder) {
              seen_path_ = request.path();
              seen_body_ = request.body();
              seen_authorization_ = request.header("Authorization").value_or("");
              seen_version_ = request.header("anthropic-version").value_or("");
              handle_(std::move(request), std::move(responder));
            }),
        client_({}) {
    server_.start().value();
    client_.start().value();
  }
  ~Remote() override {
    if (streamer_.joinable()) streamer_.join();
    client_.stop();
    server_.stop();
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_.port()); }

  void use(const std::string& model, const std::string& protocol, const std::string& more = {}) {
    const auto backend =
        backend_of("backend: there@1.0.0\nprotocol: " + protocol + "\nurl: " + url() + "/base\n" + more);
    auto made = make_http_model(manifest_of(model), backend, {&client_, &runtime::system_clock(), {}});
    ASSERT_TRUE(made.ok()) << made.error().to_string();
    model_ = *made;
  }

  void answers(int status, const std::string& body, std::vector<http::Header> headers = {}) {
    handle_ = [=](http::Request&&, http::Responder responder) {
      responder.send({status, "application/json", headers, body});
    };
  }
  /// A stream of these pieces; `whole` false: it breaks off.
  void streams(std::vector<std::string> pieces, bool whole = true) {
    handle_ = [this, pieces, whole](http::Request&&, http::Responder responder) {
      auto stream =
          std::make_shared<http::Stream>(responder.begin_stream({200, "text/event-stream", {}, {}}));
      streamer_ = std::thread([stream, pieces, whole] {
        for (const auto& piece : pieces) stream->write(piece);
        if (whole) stream->end();
        *stream = {};
      });
    };
  }

  CallOutcome call(const std::string& input, int64_t within_ms = 5000) {
    return call(input, nullptr, within_ms);
  }
  CallOutcome call(const std::string& input, std::function<bool(const Document&)> on_part,
                   int64_t within_ms = 5000) {
    CallRequest request;
    request.input = json(input);
    request.deadline_us = runtime::system_clock().monotonic_us() + within_ms * 1000;
    request.on_part = std::move(on_part);
    auto done = std::make_shared<std::promise<CallOutcome>>();
    auto future = done->get_future();
    cancel_ = model_->call(std::move(request),
                           [done](CallOutcome outcome) { done->set_value(std::move(outcome)); });
    return future.get();
  }
  CallOutcome streamed(const std::string& input) {
    return call(input, [this](const Document& part) {
      parts_.push_back(to_json(part.root()));
      return true;
    });
  }

  static constexpr const char* kChat =
      "model: llm@1.0.0\nbackend: there\nkind: chat\nremote: { model: tiny-7b }\n"
      "cost: { per_million_input_tokens: 1, per_million_cached_tokens: 0.5, per_million_output_tokens: 4, "
      "currency: EUR }\n";
  static constexpr const char* kAsk = R"({"messages":[{"role":"user","content":"hello"}],"temperature":0})";

  std::function<void(http::Request&&, http::Responder)> handle_;
  http::Responder kept_;  // of the server's thread; outlives it
  std::string seen_path_, seen_body_, seen_authorization_, seen_version_;
  http::Server server_;
  http::Client client_;
  std::shared_ptr<RemoteModel> model_;
  std::function<void()> cancel_;
  std::vector<std::string> parts_;
  std::thread streamer_;
};

TEST_F(Remote, ChatIsAskedByTheNameTheServerKnowsAndPaidByTheToken) {
  use(kChat, "openai");
  answers(
      200,
      R"({"id":"x","model":"tiny-7b-0613","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},)"
      R"("finish_reason":"stop"}],"usage":{"prompt_tokens":1000,"completion_tokens":100,)"
      R"("prompt_tokens_details":{"cached_tokens":400}}})",
      {{"x-request-id", "req-1"}});
  const CallOutcome outcome = call(kAsk);
  ASSERT_TRUE(outcome.answer.ok()) << outcome.answer.error().to_string();
  EXPECT_EQ(seen_path_, "/base/chat/completions");
  EXPECT_EQ(to_canonical_json(json(seen_body_).root()),
            R"({"messages":[{"content":"hello","role":"user"}],"model":"tiny-7b","temperature":0})");
  const ModelAnswer& answer = *outcome.answer;
  EXPECT_EQ(answer.output->find("text")->as_string(), "hi");
  EXPECT_EQ(answer.output->find("finish_reason")->as_string(), "stop");
  EXPECT_EQ(answer.served_by, "tiny-7b-0613");
  EXPECT_EQ(answer.upstream_id, "req-1");
  EXPECT_EQ(answer.endpoint, url());
  EXPECT_EQ(answer.usage.cached_tokens, 400);
  EXPECT_EQ(answer.usage.input_tokens, 1000);
  EXPECT_EQ(answer.usage.output_tokens, 100);
  EXPECT_EQ(answer.calls, 1u);
}

TEST_F(Remote, AStreamIsHandedOnInPartsAndPutTogether) {
  use(kChat, "openai");
  streams(
      {"data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},"
       "\"finish_reason\":null}]}\n\n: a comment\n\ndata: {\"choices\":[{\"index\":0,\"del",
       "ta\":{\"content\":\"good \"}}]}\r\n\r\ndata: "
       "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"day\","
       "\"tool_calls\":[{\"id\":\"c1\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}\n\n",
       "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n"
       "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n"});
  const CallOutcome outcome = streamed(kAsk);
  ASSERT_TRUE(outcome.answer.ok()) << outcome.answer.error().to_string();
  EXPECT_EQ(json(seen_body_)->find("stream_options")->find("include_usage")->as_bool(), true);
  EXPECT_EQ(parts_.size(), 4u);
  EXPECT_EQ(outcome.parts, 4u);
  // A client puts calls of tools together by their index, which this server left out.
  EXPECT_NE(parts_[2].find(R"("index":0})"), std::string::npos) << parts_[2];
  EXPECT_EQ(outcome.answer->output->find("text")->as_string(), "good day");
  EXPECT_EQ(outcome.answer->usage.output_tokens, 2);
  const Value& choice = outcome.answer->output->find("choices")->items()[0];
  EXPECT_EQ(to_json(*choice.find("message")->find("tool_calls")),
            R"([{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}])");
}

TEST_F(Remote, AStreamThatEndsTooEarlyIsNeverAnAnswer) {
  use(kChat, "openai");
  const std::string begun = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"half\"}}]}\n\n";
  for (const bool whole : {true, false}) {
    streams({begun}, whole);
    const CallOutcome outcome = streamed(kAsk);
    ASSERT_FALSE(outcome.answer.ok());
    EXPECT_EQ(outcome.answer.error().code, whole ? "models.truncated" : "http.truncated");
    EXPECT_EQ(outcome.parts, 1u);
    streamer_.join();
  }
  streams({begun, "data: {\"error\":{\"message\":\"out of memory\"}}\n\n"});
  const CallOutcome broken = streamed(kAsk);
  ASSERT_FALSE(broken.answer.ok());
  EXPECT_EQ(broken.answer.error().code, "models.stream_failed");
  EXPECT_NE(broken.answer.error().message.find("out of memory"), std::string::npos);
}

TEST_F(Remote, WhoWantsNoMoreEndsTheStream) {
  use(kChat, "openai");
  std::vector<std::string> endless(1000,
                                   "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\n");
  streams(endless);
  int seen = 0;
  const CallOutcome outcome = call(kAsk, [&](const Document&) { return ++seen < 3; });
  ASSERT_FALSE(outcome.answer.ok());
  EXPECT_EQ(outcome.answer.error().code, "models.cancelled");
  EXPECT_EQ(seen, 3);
}

TEST_F(Remote, EmbeddingsComeInTheOrderOfTheirIndexes) {
  use("model: embed@1.0.0\nbackend: there\nkind: embeddings\n", "openai");
  answers(200,
          R"({"data":[{"index":1,"embedding":[3,4]},{"index":0,"embedding":[1,2.5]}],"model":"e","usage":)"
          R"({"prompt_tokens":7,"total_tokens":7}})");
  const CallOutcome outcome = call(R"({"input":["a","b"]})");
  ASSERT_TRUE(outcome.answer.ok()) << outcome.answer.error().to_string();
  EXPECT_EQ(seen_path_, "/base/embeddings");
  EXPECT_EQ(to_json(*outcome.answer->output->find("embeddings")), "[[1.0,2.5],[3.0,4.0]]");
  EXPECT_EQ(outcome.answer->usage.input_tokens, 7);
}

TEST_F(Remote, AnthropicsMessagesAreTheSameChat) {
  ::setenv("SY_TEST_KEY", "secret-1", 1);
  use(kChat, "anthropic", "auth: { bearer: { env: SY_TEST_KEY } }\n");
  answers(200,
          R"({"model":"c-1","content":[{"type":"text","text":"let me look"},{"type":"tool_use","id":"t1",)"
          R"("name":"find","input":{"q":1}}],"stop_reason":"tool_use","usage":{"input_tokens":5,)"
          R"("output_tokens":9,"cache_read_input_tokens":2}})");
  const CallOutcome outcome = call(
      R"({"messages":[{"role":"system","content":"be brief"},{"role":"user","content":"find it"},)"
      R"({"role":"assistant","content":null,"tool_calls":[{"id":"t0","type":"function","function":{"name":"find",)"
      R"("arguments":"{\"q\":0}"}}]},{"role":"tool","tool_call_id":"t0","content":"nothing"}],"max_tokens":50,)"
      R"("stop":"END","tools":[{"type":"function","function":{"name":"find","parameters":{"type":"object"}}}]})");
  ASSERT_TRUE(outcome.answer.ok()) << outcome.answer.error().to_string();
  EXPECT_EQ(seen_authorization_, "Bearer secret-1");
  EXPECT_EQ(seen_version_, "2023-06-01");
  EXPECT_EQ(seen_path_, "/base/v1/messages");
  EXPECT_EQ(
      to_canonical_json(json(seen_body_).root()),
      R"({"max_tokens":50,"messages":[{"content":[{"text":"find it","type":"text"}],"role":"user"},)"
      R"({"content":[{"id":"t0","input":{"q":0},"name":"find","type":"tool_use"}],"role":"assistant"},)"
      R"({"content":[{"content":[{"text":"nothing","type":"text"}],"tool_use_id":"t0","type":"tool_result"}],)"
      R"("role":"user"}],"model":"tiny-7b","stop_sequences":["END"],"system":[{"text":"be brief","type":"text"}],)"
      R"("tools":[{"input_schema":{"type":"object"},"name":"find"}]})");
  EXPECT_EQ(outcome.answer->output->find("text")->as_string(), "let me look");
  EXPECT_EQ(outcome.answer->output->find("finish_reason")->as_string(), "tool_calls");
  EXPECT_EQ(outcome.answer->usage.input_tokens, 7);
  EXPECT_EQ(outcome.answer->usage.cached_tokens, 2);
}

TEST_F(Remote, WhichToolsAreCalledIsSaidInAnthropicsWords) {
  use(kChat, "anthropic");
  answers(200, R"({"content":[{"type":"text","text":"x"}],"stop_reason":"end_turn"})");
  const auto choice_of = [&](const std::string& more) {
    EXPECT_TRUE(call(R"({"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":)"
                     R"({"name":"find"}}])" +
                     more + "}")
                    .answer.ok());
    const Document sent = json(seen_body_);
    const Value* choice = sent->find("tool_choice");
    return choice == nullptr ? "absent" : to_canonical_json(*choice);
  };
  EXPECT_EQ(choice_of(""), "absent");
  EXPECT_EQ(choice_of(R"(,"parallel_tool_calls":true)"), "absent");
  EXPECT_EQ(choice_of(R"(,"tool_choice":"auto")"), R"({"type":"auto"})");
  EXPECT_EQ(choice_of(R"(,"tool_choice":"required")"), R"({"type":"any"})");
  EXPECT_EQ(choice_of(R"(,"tool_choice":{"type":"function","function":{"name":"find"}})"),
            R"({"name":"find","type":"tool"})");
  EXPECT_EQ(choice_of(R"(,"parallel_tool_calls":false)"),
            R"({"disable_parallel_tool_use":true,"type":"auto"})");
  EXPECT_EQ(choice_of(R"(,"tool_choice":"required","parallel_tool_calls":false)"),
            R"({"disable_parallel_tool_use":true,"type":"any"})");
  EXPECT_EQ(choice_of(R"(,"tool_choice":"none","parallel_tool_calls":false)"), R"({"type":"none"})");
}

TEST_F(Remote, AnthropicsStreamBecomesChatChunks) {
  use(kChat, "anthropic");
  const auto event = [](const std::string& type, const std::string& rest) {
    return "event: " + type + "\ndata: {\"type\":\"" + type + "\"" + rest + "}\n\n";
  };
  streams(
      {event("message_start", R"(,"message":{"model":"c-1","usage":{"input_tokens":4,"output_tokens":1}})") +
           event("ping", ""),
       event("content_block_start", R"(,"index":0,"content_block":{"type":"text","text":""})") +
           event("content_block_delta", R"(,"index":0,"delta":{"type":"text_delta","text":"yes"})"),
       event("content_block_start", R"(,"index":1,"content_block":{"type":"tool_use","id":"t","name":"f"})") +
           event("content_block_delta",
                 R"(,"index":1,"delta":{"type":"input_json_delta","partial_json":"{}"})"),
       event("message_delta", R"(,"delta":{"stop_reason":"max_tokens"},"usage":{"output_tokens":12})") +
           event("message_stop", "")});
  const CallOutcome outcome = streamed(kAsk);
  ASSERT_TRUE(outcome.answer.ok()) << outcome.answer.error().to_string();
  EXPECT_EQ(outcome.answer->output->find("text")->as_string(), "yes");
  EXPECT_EQ(outcome.answer->output->find("finish_reason")->as_string(), "length");
  EXPECT_EQ(outcome.answer->usage.output_tokens, 12);
  ASSERT_EQ(parts_.size(), 5u);
  EXPECT_EQ(parts_[1], R"({"choices":[{"index":0,"delta":{"content":"yes"},"finish_reason":null}]})");
  EXPECT_EQ(parts_[4], R"({"choices":[{"index":0,"delta":{},"finish_reason":"length"}]})");
}

TEST_F(Remote, AnyServerIsMappedByExpressions) {
  use("model: risk@2.0.0\nbackend: there\nkind: value\n"
      "remote: { path: /predict, body: \"{'instances': [input.features]}\" }\n"
      "output: { score: \"double(body.predictions[0])\", tag: \"headers['x-tag']\" }\n",
      "http");
  answers(200, R"({"predictions":[0.75]})", {{"X-Tag", "blue"}});
  const CallOutcome outcome = call(R"({"features":[1,2]})");
  ASSERT_TRUE(outcome.answer.ok()) << outcome.answer.error().to_string();
  EXPECT_EQ(seen_path_, "/base/predict");
  EXPECT_EQ(seen_body_, R"({"instances":[[1,2]]})");
  EXPECT_EQ(to_json(outcome.answer->output.root()), R"({"score":0.75,"tag":"blue"})");
  answers(200, R"({"predictions":[]})");
  const CallOutcome empty = call(R"({"features":[1,2]})");
  ASSERT_FALSE(empty.answer.ok());
  EXPECT_EQ(empty.answer.error().code, "models.bad_answer");
}

TEST_F(Remote, AMappedResultThatIsNoFiniteNumberIsNoAnswer) {
  use("model: risk@2.0.0\nbackend: there\nkind: value\noutput: { score: \"1.0 / double(body.odds)\" }\n",
      "http");
  answers(200, R"({"odds":4})");
  EXPECT_EQ(to_json(call("{}").answer->output.root()), R"({"score":0.25})");
  answers(200, R"({"odds":0})");
  const CallOutcome outcome = call("{}");
  ASSERT_FALSE(outcome.answer.ok());
  EXPECT_NE(outcome.answer.error().message.find("'score' is no finite number"), std::string::npos);
}

TEST_F(Remote, EachRefusalSaysWhatItMeans) {
  use(kChat, "openai");
  const struct {
    int status;
    const char* body;
    const char* code;
    bool may_have_run;
  } kCases[] = {
      {400, R"({"error":{"message":"no such parameter"}})", "models.refused", false},
      {401, "{}", "models.bad_credentials", false},
      {402, "{}", "models.out_of_credit", false},
      {404, "{}", "models.remote_missing", false},
      {413, "{}", "models.input_too_large", false},
      {429, "{}", "models.rate_limited", false},
      {429, R"({"error":{"code":"insufficient_quota","message":"pay"}})", "models.out_of_credit", false},
      {500, "oh", "models.server_error", true},
      {503, "{}", "models.server_error", true},
      {200, "no json", "models.bad_answer", true},
      {200, R"({"choices":[]})", "models.bad_answer", true},
  };
  for (const auto& one : kCases) {
    answers(one.status, one.body);
    const CallOutcome outcome = call(kAsk);
    ASSERT_FALSE(outcome.answer.ok()) << one.status << one.body;
    EXPECT_EQ(outcome.answer.error().code, one.code) << one.status;
    EXPECT_EQ(outcome.may_have_run, one.may_have_run) << one.status;
    EXPECT_EQ(outcome.status, one.status);
    EXPECT_EQ(outcome.endpoint, url());
  }
  answers(429, "{}", {{"Retry-After", "2"}});
  EXPECT_EQ(call(kAsk).retry_after_us, 2'000'000);
  answers(503, "{}", {{"retry-after-ms", "150"}, {"Retry-After", "9"}});
  EXPECT_EQ(call(kAsk).retry_after_us, 150'000);
}

TEST_F(Remote, ADeadlineEndsAServerThatHangs) {
  use(kChat, "openai");
  handle_ = [this](http::Request&&, http::Responder responder) { kept_ = std::move(responder); };
  const CallOutcome outcome = call(kAsk, 50);
  ASSERT_FALSE(outcome.answer.ok());
  EXPECT_EQ(outcome.answer.error().kind, ErrorKind::kDeadlineExceeded);
  EXPECT_TRUE(outcome.may_have_run);
  EXPECT_EQ(outcome.endpoint, url());
}

TEST_F(Remote, WhatMayWaitIsSentByPriorityAndToldHowLongItWaited) {
  std::promise<void> reached;
  handle_ = [&](http::Request&&, http::Responder responder) {
    kept_ = std::move(responder);
    reached.set_value();
  };
  use(kChat, "openai", "max_concurrent: 1\nmax_waiting: 2\n");
  std::mutex mutex;
  std::vector<std::string> order;
  std::promise<void> all;
  const auto ask = [&](const std::string& name, int32_t priority) {
    CallRequest request;
    request.input = json(kAsk);
    request.deadline_us = INT64_MAX;
    request.priority = priority;
    return model_->call(std::move(request), [&, name](CallOutcome outcome) {
      const std::lock_guard lock(mutex);
      order.push_back(name + (outcome.answer.ok() ? "" : " " + outcome.answer.error().code));
      if (outcome.answer.ok() && name != "first") {
        EXPECT_GT(outcome.answer->queue_us, 0);
      }
      EXPECT_EQ(outcome.may_have_run, outcome.answer.ok());
      if (order.size() == 5) all.set_value();
    });
  };
  ask("first", 0);
  reached.get_future().wait();
  const auto cancel = ask("cancelled", 90);
  ask("low", 25);
  cancel();
  ask("normal", 50);
  ask("high", 75);
  const std::string yes =
      R"({"choices":[{"index":0,"message":{"role":"assistant","content":"yes"},"finish_reason":"stop"}]})";
  answers(200, yes);
  kept_.send({200, "application/json", {}, yes});
  all.get_future().wait();
  client_.stop();  // no callback holds the mutex any more
  EXPECT_EQ(order, (std::vector<std::string>{"cancelled models.cancelled", "low models.backend_busy", "first",
                                             "high", "normal"}));
}

TEST(RetryAfter, UnderstandsSecondsAndDatesUpToAnHour) {
  const int64_t now_us = 1'700'000'000'000'000;  // Tue, 14 Nov 2023 22:13:20 GMT
  const auto with = [&](const char* value) {
    return retry_after_us({429, {{"Retry-After", value}}, {}}, now_us);
  };
  EXPECT_EQ(with("1.5"), 1'500'000);
  EXPECT_EQ(with("Tue, 14 Nov 2023 22:13:50 GMT"), 30'000'000);
  EXPECT_EQ(with("Tue, 14 Nov 2023 22:00:00 GMT"), 0);
  EXPECT_EQ(with("soon"), 0);
  EXPECT_EQ(with("999999999"), 3'600'000'000);
}

TEST(Endpoints, LeavesASickReplicaOutAndNeverMoreThanHalf) {
  BackendSpec spec = backend_of(
      "backend: b@1.0.0\nprotocol: openai\nurls: [http://a, http://b]\n"
      "ejection: { failures: 2, for_ms: 1000 }\n");
  Endpoints endpoints(spec);
  const auto fail = [&](size_t wanted, int64_t now_us) {
    for (int tries = 0; tries < 1000; ++tries) {
      const auto pick = endpoints.begin(now_us);
      if (pick.index != wanted) {
        endpoints.abandon(pick.index);
        continue;
      }
      return endpoints.end(pick.index, false, now_us);
    }
    ADD_FAILURE() << "replica " << wanted << " is never picked";
  };
  fail(0, 0), fail(0, 0);
  EXPECT_TRUE(endpoints.states(1)[0].ejected);
  for (int i = 0; i < 50; ++i) {
    const auto pick = endpoints.begin(1);
    EXPECT_EQ(pick.index, 1u);
    endpoints.end(pick.index, false, 1);  // it fails as well, but somebody must stay
  }
  EXPECT_FALSE(endpoints.states(1)[1].ejected);
  EXPECT_FALSE(endpoints.states(1'000'001)[0].ejected);
  // Back again and sick again: out for longer.
  fail(0, 2'000'000), fail(0, 2'000'000);
  EXPECT_TRUE(endpoints.states(3'500'000)[0].ejected);
}

TEST(Endpoints, PrefersTheReplicaWithLessToDo) {
  Endpoints endpoints(
      backend_of("backend: b@1.0.0\nprotocol: openai\nurls: [http://a, http://b, http://c]\n"));
  for (int i = 0; i < 300; ++i) (void)endpoints.begin(0);
  for (const auto& state : endpoints.states(0)) EXPECT_NEAR(state.under_way, 100, 10) << state.url;
}

TEST(BackendDocument, TellsEveryMistakeAtOnce) {
  Diagnostics mistakes;
  backend_of("backend: Bad Name\nprotocol: opnai\nurl: ftp://x\nauth: { bearer: secret }\ntypo: 1\n",
             &mistakes);
  std::string codes;
  for (const auto& one : mistakes) codes += one.path + " " + one.code + "\n";
  EXPECT_EQ(codes,
            "typo models.unknown_member\nbackend models.bad_name\nprotocol models.unknown_word\n"
            "url models.bad_url\nauth.bearer models.bad_secret\n");
}

TEST(EventReader, GivesEventsWhateverPiecesTheyComeIn) {
  const std::string text = "event: a\ndata: 1\ndata: 2\n\n:x\n\rdata:3\r\n\r\ndata: 4\n";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    EventReader reader;
    std::string seen;
    for (size_t at = 0; at < text.size(); at += piece)
      ASSERT_TRUE(reader
                      .take(std::string_view(text).substr(at, piece),
                            [&](const EventReader::Event& event) -> Status {
                              seen += std::string(event.name) + "[" + std::string(event.data) + "]";
                              return {};
                            })
                      .ok());
    EXPECT_EQ(seen, "a[1\n2][3]") << piece;
    EXPECT_TRUE(reader.in_the_middle());
  }
}

}  // namespace
}  // namespace switchyard::models
