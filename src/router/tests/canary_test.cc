#include <cmath>
#include <map>

#include "rig.h"

// Canaries and experiments through the router.
namespace switchyard::router {
namespace {

class CanaryTest : public RouterRig {
 protected:
  CanaryTest() : RouterRig(11) {}

  void call(uint64_t key) {
    RouteCall call;
    call.sticky_key = std::to_string(key);
    call.input = Document(Value::integer(1));
    RouterRig::call(std::move(call));
    ++counts_[std::string(answer_->provenance->find("candidate")->as_string())];
  }

  std::map<std::string, int> counts_;
};

constexpr const char* kCanary =
    "route: r@1.0.0\ncandidates: { main: m1@1.0.0, next: { model: m2@1.0.0, weight: 0 } }\nbreaker: false\n"
    "canary: { candidate: next, against: main, steps: [10%, 50%, 100%], hold: 1m, min_calls: 20";

TEST_F(CanaryTest, TakesItsShareStepByStepAndTellsEachOnce) {
  caller_.scripts["m1@1.0.0"] = caller_.scripts["m2@1.0.0"] = [] { return answers("1"); };
  set(std::string(kCanary) + " }\n");
  uint64_t key = 0;
  const auto minute_of_calls = [&] {
    counts_.clear();
    for (int i = 0; i < 600; ++i) {
      call(key++);
      clock_.advance_us(100'000);
    }
    router_->tick();
  };
  minute_of_calls();
  EXPECT_NEAR(counts_["next"], 60, 3 * std::sqrt(600 * 0.1 * 0.9));
  EXPECT_EQ(kinds(), "begun promoted");
  minute_of_calls();
  EXPECT_NEAR(counts_["next"], 300, 3 * std::sqrt(600 * 0.25));
  minute_of_calls();
  EXPECT_EQ(counts_["next"], 600);
  EXPECT_EQ(kinds(), "begun promoted promoted finished");
  EXPECT_EQ(router_->status()[0].canary->phase, CanaryState::Phase::kFinished);
  EXPECT_EQ(router_->status()[0].candidates[1].share, 1);
}

TEST_F(CanaryTest, MovesOnlyKeysTowardsTheCanaryFromStepToStep) {
  caller_.scripts["m1@1.0.0"] = caller_.scripts["m2@1.0.0"] = [] { return answers("1"); };
  std::map<uint64_t, std::string> where;
  for (uint32_t step = 0; step < 3; ++step) {
    CanaryState state;
    state.step = step, state.started_us = state.step_began_us = clock_.now_us();
    set(std::string(kCanary) + " }\n", {.canary = state, .force_canary = true});
    for (uint64_t key = 0; key < 300; ++key) {
      counts_.clear();
      call(key);
      const std::string& now = counts_.begin()->first;
      EXPECT_TRUE(where[key] != "next" || now == "next") << key;
      where[key] = now;
    }
  }
}

TEST_F(CanaryTest, RollsBackWhenTheCandidateFailsAndSendsNothingMore) {
  caller_.scripts["m1@1.0.0"] = [] { return answers("1"); };
  caller_.scripts["m2@1.0.0"] = [] { return fails(ErrorKind::kInternal, "models.failed", 500); };
  set(std::string(kCanary) + " }\n");
  for (uint64_t key = 0; key < 2000; ++key) call(key);
  EXPECT_EQ(kinds(), "begun rolled_back");
  EXPECT_EQ(canary_[1].candidate, "next");
  EXPECT_EQ(canary_[1].reason.substr(0, 11), "error_rate:");
  EXPECT_GT(canary_[1].evidence->at_pointer("/error_rate/log_evidence")->as_double(), 3);
  const int before = counts_["next"];
  EXPECT_LT(before, 60);
  for (uint64_t key = 0; key < 500; ++key) call(key);
  EXPECT_EQ(counts_["next"], before);
}

TEST_F(CanaryTest, RollsBackWhenPeopleOverruleIt) {
  caller_.scripts["m1@1.0.0"] = caller_.scripts["m2@1.0.0"] = [] { return answers("1"); };
  set(std::string(kCanary) + ", guards: { override_rate: 2% } }\n");
  for (uint64_t key = 0; key < 400; ++key) call(key);
  for (int i = 0; i < 200; ++i) {
    router_->feedback("r", "main", i % 20 == 0, std::nullopt);
    router_->feedback("r", "next", i % 3 == 0, std::nullopt);
  }
  EXPECT_EQ(kinds(), "begun rolled_back");
}

TEST_F(CanaryTest, LearnsFromReviewsWhatPeopleOverrule) {
  caller_.scripts["m1@1.0.0"] = caller_.scripts["m2@1.0.0"] = [] { return answers("0.5"); };
  EXPECT_FALSE(router_->learns_from_reviews());
  set(std::string(kCanary) +
      ", guards: { override_rate: 2% } }\n"
      "overruled: { by: opinion, when: 'answer.fraud != (output > 0.4)' }\n");
  EXPECT_TRUE(router_->learns_from_reviews());
  for (uint64_t key = 0; key < 400; ++key) call(key);
  const Document fraud = parse_json_document(R"({"fraud":true})").value();
  const Document fair = parse_json_document(R"({"fraud":false})").value();
  const Document output = Document(Value::real(0.5));
  const auto judge = [&](const char* candidate, const char* model, const char* review,
                         const Document& answer) {
    return router_->judge({{"r", candidate, model, review, true, "", *answer, *output}}, 0, 0);
  };
  EXPECT_TRUE(judge("next", "m2@1.0.0", "another", fair).ok());
  EXPECT_TRUE(judge("next", "m2@2.0.0", "opinion", fair).ok()) << "another version of the model";
  EXPECT_TRUE(judge("nobody", "m2@1.0.0", "opinion", fair).ok());
  EXPECT_FALSE(judge("next", "m2@1.0.0", "opinion", output).ok()) << "an answer without `fraud`";
  const auto counted = [&] {
    return router_->status()[0].canary_evidence->at_pointer("/override_rate/candidate_calls");
  };
  EXPECT_EQ(counted(), nullptr) << "none of these counts";
  for (int i = 0; i < 200; ++i) {
    EXPECT_TRUE(judge("main", "m1@1.0.0", "opinion", i % 20 == 0 ? fair : fraud).ok());
    EXPECT_TRUE(judge("next", "m2@1.0.0", "opinion", i % 3 == 0 ? fair : fraud).ok());
  }
  EXPECT_EQ(kinds(), "begun rolled_back");
  EXPECT_EQ(canary_[1].reason.substr(0, 14), "override_rate:");
}

TEST_F(CanaryTest, AsksTheIncumbentTooAndRollsBackOnDisagreement) {
  caller_.scripts["m1@1.0.0"] = [] { return answers("1"); };
  caller_.scripts["m2@1.0.0"] = [] { return answers("2"); };
  set(std::string(kCanary) + ", compare_share: 100%, guards: { disagreement: 10% } }\n");
  for (uint64_t key = 0; key < 1000 && canary_.size() < 2; ++key) call(key);
  EXPECT_EQ(kinds(), "begun rolled_back");
  EXPECT_EQ(canary_[1].reason.substr(0, 13), "disagreement:");
}

TEST_F(CanaryTest, CountsTheArmsOfAnExperiment) {
  caller_.scripts["m1@1.0.0"] = [] { return answers("1"); };
  caller_.scripts["m2@1.0.0"] = [] { return fails(ErrorKind::kInternal, "models.failed", 500); };
  set("route: r@1.0.0\ncandidates: { a: m1@1.0.0, b: m2@1.0.0 }\nbreaker: false\n"
      "experiment: { control: a, arms: [b], metric: failure, min_calls: 50 }\n");
  for (uint64_t key = 0; key < 400; ++key) call(key);
  const Document report = router_->status()[0].experiment;
  EXPECT_EQ(report->at_pointer("/arms/0/mean")->as_double(), 1);
  EXPECT_EQ(report->at_pointer("/control/mean")->as_double(), 0);
  EXPECT_EQ(report->at_pointer("/control/n")->as_integer() + report->at_pointer("/arms/0/n")->as_integer(),
            400);
}

}  // namespace
}  // namespace switchyard::router
