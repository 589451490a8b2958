#include "switchyard/router/router.h"

#include "rig.h"

namespace switchyard::router {
namespace {

constexpr int64_t kMs = 1000;

class RouterTest : public RouterRig {
 protected:
  RouterTest() : RouterRig(7) {}
};

constexpr const char* kOne = "route: r@1.0.0\ncandidates: { main: m1@1.0.0 }\n";
constexpr const char* kTwo =
    "route: r@1.0.0\ncandidates: { main: m1@1.0.0, spare: { model: m2@1.0.0, weight: 0 } }\nfallbacks: "
    "[spare]\n";

TEST_F(RouterTest, AnswersAndTellsHow) {
  set(kOne);
  call();
  ASSERT_EQ(caller_.calls.size(), 1u);
  EXPECT_EQ(caller_.calls[0]->request.deadline_us, 30'000 * kMs);
  clock_.advance_us(5 * kMs);
  caller_.end(0, answers(R"({"score":0.5})"));
  ASSERT_EQ(code(), "ok");
  EXPECT_EQ(to_json(*answer_->answer->output), R"({"score":0.5})");
  EXPECT_EQ(
      to_json(*answer_->provenance),
      R"({"route":"r@1.0.0","candidate":"main","model":"m1@1.0.0","why":"only","attempts":[{"candidate":)"
      R"("main","model":"m1@1.0.0","why":"first","began_us":0,"took_us":5000,"outcome":"answered","cost":)"
      R"("0.01"}],"cost":"0.01","currency":"EUR","took_us":5000})");
  EXPECT_EQ(timers_.waiting(), 0u) << "the deadline's timer is gone";
}

TEST_F(RouterTest, KnowsNoRouteThatIsNotThere) {
  set(kOne);
  std::string code;
  RouteCall other;
  other.route = "other";
  router_->call(std::move(other), [&](RouteAnswer answer) { code = answer.answer.error().code; });
  EXPECT_EQ(code, "router.no_route");
}

TEST_F(RouterTest, AsksAModelWithoutARouteDirectly) {
  set(kOne);
  RouteCall call;
  call.route = "lone";
  call.implicit = Route::implicit({"lone", "2.0.0"});
  call.input = Document(Value::integer(1));
  std::string told;
  router_->call(std::move(call),
                [&](RouteAnswer answer) { told = to_json(*answer.provenance->find("route")); });
  caller_.end(0, answers("1"));
  EXPECT_EQ(told, R"("lone@2.0.0")");
}

TEST_F(RouterTest, RepeatsWhatIsSafeAfterAPause) {
  set(kOne);
  call();
  caller_.end(0, fails(ErrorKind::kUnavailable, "models.unavailable", 503));
  EXPECT_EQ(caller_.calls.size(), 1u);
  timers_.advance(60 * kMs);
  ASSERT_EQ(caller_.calls.size(), 2u);
  caller_.end(1, answers("1"));
  EXPECT_EQ(code(), "ok");
  EXPECT_EQ(told("/attempts/0/error"), R"("models.unavailable")");
  EXPECT_EQ(told("/attempts/0/status"), "503");
  EXPECT_EQ(told("/attempts/1/why"), R"("retry")");
  EXPECT_EQ(told("/cost"), R"("0.01")") << "a refused call costs nothing";
}

TEST_F(RouterTest, DoesNotRepeatWhatMayHaveRun) {
  set(kOne);
  call();
  caller_.end(0, fails(ErrorKind::kInternal, "models.failed", 500));
  EXPECT_EQ(code(), "models.failed");
  EXPECT_EQ(caller_.calls.size(), 1u);
}

TEST_F(RouterTest, HonoursRetryAfter) {
  set(kOne);
  call();
  caller_.end(0, fails(ErrorKind::kResourceExhausted, "models.rate_limited", 429, true, 3'000 * kMs));
  timers_.advance(2'999 * kMs);
  EXPECT_EQ(caller_.calls.size(), 1u);
  timers_.advance(1 * kMs);
  EXPECT_EQ(caller_.calls.size(), 2u);
  caller_.end(1, answers("1"));
  EXPECT_EQ(code(), "ok");
}

TEST_F(RouterTest, DoesNotWaitPastTheDeadlineForARetry) {
  set(kOne);
  call();
  caller_.end(0, fails(ErrorKind::kResourceExhausted, "models.rate_limited", 429, true, 60'000 * kMs));
  EXPECT_EQ(code(), "models.rate_limited");
  EXPECT_EQ(answer_->retry_after_us, 60'000 * kMs);
}

TEST_F(RouterTest, FallsBackAndLeavesAnOutOfCreditModelAlone) {
  set(kTwo);
  call();
  caller_.end(0, fails(ErrorKind::kUnavailable, "models.refused", 402));
  EXPECT_EQ(caller_.log(), "m1@1.0.0 m2@1.0.0:running");
  caller_.end(1, answers("1"));
  EXPECT_EQ(code(), "ok");
  EXPECT_EQ(told("/candidate"), R"("spare")");
  EXPECT_EQ(told("/why"), R"("fallback")");
  call();
  EXPECT_EQ(caller_.calls.back()->request.model.name, "m2") << "m1 is cooling";
  caller_.end(2, answers("1"));
  EXPECT_EQ(told("/skipped/0"), R"({"candidate":"main","reason":"cooling"})");
  clock_.advance_us(kDefaultCooldownUs + 1);
  call();
  EXPECT_EQ(caller_.calls.back()->request.model.name, "m1");
  caller_.end(3, answers("1"));
}

TEST_F(RouterTest, DoesNotAskAnotherWhenTheInputIsWrong) {
  set(kTwo);
  call();
  caller_.end(0, fails(ErrorKind::kInvalidArgument, "models.bad_input", 400));
  EXPECT_EQ(code(), "models.bad_input");
  EXPECT_EQ(caller_.calls.size(), 1u);
}

TEST_F(RouterTest, EndsAtTheDeadlineAndCancelsWhatRuns) {
  set(kOne);
  RouteCall call_of;
  call_of.deadline_us = 100 * kMs;
  call(std::move(call_of));
  timers_.advance(100 * kMs);
  EXPECT_EQ(code(), "router.deadline");
  EXPECT_EQ(caller_.log(), "m1@1.0.0:cancelled");
  EXPECT_EQ(told("/attempts/0/outcome"), R"("abandoned")");
  EXPECT_EQ(told("/attempts/0/cost_estimated"), "true") << "it may have run";
}

TEST_F(RouterTest, RefusesAPassedDeadlineWithoutAsking) {
  set(kOne);
  clock_.advance_us(1000);
  RouteCall call_of;
  call_of.deadline_us = 500;
  call(std::move(call_of));
  EXPECT_EQ(code(), "router.deadline");
  EXPECT_TRUE(caller_.calls.empty());
}

TEST_F(RouterTest, CancelsForItsCaller) {
  set(kOne);
  const auto cancel = call();
  cancel();
  EXPECT_EQ(code(), "models.cancelled");
  EXPECT_EQ(caller_.log(), "m1@1.0.0:cancelled");
  cancel();
}

TEST_F(RouterTest, SharesOneBudgetOfAttemptsAmongTheCallsOfADecision) {
  set("route: r@1.0.0\ncandidates: { main: m1@1.0.0 }\nretry: { attempts: 5 }\n");
  caller_.scripts["m1@1.0.0"] = [] { return fails(ErrorKind::kUnavailable, "models.unavailable", 503); };
  const auto attempts = std::make_shared<AttemptBudget>(3);
  for (int i = 0; i < 2; ++i) {
    RouteCall call_of;
    call_of.attempts = attempts;
    call(std::move(call_of));
    timers_.advance(20'000 * kMs);
    EXPECT_EQ(code(), "models.unavailable");
  }
  EXPECT_EQ(caller_.calls.size(), 5u) << "two calls and three retries";
  EXPECT_TRUE(answer_->budget_spent);
  EXPECT_EQ(told("/budget_spent"), "true");
}

TEST_F(RouterTest, KeepsAFailingModelFromGettingMoreThanItsShareOfRetries) {
  set("route: r@1.0.0\ncandidates: { main: m1@1.0.0 }\nbreaker: false\n");
  caller_.scripts["m1@1.0.0"] = [] { return fails(ErrorKind::kUnavailable, "models.unavailable", 503); };
  int answered = 0;
  for (int i = 0; i < 1000; ++i) {
    RouteCall call_of;
    call_of.route = "r";
    router_->call(std::move(call_of), [&](RouteAnswer) { ++answered; });
    timers_.advance(5 * kMs);
  }
  timers_.advance(5'000 * kMs);
  EXPECT_LE(caller_.calls.size(), 1000u + 200 + 100 + 1) << "a fifth, and ten a second for ten seconds";
  EXPECT_GE(caller_.calls.size(), 1200u);
  EXPECT_EQ(answered, 1000);
}

TEST_F(RouterTest, StopsAskingAModelThatFailsAndProbesItLater) {
  set(kTwo);
  caller_.scripts["m1@1.0.0"] = [] { return fails(ErrorKind::kInternal, "models.failed", 500); };
  caller_.scripts["m2@1.0.0"] = [] { return answers("1"); };
  for (int i = 0; i < 20; ++i) call();
  const size_t before = caller_.calls.size();
  call();
  EXPECT_EQ(caller_.calls.size(), before + 1);
  EXPECT_EQ(told("/skipped/0/reason"), R"("open")");
  EXPECT_EQ(router_->status()[0].candidates[0].breaker, "open");
  clock_.advance_us(15'000 * kMs);
  caller_.scripts["m1@1.0.0"] = [] { return answers("1"); };
  for (int i = 0; i < 3; ++i) call();
  EXPECT_EQ(told("/candidate"), R"("main")");
  EXPECT_EQ(router_->status()[0].candidates[0].breaker, "closed");
}

TEST_F(RouterTest, ObeysKillSwitchesOfModelBackendAndRoute) {
  set(kTwo);
  caller_.scripts["m1@1.0.0"] = caller_.scripts["m2@1.0.0"] = [] { return answers("1"); };
  killed_ = [](const KillQuery& query) {
    return query.backend == "backend-m1" ? std::string("incident 7") : std::string();
  };
  call();
  EXPECT_EQ(told("/candidate"), R"("spare")");
  EXPECT_EQ(told("/skipped/0/reason"), R"("killed: incident 7")");
  killed_ = [](const KillQuery& query) {
    return query.model != nullptr ? std::string("all") : std::string();
  };
  call();
  EXPECT_EQ(code(), "router.no_candidate");
  killed_ = [](const KillQuery& query) { return query.route == "r" ? std::string("off") : std::string(); };
  call();
  EXPECT_EQ(code(), "router.killed");
  killed_ = nullptr;
  call();
  EXPECT_EQ(code(), "ok");
}

TEST_F(RouterTest, SendsReroutedTrafficElsewhere) {
  set(kTwo, {.reroutes = {{"main", "spare"}}});
  call();
  caller_.end(0, answers("1"));
  EXPECT_EQ(told("/why"), R"("reroute")");
  EXPECT_EQ(told("/rerouted_from"), R"("main")");
  EXPECT_EQ(told("/candidate"), R"("spare")");
  EXPECT_EQ(router_->status()[0].candidates[1].share, 1);
}

TEST_F(RouterTest, StaysWithAKeyAndSwapsRoutesForTheNextCallOnly) {
  const char* document =
      "route: r@1.0.0\ncandidates: { a: { model: m1@1.0.0, weight: 50 }, b: { model: m2@1.0.0, weight: 50 } "
      "}\n";
  set(document);
  caller_.scripts["m1@1.0.0"] = caller_.scripts["m2@1.0.0"] = [] { return answers("1"); };
  std::map<std::string, std::string> where;
  for (int round = 0; round < 3; ++round)
    for (int key = 0; key < 50; ++key) {
      RouteCall call_of;
      call_of.sticky_key = std::to_string(key);
      call(std::move(call_of));
      EXPECT_EQ(told("/why"), R"("sticky")");
      auto& at = where[std::to_string(key)];
      EXPECT_TRUE(at.empty() || at == told("/candidate"));
      at = told("/candidate");
    }
  caller_.scripts.clear();
  call();
  set("route: r@1.1.0\ncandidates: { a: m3@1.0.0 }\n");
  caller_.end(caller_.calls.size() - 1, answers("1"));
  EXPECT_EQ(told("/route"), R"("r@1.0.0")");
  call();
  caller_.end(caller_.calls.size() - 1, answers("1"));
  EXPECT_EQ(told("/route"), R"("r@1.1.0")");
}

TEST_F(RouterTest, KeepsWhatItLearntAcrossASwapWhereNameAndVersionMatch) {
  set(kTwo);
  caller_.scripts["m1@1.0.0"] = [] { return fails(ErrorKind::kInternal, "models.failed", 500); };
  caller_.scripts["m2@1.0.0"] = [] { return answers("1"); };
  for (int i = 0; i < 20; ++i) call();
  ASSERT_EQ(router_->status()[0].candidates[0].breaker, "open");
  set(std::string(kTwo) + "deadline: 5s\n");
  EXPECT_EQ(router_->status()[0].candidates[0].breaker, "open");
  set("route: r@1.0.0\ncandidates: { main: m3@1.0.0 }\n");
  EXPECT_EQ(router_->status()[0].candidates[0].breaker, "closed") << "another version is another model";
}

TEST_F(RouterTest, HedgesOnceTheCandidateIsSlowAndCancelsTheLoser) {
  set("route: r@1.0.0\ncandidates: { main: m1@1.0.0 }\nhedge: { after: 100ms, max_extra: 50% }\n");
  call();
  timers_.advance(99 * kMs);
  EXPECT_EQ(caller_.calls.size(), 1u);
  timers_.advance(1 * kMs);
  ASSERT_EQ(caller_.calls.size(), 2u);
  caller_.end(1, answers("1"));
  EXPECT_EQ(code(), "ok");
  EXPECT_EQ(caller_.log(), "m1@1.0.0:cancelled m1@1.0.0");
  EXPECT_EQ(told("/attempts/1/why"), R"("hedge")");
  EXPECT_EQ(told("/attempts/0/outcome"), R"("abandoned")");
  EXPECT_EQ(told("/cost"), R"("0.02")") << "the loser may have run, and counts";
}

TEST_F(RouterTest, WaitsForTheHedgeWhenTheFirstFails) {
  set("route: r@1.0.0\ncandidates: { main: m1@1.0.0 }\nhedge: { after: 100ms, max_extra: 50% }\n");
  call();
  timers_.advance(100 * kMs);
  caller_.end(0, fails(ErrorKind::kInternal, "models.failed", 500));
  EXPECT_EQ(code(), "waiting");
  caller_.end(1, answers("1"));
  EXPECT_EQ(code(), "ok");
}

TEST_F(RouterTest, CapsTheExtraLoadOfHedges) {
  set("route: r@1.0.0\ncandidates: { main: m1@1.0.0 }\nhedge: { after: 10ms, max_extra: 5% }\nretry: { "
      "attempts: 1 }\n");
  size_t hedges = 0;
  for (int i = 0; i < 500; ++i) {
    call();
    const size_t first = caller_.calls.size() - 1;
    timers_.advance(10 * kMs);
    hedges += caller_.calls.size() - 1 - first;
    caller_.end(first, answers("1"));
  }
  EXPECT_GE(hedges, 24u);
  EXPECT_LE(hedges, 27u);
}

TEST_F(RouterTest, HedgesAtAQuantileOnlyWhenItIsKnown) {
  set("route: r@1.0.0\ncandidates: { main: m1@1.0.0 }\nhedge: { after: p95, max_extra: 100% }\n");
  for (int i = 0; i < 25; ++i) {
    call();
    timers_.advance(20 * kMs);
    EXPECT_EQ(caller_.calls.size(), static_cast<size_t>(i + 1));
    caller_.end(caller_.calls.size() - 1, answers("1"));
    clock_.advance_us(1);
  }
  call();
  timers_.advance(25 * kMs);
  EXPECT_EQ(caller_.calls.size(), 27u);
  caller_.end(26, answers("1"));
}

TEST_F(RouterTest, DoesNotSwitchTheModelOnceAPartIsOut) {
  set(kTwo);
  std::string heard;
  RouteCall call_of;
  call_of.on_part = [&](const Document& part) {
    heard += to_json(*part);
    return true;
  };
  call(std::move(call_of));
  EXPECT_TRUE(caller_.calls[0]->request.on_part(Document(Value::integer(1))));
  auto broken = fails(ErrorKind::kUnavailable, "models.broken_stream", 200);
  broken.parts = 1;
  caller_.end(0, std::move(broken));
  EXPECT_EQ(code(), "models.broken_stream") << "an error, never a success";
  EXPECT_EQ(heard, "1");
  EXPECT_TRUE(answer_->streamed);
  EXPECT_EQ(caller_.calls.size(), 1u);
}

TEST_F(RouterTest, StreamsFromTheFirstThatSpeaksAndFromNobodyElse) {
  set("route: r@1.0.0\ncandidates: { main: m1@1.0.0 }\nhedge: { after: 100ms, max_extra: 100% }\n");
  std::string heard;
  RouteCall call_of;
  call_of.on_part = [&](const Document& part) {
    heard += to_json(*part);
    return true;
  };
  call(std::move(call_of));
  timers_.advance(100 * kMs);
  const auto first = caller_.calls[0]->request.on_part;
  EXPECT_TRUE(caller_.calls[1]->request.on_part(Document(Value::integer(2))));
  EXPECT_EQ(caller_.log(), "m1@1.0.0:cancelled m1@1.0.0:running");
  EXPECT_FALSE(first(Document(Value::integer(1))));
  caller_.end(1, answers("1"));
  EXPECT_EQ(heard, "2");
  EXPECT_EQ(code(), "ok");
}

TEST_F(RouterTest, EndsAfterThePartThatIsBeingHandedOut) {
  set(kOne);
  std::function<void()> cancel;
  bool ended_within = false;
  RouteCall call_of;
  call_of.on_part = [&](const Document&) {
    cancel();
    ended_within = answer_.has_value();
    return true;
  };
  cancel = call(std::move(call_of));
  EXPECT_FALSE(caller_.calls[0]->request.on_part(Document(Value::integer(1))));
  EXPECT_FALSE(ended_within) << "no answer before the part was taken";
  EXPECT_EQ(code(), "models.cancelled");
}

TEST_F(RouterTest, RefusesWhatTheCandidateHasNoRoomFor) {
  set("route: r@1.0.0\ncandidates: { main: m1@1.0.0 }\nconcurrency: { initial: 2, min: 1, max: 10 }\n");
  std::vector<std::string> codes;
  for (int i = 0; i < 3; ++i) {
    RouteCall call_of;
    call_of.route = "r";
    call_of.input = Document(Value::integer(i));
    router_->call(std::move(call_of), [&](RouteAnswer answer) {
      codes.push_back(answer.answer.ok() ? "ok" : answer.answer.error().code);
    });
  }
  EXPECT_EQ(codes, std::vector<std::string>{"router.saturated"});
  caller_.end(0, answers("1"));
  caller_.end(1, answers("1"));
}

TEST_F(RouterTest, BlamesNoModelForAClientThatDoesNotWait) {
  set("route: r@1.0.0\ncandidates: { main: m1@1.0.0 }\nretry: { attempts: 1 }\n"
      "breaker: { min_calls: 3, failure_rate: 50% }\n");
  const auto standing = [&] { return router_->status()[0].candidates[0]; };
  RouteCall impatient;
  impatient.clients_deadline = true;
  for (int i = 0; i < 5; ++i) {
    impatient.deadline_us = clock_.monotonic_us() + 10 * kMs;
    call(impatient);
    timers_.advance(10 * kMs);
    EXPECT_EQ(code(), "router.deadline");
    impatient.deadline_us = clock_.monotonic_us() + 10 * kMs;
    call(impatient);
    clock_.advance_us(10 * kMs);
    caller_.end(caller_.calls.size() - 1, fails(ErrorKind::kDeadlineExceeded, "models.deadline"));
    EXPECT_EQ(code(), "models.deadline");
  }
  EXPECT_EQ(standing().failures, 0u);
  EXPECT_EQ(standing().breaker, "closed");
  for (int i = 0; i < 3; ++i) {
    RouteCall patient;
    patient.deadline_us = clock_.monotonic_us() + 10 * kMs;
    call(patient);
    timers_.advance(10 * kMs);
  }
  EXPECT_EQ(standing().breaker, "open") << "the time that a pipeline gives it is what it may take";
}

TEST_F(RouterTest, AnswersFromTheCacheAndNamesTheOriginal) {
  set(std::string(kOne) + "cache: { ttl: 10s }\n");
  RouteCall call_of;
  call_of.decision = "d-1";
  call_of.tenant = "t";
  call(call_of);
  caller_.end(0, answers("5"));
  EXPECT_EQ(told("/cache"), R"({"hit":false})");
  clock_.advance_us(2'000 * kMs);
  call_of.decision = "d-2";
  call(call_of);
  EXPECT_EQ(code(), "ok");
  EXPECT_TRUE(answer_->cached);
  EXPECT_EQ(told("/cache"), R"({"hit":true,"kind":"exact","decision":"d-1","age_us":2000000})");
  EXPECT_EQ(told("/cost"), R"("0")");
  call_of.tenant = "other";
  call(call_of);
  EXPECT_EQ(code(), "waiting") << "a tenant does not see another's answers";
  caller_.end(1, answers("6"));
  clock_.advance_us(9'000 * kMs);
  call_of.tenant = "t";
  call(call_of);
  EXPECT_EQ(code(), "waiting") << "too old";
  caller_.end(2, answers("7"));
}

TEST_F(RouterTest, ShadowsAfterTheAnswerAndRecordsTheDifference) {
  set(std::string(kOne) + "shadow: [ { model: m2@1.0.0, compare: { at: /score, tolerance: 0.1 } } ]\n");
  call();
  EXPECT_EQ(caller_.calls.size(), 1u);
  caller_.end(0, answers(R"({"score":0.5})"));
  EXPECT_EQ(code(), "ok");
  EXPECT_EQ(told("/shadow"), R"(["m2@1.0.0"])");
  EXPECT_EQ(told("/cost"), R"("0.01")") << "the decision does not pay for its shadow";
  ASSERT_EQ(caller_.calls.size(), 2u);
  caller_.end(1, answers(R"({"score":0.75})"));
  ASSERT_EQ(shadows_.size(), 1u);
  EXPECT_EQ(shadows_[0].agrees, false);
  EXPECT_EQ(shadows_[0].difference, 0.25);
  EXPECT_EQ(shadows_[0].answered_by.to_string(), "m1@1.0.0");
  const auto status = router_->status()[0].shadows[0];
  EXPECT_EQ(status.disagreed, 1u);
  EXPECT_EQ(status.cost.to_string(), "0.02");
}

TEST_F(RouterTest, TheCallsPriorityReachesTheModelAndAShadowComesLast) {
  set(std::string(kOne) + "shadow: [ { model: m2@1.0.0 } ]\n");
  RouteCall urgent;
  urgent.priority = 75;
  call(std::move(urgent));
  caller_.end(0, answers(R"({"score":0.5})"));
  ASSERT_EQ(caller_.calls.size(), 2u);
  EXPECT_EQ(caller_.calls[0]->request.priority, 75);
  EXPECT_EQ(caller_.calls[1]->request.priority, 0);
  caller_.end(1, answers(R"({"score":0.5})"));
}

TEST_F(RouterTest, AnswersAlthoughItsShadowFailsOrHangs) {
  set(std::string(kOne) + "shadow: [ { model: m2@1.0.0 } ]\n");
  for (size_t i = 0; i < kMaxShadowsInFlight + 5; ++i) {
    call();
    for (auto& each : caller_.calls)
      if (each->done && each->request.model.name == "m1") FakeCaller::end(*each, answers("1"));
    EXPECT_EQ(code(), "ok");
  }
  EXPECT_EQ(router_->status()[0].shadows[0].dropped, 5u);
  for (auto& each : caller_.calls)
    if (each->done) FakeCaller::end(*each, fails(ErrorKind::kInternal, "models.failed", 500));
  EXPECT_EQ(router_->status()[0].shadows[0].failures, kMaxShadowsInFlight);
}

TEST_F(RouterTest, CountsForOperators) {
  telemetry::Registry registry;
  options_.metrics = &registry;
  make();
  set(kTwo);
  call();
  caller_.end(0, fails(ErrorKind::kInternal, "models.failed", 500));
  caller_.end(1, answers("1"));
  const std::string text = registry.expose();
  for (
      const char* line :
      {R"(switchyard_router_calls_total{route="r",candidate="spare",outcome="answered"} 1)",
       R"(switchyard_router_attempts_total{route="r",candidate="main",why="first",outcome="failed"} 1)",
       R"(switchyard_router_attempts_total{route="r",candidate="spare",why="fallback",outcome="answered"} 1)",
       R"(switchyard_router_cost_nanos_total{route="r",currency="EUR"} 20000000)"})
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  router_.reset();
}

TEST_F(RouterTest, EndsAllCallsWhenItStops) {
  set(kOne);
  call();
  router_->stop();
  EXPECT_EQ(code(), "router.stopping");
  EXPECT_EQ(caller_.log(), "m1@1.0.0:cancelled");
  call();
  EXPECT_EQ(code(), "router.stopping");
}

}  // namespace
}  // namespace switchyard::router
