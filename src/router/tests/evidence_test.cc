#include "switchyard/router/evidence.h"

#include "rig.h"
#include "switchyard/log/memory_log.h"

namespace switchyard::router {
namespace {

/// A router that is started anew over the same log of evidence.
class EvidenceTest : public RouterRig {
 protected:
  EvidenceTest() : RouterRig(5) { start(); }

  void start() {
    log_.reset();
    log_ = EvidenceLog::open(logs_->acquire(PartitionId{0}).value(), clock_).value();
    options_.evidence = log_->kept();
    make();
  }
  void set(const std::string& document, std::optional<CanaryState> state = {}) {
    RouterRig::set(document, {.canary = state});
  }
  /// As the governance log would have it.
  CanaryState state() const { return canary_.back().state; }
  void keep(bool all = false) { ASSERT_TRUE(log_->keep(router_->evidence(all)).ok()); }
  void calls(int count, int failures = 0) {
    caller_.scripts["m1@1.0.0"] = [this] {
      clock_.advance_us(1000 + next_ % 7 * 10);
      return answers("1");
    };
    int failed = 0;
    caller_.scripts["m2@1.0.0"] = [&, this] {
      clock_.advance_us(1500 + next_ % 7 * 10);
      return failed++ < failures ? fails(ErrorKind::kUnavailable, "models.x", 500) : answers("1");
    };
    for (int i = 0; i < count; ++i) {
      RouteCall one;
      one.sticky_key = std::to_string(next_++);
      one.input = Document(Value::integer(1));
      call(std::move(one));
    }
  }
  /// Of a person who says that 1 is right.
  static Judgement judgement(std::string_view candidate, int64_t output) {
    const std::string_view model = candidate == "main" ? "m1@1.0.0" : "m2@1.0.0";
    return {"r", candidate, model, "opinion", true, "", Value::integer(1), Value::integer(output)};
  }
  /// Of the canary: how many of how many.
  std::string overrules() const {
    const Document all = router_->status().front().canary_evidence;
    const Value& guard = *all->find("override_rate");
    const Value* counted = guard.find("candidate_calls");
    const int64_t calls = counted == nullptr ? 0 : counted->as_integer();
    const double rate = guard.find("candidate")->to_double();
    return std::to_string(static_cast<int64_t>(rate * static_cast<double>(calls) + 0.5)) + "/" +
           std::to_string(calls);
  }
  std::string evidence() const { return to_json(*router_->status().front().canary_evidence); }
  std::string experiment() const { return to_json(*router_->status().front().experiment); }

