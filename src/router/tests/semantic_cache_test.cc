#include "cache.h"

#include <map>

#include "asked_text.h"
#include "rig.h"

namespace switchyard::router {
namespace {

constexpr int64_t kSecond = 1'000'000;

/// One chat model and an embedding model that knows some texts.
class SemanticCacheTest : public RouterRig {
 protected:
  SemanticCacheTest() : RouterRig(11) { set(); }

  void set(const std::string& more = "", const std::string& cache = "ttl: 60s") {
    RouterRig::set("route: r@1.0.0\ncandidates: { main: m5@1.0.0 }\ncache: { " + cache +
                   ", semantic: { model: embed@1.0.0, similarity: 95% } }\n" + more);
  }
  static std::string chat(const std::string& text, const std::string& more = "") {
    return R"({"messages":[{"role":"system","content":"be kind"},{"role":"user","content":")" + text +
           "\"}]" + more + "}";
  }
  /// Asks, with the models answering at once; gives the code or the answer.
  std::string ask(const std::string& input, const std::string& tenant = "t") {
    caller_.scripts["m5@1.0.0"] = [this] { return answers("\"answer " + std::to_string(++asked_) + "\""); };
    if (!caller_.scripts.contains("embed@1.0.0"))
      caller_.scripts["embed@1.0.0"] = [this] {
        const std::string text(caller_.calls.back()->request.input->find("input")->as_string());
        return answers("{\"embedding\":" + vectors_.at(text) + "}");
      };
    begin(input, tenant);
    return code() == "ok" ? std::string(answer_->answer->output->as_string()) : code();
  }
  std::function<void()> begin(const std::string& input, const std::string& tenant = "t") {
    RouteCall call;
    call.input = parse_json_document(input).value();
    call.tenant = tenant;
    call.decision = "d-" + std::to_string(++decisions_);
    return RouterRig::call(std::move(call));
  }
  size_t embeddings() const {
    size_t count = 0;
    for (const auto& call : caller_.calls) count += call->request.model.name == "embed" ? 1 : 0;
    return count;
  }

