#include "switchyard/router/evidence.h"

#include <gtest/gtest.h>

#include "fakes.h"
#include "switchyard/log/memory_log.h"
#include "switchyard/router/router.h"

namespace switchyard::router {
namespace {

/// A router that is started anew over the same log of evidence.
class EvidenceTest : public ::testing::Test {
 protected:
  EvidenceTest() : random_(5) { start(); }
  ~EvidenceTest() override { router_->stop(); }

  void start() {
    if (router_ != nullptr) router_->stop();
    router_.reset();
    log_.reset();
    log_ = EvidenceLog::open(logs_->acquire(PartitionId{0}).value(), clock_).value();
    timers_ = std::make_unique<ManualTimers>(clock_);
    Router::Options options;
    options.caller = &caller_;
    options.clock = &clock_;
    options.timers = timers_.get();
    options.random = &random_;
    options.evidence = log_->kept();
    options.on_canary = [this](const CanaryDecision& decision) {
      state_ = decision.state;
      decisions_.emplace_back(canary_decision_name(decision.kind));
    };
    router_ = std::make_unique<Router>(options);
  }
  void set(const std::string& document, std::optional<CanaryState> state = {}) {
    router_->set_routes({{route_of(document), {}, state, false}});
  }
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
      RouteCall call;
      call.route = "r";
      call.sticky_key = std::to_string(next_++);
      call.input = Document(Value::integer(1));
      router_->call(std::move(call), [](const RouteAnswer&) {});
    }
  }
  std::string evidence() const { return to_json(*router_->status().front().canary_evidence); }
  std::string experiment() const { return to_json(*router_->status().front().experiment); }

  testing::ManualClock clock_;
  testing::SeededRandom random_;
  FakeCaller caller_;
  std::unique_ptr<log::MemoryLogs> logs_ = log::MemoryLogs::create();
  std::unique_ptr<EvidenceLog> log_;
  std::unique_ptr<ManualTimers> timers_;
  std::optional<CanaryState> state_;
  std::vector<std::string> decisions_;
  std::unique_ptr<Router> router_;
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
  set(kCanary, state_);
  EXPECT_EQ(evidence(), before);
  calls(50);
  EXPECT_NE(evidence(), before);
  EXPECT_EQ(decisions_, std::vector<std::string>{"begun"}) << "it does not begin again";
}

TEST_F(EvidenceTest, OfBeforeARestartCountsForTheGuards) {
  set(kCanary);
  calls(60, 5);
  ASSERT_EQ(decisions_, std::vector<std::string>{"begun"}) << "not enough yet";
  keep(true);
  start();
  set(kCanary, state_);
  calls(60, 5);
  EXPECT_EQ(decisions_, (std::vector<std::string>{"begun", "rolled_back"}));
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
  CanaryState other = *state_;
  other.started_us += 1;
  set(kCanary, other);
  EXPECT_NE(evidence(), before) << "one that began at another time";
  EXPECT_NE(evidence().find(R"("keys":0)"), std::string::npos) << evidence();

  start();
  std::string text = kCanary;
  text.replace(text.find("30%"), 3, "20%");
  set(text, state_);
  EXPECT_NE(evidence().find(R"("keys":0)"), std::string::npos) << "other steps";
}

TEST_F(EvidenceTest, OfAnEarlierStepKeepsWhatHoldsForAll) {
  set(kCanary);
  calls(200);
  keep(true);
  CanaryState promoted = *state_;
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
  EXPECT_EQ(router_->status().front().canary->started_us, state_->started_us);
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
    set(kCanary, state_);
  }
  const Value calls = *router_->status().front().canary_evidence->at_pointer("/calls_in_step");
  EXPECT_GT(calls.as_integer(), 60);
  log_->retain({"another"});
  EXPECT_TRUE(log_->kept().empty());
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
  set(kCanary, state_);
  EXPECT_NE(evidence().find(R"("keys":0)"), std::string::npos);
}

}  // namespace
}  // namespace switchyard::router