  std::unique_ptr<log::MemoryLogs> logs_ = log::MemoryLogs::create();
  std::unique_ptr<EvidenceLog> log_;
  int next_ = 0;
};

constexpr const char* kCanary =
    "route: r@1.0.0\ncandidates: { main: m1@1.0.0, next: { model: m2@1.0.0, weight: 0 } }\nbreaker: false\n"
    "retry: { attempts: 1 }\n"
    "canary: { candidate: next, against: main, steps: [30%, 100%], hold: 1h, min_calls: 400,\n"
    "  guards: { error_rate: 1%, latency: { quantile: p90 }, cost: 3, override_rate: 2% } }\n";

TEST_F(EvidenceTest, OfACanaryGoesOnAfterARestart) {
  set(kCanary);
  calls(400);
  router_->feedback("r", "next", true, {});
  router_->feedback("r", "main", false, {});
  keep(true);
  const std::string before = evidence();
  start();
  set(kCanary, state());
  EXPECT_EQ(evidence(), before);
  calls(50);
  EXPECT_NE(evidence(), before);
  EXPECT_EQ(kinds(), "begun") << "it does not begin again";
}

TEST_F(EvidenceTest, OfBeforeARestartCountsForTheGuards) {
  set(kCanary);
  calls(60, 5);
  ASSERT_EQ(kinds(), "begun") << "not enough yet";
  keep(true);
  start();
  set(kCanary, state());
  calls(60, 5);
  EXPECT_EQ(kinds(), "begun rolled_back");
}

constexpr const char* kJudged =
    "route: r@1.0.0\ncandidates: { main: m1@1.0.0, next: { model: m2@1.0.0, weight: 0 } }\n"
    "canary: { candidate: next, against: main, steps: [50%, 100%], hold: 1h, guards: { override_rate: 50% } "
    "}\n"
    "overruled: { by: opinion, when: answer != output }\n";

TEST_F(EvidenceTest, OfReviewsIsKeptWithHowFarTheyWereRead) {
  set(kJudged);
  calls(1);
  EXPECT_FALSE(router_->reviews_read(3).has_value());
  ASSERT_TRUE(router_->judge({judgement("next", 1), judgement("next", 2)}, 3, 700).ok());
  ASSERT_TRUE(router_->judge({}, 5, 0).ok());
  keep();
  ASSERT_TRUE(router_->judge({judgement("next", 2)}, 3, 900).ok());
  ASSERT_EQ(overrules(), "2/3");
  start();
  set(kJudged, state());
  EXPECT_EQ(overrules(), "1/2") << "what came since is not kept";
  EXPECT_EQ(router_->reviews_read(3), 700u) << "so it will be read again";
  EXPECT_EQ(router_->reviews_read(5), 0u);
  log_->retain({"another"});
  start();
  EXPECT_EQ(router_->reviews_read(3), 700u) << "whatever routes there are";
}

TEST_F(EvidenceTest, ThatWasWrittenByHalfIsThatOfBefore) {
  set(kJudged);
  calls(1);
  ASSERT_TRUE(router_->judge({judgement("next", 2)}, 3, 700).ok());
  keep(true);
  ASSERT_TRUE(router_->judge({judgement("next", 2)}, 3, 900).ok());
  // A crash took the end of what was told together, for it did not fit one batch.
  auto told = router_->evidence(true);
  log_.reset();
  auto log = logs_->acquire(PartitionId{0}).value();
  log::RecordBatch batch;
  log::RecordHeader header;
  header.version = 1;
  header.type = static_cast<uint8_t>(told.front().part);
  ASSERT_TRUE(batch.add(header, "\1r" + told.front().bytes).ok());
  ASSERT_TRUE(log->append(std::move(batch), [](const Status&, LogOffset) {}).ok());
  ASSERT_TRUE(log->close().ok());
  log.reset();
  start();
  set(kJudged, state());
  EXPECT_EQ(overrules(), "1/1");
  EXPECT_EQ(router_->reviews_read(3), 700u);
}

TEST_F(EvidenceTest, OfAnAnswerOutOfACacheCountsOnce) {
  const std::string cached = std::string(kJudged) + "cache: { ttl: 1h }\n";
  set(cached);
  calls(1);
  auto again = judgement("next", 2);
  again.made_for = "one";
  ASSERT_TRUE(router_->judge({again, again}, 0, 1).ok());
  EXPECT_EQ(overrules(), "1/1");
  keep();
  start();
  set(cached, state());
  auto another = again;
  another.made_for = "two";
  ASSERT_TRUE(router_->judge({again, another}, 0, 2).ok());
  EXPECT_EQ(overrules(), "2/2");
  keep();
  start();
  set(kJudged, state());
  ASSERT_TRUE(router_->judge({again, again}, 0, 3).ok());
  EXPECT_EQ(overrules(), "4/4") << "without a cache every answer is one of its own";
}

TEST_F(EvidenceTest, OfOnBreachCountsWhereTheRouteSaysSo) {
  set(kJudged);
  calls(1);
  auto nobodys = judgement("next", 2);
  nobodys.by_person = false;
  ASSERT_TRUE(router_->judge({nobodys}, 0, 1).ok());
  EXPECT_EQ(overrules(), "0/0");
  std::string text = kJudged;
  text.replace(text.find("by: opinion"), 11, "by: opinion, on_breach: true");
  set(text, state());
  ASSERT_TRUE(router_->judge({nobodys}, 0, 2).ok());
  EXPECT_EQ(overrules(), "1/1");
}

TEST_F(EvidenceTest, IsToldWhenItChanges) {
  set(kCanary);
  EXPECT_TRUE(router_->evidence(false).empty()) << "nothing has begun";
  calls(100);
  EXPECT_EQ(router_->evidence(false).size(), 2u) << "the canary and its keys";
  EXPECT_TRUE(router_->evidence(false).empty());
  calls(3);
  const auto little = router_->evidence(false);
  ASSERT_EQ(little.size(), 1u) << "the keys are told when there are notably more";
  EXPECT_EQ(little[0].part, EvidencePart::kCanary);
  EXPECT_EQ(router_->evidence(false).size(), 1u) << "or when no more come";
  calls(50);
  EXPECT_EQ(router_->evidence(false).size(), 2u);
}

TEST_F(EvidenceTest, OfAnotherCanaryIsNotTaken) {
  set(kCanary);
  calls(200);
  keep(true);
  const std::string before = evidence();
  start();
  CanaryState other = state();
  other.started_us += 1;
  set(kCanary, other);
  EXPECT_NE(evidence(), before) << "one that began at another time";
  EXPECT_NE(evidence().find(R"("keys":0)"), std::string::npos) << evidence();

  start();
  std::string text = kCanary;
  text.replace(text.find("30%"), 3, "20%");
  set(text, state());
  EXPECT_NE(evidence().find(R"("keys":0)"), std::string::npos) << "other steps";
}

TEST_F(EvidenceTest, OfAnEarlierStepKeepsWhatHoldsForAll) {
  set(kCanary);
  calls(200);
  keep(true);
  CanaryState promoted = state();
  promoted.step = 1;
  start();
  set(kCanary, promoted);
  const Document now = router_->status().front().canary_evidence;
  EXPECT_EQ(now->at_pointer("/calls_in_step")->as_integer(), 0);
  EXPECT_EQ(now->at_pointer("/sample_ratio/keys")->as_integer(), 0);
  EXPECT_GT(now->at_pointer("/error_rate/candidate_calls")->as_integer(), 30);
}

TEST_F(EvidenceTest, PutsACanaryWhereItWasThatNobodyElseRemembers) {
  set(kCanary);
  calls(200);
  keep(true);
  start();
  std::string text = kCanary;
  text.replace(text.find("r@1.0.0"), 7, "r@1.0.1");
  set(text);
  EXPECT_EQ(router_->status().front().canary->started_us, state().started_us);
}

TEST_F(EvidenceTest, OfAnExperimentGoesOnAfterARestart) {
  const std::string route =
      "route: r@1.0.0\ncandidates: { a: m1@1.0.0, b: m2@1.0.0 }\n"
      "experiment: { control: a, arms: [b], metric: latency, min_calls: 20 }\n";
  set(route);
  calls(200);
  const std::string before = experiment();
  keep();
  start();
  set(route);
  EXPECT_EQ(experiment(), before);
  EXPECT_NE(before.find(R"("decided":true)"), std::string::npos) << before;
  start();
  set(route + "sticky: none\n");
  EXPECT_EQ(experiment(), before) << "the same comparison";
  start();
  std::string other = route;
  other.replace(other.find("latency"), 7, "failure");
  set(other);
  EXPECT_NE(experiment().find(R"("n":0)"), std::string::npos);
}

TEST_F(EvidenceTest, SurvivesManyRestartsAndForgetsRoutesThatAreGone) {
  set(kCanary);
  for (int i = 0; i < 20; ++i) {
    calls(20);
    keep();
    start();
    set(kCanary, state());
  }
  const Value calls = *router_->status().front().canary_evidence->at_pointer("/calls_in_step");
  EXPECT_GT(calls.as_integer(), 60);
  log_->retain({"another"});
  EXPECT_FALSE(log_->kept().contains("r"));
}

TEST_F(EvidenceTest, RefusesALogThatIsNoneOfItsOwn) {
  auto log = logs_->acquire(PartitionId{1}).value();
  log::RecordBatch batch;
  log::RecordHeader header;
  header.version = 1;
  header.type = 9;
  ASSERT_TRUE(batch.add(header, "x").ok());
  ASSERT_TRUE(log->append(std::move(batch), [](const Status&, LogOffset) {}).ok());
  ASSERT_TRUE(log->close().ok());
  log.reset();
  const auto opened = EvidenceLog::open(logs_->acquire(PartitionId{1}).value(), clock_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, "router.bad_evidence");
}

TEST_F(EvidenceTest, ThatCannotBeReadIsNone) {
  set(kCanary);
  calls(200);
  auto told = router_->evidence(true);
  for (Evidence& each : told) each.bytes.resize(each.bytes.size() / 2);
  ASSERT_TRUE(log_->keep(std::move(told)).ok());
  start();
  set(kCanary, state());
  EXPECT_NE(evidence().find(R"("keys":0)"), std::string::npos);
}

}  // namespace
}  // namespace switchyard::router