  int asked_ = 0, decisions_ = 0;
  const std::map<std::string, std::string> vectors_{
      {"where is my parcel?", "[1, 0, 0]"},    {"my parcel, where is it?", "[9, 1, 0]"},
      {"how do I pay?", "[0, 1, 0]"},          {"nothing", "[0, 0, 0]"},
      {"in another space", "[1, 0]"},          {"no numbers", "[\"a\"]"},
      {"where's the parcel?", "[1, 0.2, 0.2]"}};
};

TEST_F(SemanticCacheTest, AnswersWhatWasAskedInOtherWordsAndNamesTheOriginal) {
  EXPECT_EQ(ask(chat("where is my parcel?")), "answer 1");
  EXPECT_EQ(told("/cache/hit"), "false");
  EXPECT_EQ(told("/cache/embedding/outcome"), R"("answered")");
  EXPECT_EQ(told("/cost"), R"("0.06")") << "the model's five cents and the embedding's one";
  clock_.advance_us(2 * kSecond);
  EXPECT_EQ(ask(chat("my parcel, where is it?")), "answer 1");
  EXPECT_TRUE(answer_->cached);
  EXPECT_EQ(told("/cache/hit"), "true");
  EXPECT_EQ(told("/cache/kind"), R"("semantic")");
  EXPECT_EQ(told("/cache/decision"), R"("d-1")");
  EXPECT_EQ(told("/cache/age_us"), "2000000");
  EXPECT_EQ(told("/cache/similarity").substr(0, 6), "0.9938");
  EXPECT_EQ(told("/attempts"), "[]");
  EXPECT_EQ(told("/cost"), R"("0.01")") << "the embedding's alone";
  const RouteStatus status = router_->status().front();
  EXPECT_EQ(status.cache_similar_hits, 1u);
  EXPECT_EQ(status.cache_misses, 1u);
  EXPECT_EQ(status.cache_entries, 1u);
}

TEST_F(SemanticCacheTest, AnswersTheSameWordsWithoutAnEmbedding) {
  ask(chat("where is my parcel?"));
  EXPECT_EQ(ask(chat("where is my parcel?")), "answer 1");
  EXPECT_EQ(embeddings(), 1u);
  EXPECT_EQ(told("/cache/kind"), R"("exact")");
  EXPECT_EQ(told("/cost"), R"("0")");
}

TEST_F(SemanticCacheTest, LeavesToTheModelWhatIsNotSimilarEnoughAndSaysHowNearItWas) {
  ask(chat("where is my parcel?"));
  EXPECT_EQ(ask(chat("where's the parcel?")), "answer 1") << "0.962";
  EXPECT_EQ(ask(chat("how do I pay?")), "answer 2");
  EXPECT_EQ(told("/cache/similarity"), "absent");
  EXPECT_EQ(ask(chat("my parcel, where is it?")), "answer 1");
}

TEST_F(SemanticCacheTest, AsksForTheRestOfTheRequestToBeEqual) {
  ask(chat("where is my parcel?"));
  EXPECT_EQ(ask(chat("my parcel, where is it?", R"(,"temperature":0.5)")), "answer 2");
  EXPECT_EQ(ask(chat("my parcel, where is it?", R"(,"tools":[{"type":"function"}])")), "answer 3");
  EXPECT_EQ(ask(R"({"messages":[{"role":"user","content":"my parcel, where is it?"}]})"), "answer 4")
      << "without the system's prompt";
  EXPECT_EQ(ask(chat("my parcel, where is it?"), "another tenant"), "answer 5");
}

TEST_F(SemanticCacheTest, ForgetsAfterItsTime) {
  ask(chat("where is my parcel?"));
  clock_.advance_us(61 * kSecond);
  EXPECT_EQ(ask(chat("my parcel, where is it?")), "answer 2");
}

TEST_F(SemanticCacheTest, GoesOnWithoutAnEmbeddingThatFailsOrIsSlow) {
  caller_.scripts["embed@1.0.0"] = [] { return fails(ErrorKind::kUnavailable, "models.unavailable", 503); };
  EXPECT_EQ(ask(chat("where is my parcel?")), "answer 1");
  EXPECT_EQ(told("/cache/embedding/outcome"), R"("failed")");
  EXPECT_EQ(told("/cache/embedding/error"), R"("models.unavailable")");
  for (int i = 0; i < 40; ++i) ask(chat("where is parcel " + std::to_string(i)));
  EXPECT_EQ(told("/cache/embedding/unused"), R"("open")") << "a model that always fails is left alone";
  EXPECT_LT(embeddings(), 25u);
}

TEST_F(SemanticCacheTest, GivesTheEmbeddingAPartOfTheTimeOnly) {
  begin(chat("where is my parcel?"));
  ASSERT_EQ(caller_.calls.size(), 1u);
  EXPECT_EQ(caller_.calls[0]->request.deadline_us, clock_.monotonic_us() + kSecond);
  caller_.end(0, fails(ErrorKind::kDeadlineExceeded, "models.deadline"));
  ASSERT_EQ(caller_.calls.size(), 2u);
  caller_.end(1, answers("5"));
  EXPECT_TRUE(answer_->answer.ok());
  EXPECT_EQ(told("/cache/embedding/cost_estimated"), "true");
}

TEST_F(SemanticCacheTest, KeepsAndFindsNothingByWhatIsNoVector) {
  EXPECT_EQ(ask(chat("nothing")), "answer 1");
  EXPECT_EQ(told("/cache/embedding/unused"), R"("no_vector")");
  EXPECT_EQ(ask(chat("no numbers")), "answer 2");
  EXPECT_EQ(told("/cache/embedding/unused"), R"("no_vector")");
  ask(chat("where is my parcel?"));
  EXPECT_EQ(ask(chat("in another space")), "answer 4");
}

TEST_F(SemanticCacheTest, NeverCallsTextsAlikeThatWereReducedBeforeTheyWereEmbedded) {
  caller_.scripts["embed@1.0.0"] = [] {
    models::CallOutcome outcome = answers(R"({"embedding":[1,0]})");
    outcome.answer->privacy =
        parse_json_document(R"({"policy":"p","removed":[{"what":"email","count":1}],"kept":[]})").value();
    return outcome;
  };
  EXPECT_EQ(ask(chat("the balance of a@example.org")), "answer 1");
  EXPECT_EQ(told("/cache/embedding/unused"), R"("privacy")");
  EXPECT_EQ(ask(chat("the balance of b@example.org")), "answer 2");
}

TEST_F(SemanticCacheTest, ObeysTheSwitchOfTheEmbeddingModel) {
  killed_ = [](const KillQuery& query) {
    return std::string(query.model != nullptr && query.model->name == "embed" ? "drill" : "");
  };
  EXPECT_EQ(ask(chat("where is my parcel?")), "answer 1");
  EXPECT_EQ(told("/cache/embedding/unused"), R"("killed: drill")");
  EXPECT_EQ(embeddings(), 0u);
}

TEST_F(SemanticCacheTest, ChargesTheEmbeddingToTheBudgetAndDoesWithoutWhenItIsSpent) {
  set("budget: { route: { day: 0.115 } }\n");
  ask(chat("where is my parcel?"));
  const auto spent = [&] { return ledger_->spends().front().spent.to_string(); };
  EXPECT_EQ(spent(), "0.06");
  ask(chat("my parcel, where is it?"));
  EXPECT_EQ(spent(), "0.07");
  for (int i = 0; i < 4; ++i) ask(chat("my parcel, where is it?"));
  EXPECT_EQ(spent(), "0.11");
  EXPECT_EQ(ask(chat("my parcel, where is it?")), "router.budget");
  EXPECT_EQ(told("/cache/embedding/unused"), R"("budget")");
}

TEST_F(SemanticCacheTest, CancelsTheEmbeddingWithTheCallAndCountsWhatItMayHaveCost) {
  const auto cancel = begin(chat("where is my parcel?"));
  EXPECT_EQ(caller_.log(), "embed@1.0.0:running");
  cancel();
  EXPECT_EQ(caller_.log(), "embed@1.0.0:cancelled");
  ASSERT_TRUE(answer_.has_value());
  EXPECT_EQ(answer_->answer.error().code, "models.cancelled");
  EXPECT_EQ(told("/cache/embedding/outcome"), R"("abandoned")");
  EXPECT_EQ(told("/cost"), R"("0.01")");
}

TEST_F(SemanticCacheTest, EndsAtTheDeadlineWhileItWaitsForTheEmbedding) {
  set("deadline: 500ms\n");
  begin(chat("where is my parcel?"));
  timers_.advance(kSecond);
  ASSERT_TRUE(answer_.has_value());
  EXPECT_EQ(answer_->answer.error().code, "router.deadline");
}

TEST_F(SemanticCacheTest, ComparesNoVectorsOfDifferentModels) {
  ask(chat("where is my parcel?"));
  RouterRig::set(
      "route: r@1.0.0\ncandidates: { main: m5@1.0.0 }\ncache: { semantic: { model: embed@1.0.0, "
      "similarity: 95%, at: /messages/1/content } }\n");
  EXPECT_EQ(ask(chat("my parcel, where is it?")), "answer 2") << "another place of the text is another space";
}

models::ModelAnswer answer_of(const std::string& json) { return *answers(json).answer; }

Likeness likeness(float x, float y, uint8_t rest = 0) {
  Likeness one;
  one.rest[0] = rest;
  one.vector = std::make_shared<const UnitVector>(UnitVector{x, y});
  return one;
}

Sha256 key_of(uint8_t n) {
  Sha256 key{};
  key[0] = n;
  return key;
}

TEST(AnswerCache, KeepsTheMostRecentlyUsedOfOneRest) {
  Cache settings;
  settings.ttl_us = kSecond;
  settings.semantic.emplace().entries = 2;
  AnswerCache cache(settings);
  cache.put(key_of(1), answer_of("1"), "one", 0, likeness(1, 0));
  cache.put(key_of(2), answer_of("2"), "two", 0, likeness(0, 1));
  EXPECT_EQ(cache.find_similar(likeness(1, 0), 0.9, 1).hit->decision, "one");
  cache.put(key_of(3), answer_of("3"), "three", 0, likeness(-1, 0));
  EXPECT_FALSE(cache.find_similar(likeness(0, 1), 0.9, 1).hit) << "the least recently used went";
  EXPECT_TRUE(cache.find_similar(likeness(1, 0), 0.9, 1).hit);
  cache.put(key_of(4), answer_of("4"), "four", 0, likeness(0, 1, 7));
  EXPECT_EQ(cache.stats().entries, 3u) << "another rest has its own places";
  EXPECT_FALSE(cache.find(key_of(2), 1));
  EXPECT_TRUE(cache.find(key_of(3), 1));
}

TEST(AnswerCache, HoldsItsBytesWithTheVectors) {
  Cache settings;
  settings.ttl_us = kSecond;
  settings.bytes = 20'000;
  settings.semantic.emplace();
  AnswerCache cache(settings);
  for (uint8_t i = 0; i < 50; ++i) {
    Likeness one;
    one.vector = std::make_shared<const UnitVector>(UnitVector(1000, 0.5F));
    cache.put(key_of(i), answer_of("1"), "d", 0, std::move(one));
  }
  EXPECT_LE(cache.stats().bytes, 20'000u);
  EXPECT_GE(cache.stats().entries, 3u);
}

TEST(AnswerCache, GivesNothingAsUsed) {
  Cache settings;
  settings.ttl_us = kSecond;
  AnswerCache cache(settings);
  models::ModelAnswer answer = answer_of("1");
  answer.run_us = answer.queue_us = 500;
  answer.endpoint = "https://models.example";
  answer.usage.output_tokens = 9;
  cache.put(key_of(1), answer, "d", 0);
  const models::ModelAnswer kept = cache.find(key_of(1), 1)->answer;
  EXPECT_EQ(kept.run_us + kept.queue_us + kept.usage.output_tokens, 0);
  EXPECT_EQ(kept.endpoint, "");
}

TEST(AnswerCache, SaysOfAChatThatNothingWasUsed) {
  Cache settings;
  settings.ttl_us = kSecond;
  AnswerCache cache(settings);
  const auto given = [&](models::ModelKind kind) {
    models::ModelAnswer answer = answer_of(
        R"({"text":"5","usage":{"prompt_tokens":3,"prompt_tokens_details":{"cached_tokens":2},"total_tokens":4}})");
    auto info = std::make_shared<models::ModelInfo>();
    info->manifest.kind = kind;
    answer.model = info;
    cache.put(key_of(1), answer, "d", 0);
    return to_json(*cache.find(key_of(1), 1)->answer.output);
  };
  EXPECT_EQ(
      given(models::ModelKind::kChat),
      R"({"text":"5","usage":{"prompt_tokens":0,"prompt_tokens_details":{"cached_tokens":0},"total_tokens":0}})");
  EXPECT_NE(given(models::ModelKind::kValue).find(R"("total_tokens":4)"), std::string::npos)
      << "of other models it may mean anything";
}

std::string rest_of(const std::string& input, const std::string& pointer = "") {
  const Document document = parse_json_document(input).value();
  const auto taken = take_text(*document, pointer);
  return taken ? std::string(taken->text) + " | " + to_json(*taken->rest) : "none";
}

TEST(AskedText, IsWhatTheUserSaidLast) {
  EXPECT_EQ(rest_of(R"({"messages":[{"role":"user","content":"a"},{"role":"user","content":"b"}],"n":1})"),
            R"(b | {"messages":[{"role":"user","content":"a"},{"role":"user","content":null}],"n":1})");
  EXPECT_EQ(rest_of(R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]})"),
            R"(a | {"messages":[{"role":"user","content":null},{"role":"assistant","content":"b"}]})");
  EXPECT_EQ(rest_of(R"({"messages":[{"role":"user","content":[{"type":"text","text":"what is it?"},)"
                    R"({"type":"image_url","image_url":"x"}]}]})"),
            R"(what is it? | {"messages":[{"role":"user","content":[{"type":"text","text":null},)"
            R"({"type":"image_url","image_url":"x"}]}]})");
  EXPECT_EQ(rest_of(R"({"a":{"b":["x","y"]}})", "/a/b/1"), R"(y | {"a":{"b":["x",null]}})");
}

TEST(AskedText, IsNoneWhereItsPlaceHoldsNone) {
  EXPECT_EQ(rest_of(R"({"messages":[{"role":"user","content":"a"},{"role":"user","content":null}]})"),
            "none");
  EXPECT_EQ(rest_of(R"({"messages":[{"role":"system","content":"a"}]})"), "none");
  EXPECT_EQ(rest_of(R"({"messages":[{"role":"user","content":""}]})"), "none");
  EXPECT_EQ(rest_of(R"({"question":5})", "/question"), "none");
  EXPECT_EQ(rest_of("5"), "none");
}

}  // namespace
}  // namespace switchyard::router
