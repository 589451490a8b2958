#include "rig.h"

namespace switchyard::router {
namespace {

class BudgetTest : public RouterRig {
 protected:
  BudgetTest() : RouterRig(3) {}
  void call(RouteCall call = {}) {
    if (call.input->is_null())
      call.input = parse_json_document(R"({"max_tokens":100,"text":"0123456789"})").value();
    RouterRig::call(std::move(call));
  }
  Spend spend(const std::string& id) const {
    for (const Spend& spend : ledger_->spends())
      if (spend.id == id && !spend.month) return spend;
    return {};
  }
};

TEST_F(BudgetTest, ReservesTheWorstAndSettlesTheActualTokens) {
  set("route: r@1.0.0\ncandidates: { main: chat@1.0.0 }\nbudget: { route: { day: 1 } }\n");
  call();
  // 2 EUR a million in, 10 out: at most 100 tokens out, and a byte of input is at most a token.
  EXPECT_GE(spend("r").reserved, (Money{1'000'000}));
  EXPECT_GE(spend("r").reserved_tokens, 110);
  caller_.end(0, answers("1", {20, 0, 7}));
  EXPECT_EQ(spend("r").reserved, Money{});
  EXPECT_EQ(spend("r").spent.to_string(), "0.00011");
  EXPECT_EQ(spend("r").tokens, 27);
  EXPECT_EQ(told("/cost"), R"("0.00011")");
  EXPECT_EQ(told("/attempts/0/output_tokens"), "7");
}

TEST_F(BudgetTest, RefusesAtTheLimitAndSaysWhenToComeBack) {
  set("route: r@1.0.0\ncandidates: { main: m1@1.0.0 }\nbudget: { tenant: { day: 0.015 } }\n");
  caller_.scripts["m1@1.0.0"] = [] { return answers("1"); };
  RouteCall one;
  one.tenant = "a";
  call(one);
  EXPECT_EQ(code(), "ok");
  call(one);
  EXPECT_EQ(code(), "router.budget");
  EXPECT_EQ(answer_->retry_after_us, 86'400'000'000);
  EXPECT_NE(answer_->answer.error().message.find("tenant 'r/a'"), std::string::npos);
  one.tenant = "b";
  call(one);
  EXPECT_EQ(code(), "ok") << "another tenant has its own";
}

TEST_F(BudgetTest, UsesTheCheaperModelAtTheLimitAndCountsIt) {
  set("route: r@1.0.0\ncandidates: { main: m2@1.0.0, cheap: { model: m1@1.0.0, weight: 0 } }\n"
      "budget: { route: { day: 0.03 }, at_limit: { use: cheap } }\n");
  caller_.scripts["m1@1.0.0"] = caller_.scripts["m2@1.0.0"] = [] { return answers("1"); };
  call();
  EXPECT_EQ(told("/candidate"), R"("main")");
  call();
  EXPECT_EQ(code(), "ok");
  EXPECT_EQ(told("/candidate"), R"("cheap")");
  EXPECT_EQ(told("/why"), R"("budget")");
  EXPECT_EQ(told("/attempts/0/error"), R"("router.budget")");
  EXPECT_EQ(spend("r").spent.to_string(), "0.03");
}

TEST_F(BudgetTest, HoldsTheCheaperModelToTheKeysOwnLimit) {
  set("route: r@1.0.0\ncandidates: { main: m2@1.0.0, cheap: { model: m1@1.0.0, weight: 0 } }\n"
      "budget: { route: { day: 0.01 }, at_limit: { use: cheap } }\n");
  caller_.scripts["m1@1.0.0"] = caller_.scripts["m2@1.0.0"] = [] { return answers("1"); };
  ExtraBudget key{Scope::kKey, "k", {}};
  key.limit.day = Money{15'000'000};
  RouteCall one;
  one.budgets = {key};
  call(one);
  EXPECT_EQ(told("/candidate"), R"("cheap")");
  call(one);
  EXPECT_EQ(code(), "router.budget");
}

TEST_F(BudgetTest, CountsFailedAttemptsByWhatIsKnownOfThem) {
  set("route: r@1.0.0\ncandidates: { main: m1@1.0.0, spare: { model: m3@1.0.0, weight: 0 } }\n"
      "fallbacks: [spare]\nbudget: { route: { day: 1 } }\n");
  call();
  caller_.end(0, fails(ErrorKind::kDeadlineExceeded, "models.timeout"));  // it may have run
  EXPECT_EQ(spend("r").spent.to_string(), "0.01");
  caller_.end(1, fails(ErrorKind::kUnavailable, "models.unavailable", 0, false));  // it did not
  timers_.advance(2'000'000);
  caller_.end(2, answers("1"));
  EXPECT_EQ(code(), "ok");
  EXPECT_EQ(spend("r").spent.to_string(), "0.04");
  EXPECT_EQ(answer_->cost.to_string(), "0.04");
  EXPECT_EQ(spend("r").reserved, Money{});
}

TEST_F(BudgetTest, GivesBackWhatACancelledCallHadSetAside) {
  set("route: r@1.0.0\ncandidates: { main: m1@1.0.0 }\nbudget: { route: { day: 1 } }\n");
  RouteCall one;
  one.deadline_us = 1000;
  call(one);
  timers_.advance(1000);
  EXPECT_EQ(code(), "router.deadline");
  EXPECT_EQ(spend("r").reserved, Money{});
  EXPECT_EQ(spend("r").spent.to_string(), "0.01") << "it may have run: at worst";
}

TEST_F(BudgetTest, RefusesBudgetsWithoutALedger) {
  options_.ledger = nullptr;
  make();
  set("route: r@1.0.0\ncandidates: { main: m1@1.0.0 }\nbudget: { route: { day: 1 } }\n");
  call();
  EXPECT_EQ(code(), "router.ledger_failed");
}

}  // namespace
}  // namespace switchyard::router
