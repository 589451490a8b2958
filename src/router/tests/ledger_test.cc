#include "switchyard/router/ledger.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

#include "ledger_accounts.h"
#include "switchyard/log/memory_log.h"
#include "switchyard/testing/manual_clock.h"

namespace switchyard::router {
namespace {

constexpr Money euros(double amount) { return {static_cast<int64_t>(amount * 1e9)}; }

SpendLimit a_day(double money) {
  SpendLimit limit;
  limit.day = euros(money);
  return limit;
}

class LedgerTest : public ::testing::Test {
 protected:
  void open() {
    SpendLedger::Options options;
    options.log = logs_->acquire(PartitionId{0}).value();
    options.clock = &clock_;
    options.manual = true;
    ledger_ = SpendLedger::open(std::move(options)).value();
  }
  /// The reservation, 0 while it waits, or the error's code.
  struct Answer {
    SpendLedger::Reservation id = 0;
    std::string error;
  };
  std::shared_ptr<Answer> reserve(const std::vector<Charge>& charges, double worst, int64_t tokens = 0) {
    auto answer = std::make_shared<Answer>();
    ledger_->reserve(charges, "EUR", euros(worst), tokens, [answer](Result<SpendLedger::Reservation> result) {
      if (result.ok())
        answer->id = *result;
      else
        answer->error = result.error().code;
    });
    return answer;
  }
  Money spent(const std::string& id, bool month = false) {
    for (const Spend& spend : ledger_->spends())
      if (spend.id == id && spend.month == month) return spend.spent;
    return {};
  }

  testing::ManualClock clock_;
  std::unique_ptr<log::MemoryLogs> logs_ = log::MemoryLogs::create();
  std::unique_ptr<SpendLedger> ledger_;
};

TEST_F(LedgerTest, LetsNobodyThroughBeforeTheClaimIsDurable) {
  open();
  const std::vector<Charge> route{{Scope::kRoute, "r", a_day(100)}};
  const auto first = reserve(route, 0.01);
  EXPECT_EQ(first->id, 0u);
  ledger_->flush();
  EXPECT_NE(first->id, 0u);
  const auto second = reserve(route, 0.01);
  EXPECT_NE(second->id, 0u) << "the claim covers many calls";
}

TEST_F(LedgerTest, RefusesWhatMayGoOverTheLimitAndCountsActuals) {
  open();
  const std::vector<Charge> route{{Scope::kRoute, "r", a_day(1)}};
  const auto first = reserve(route, 0.6);
  ledger_->flush();
  EXPECT_EQ(reserve(route, 0.6)->error, "router.budget") << "what is set aside counts";
  ledger_->settle(first->id, euros(0.1), 0);
  const auto second = reserve(route, 0.6);
  ledger_->flush();
  EXPECT_NE(second->id, 0u);
  ledger_->settle(second->id, euros(0.2), 0);
  EXPECT_EQ(spent("r"), euros(0.1) + euros(0.2));
  EXPECT_EQ(spent("r", true), euros(0.1) + euros(0.2)) << "the month as well";
}

TEST_F(LedgerTest, SetsAsideInAllAccountsOrInNone) {
  open();
  SpendLimit tokens;
  tokens.month_tokens = 100;
  const std::vector<Charge> both{{Scope::kRoute, "r", a_day(100)}, {Scope::kTenant, "r/t", tokens}};
  EXPECT_EQ(reserve(both, 1, 101)->error, "router.budget");
  for (const Spend& spend : ledger_->spends()) EXPECT_EQ(spend.reserved, Money{});
  const auto first = reserve(both, 1, 100);
  ledger_->flush();
  EXPECT_NE(first->id, 0u);
}

TEST_F(LedgerTest, BeginsAnewWithTheDayAndSettlesInTheDayOfTheReservation) {
  open();
  const std::vector<Charge> route{{Scope::kRoute, "r", a_day(1)}};
  const auto before = reserve(route, 0.9);
  ledger_->flush();
  EXPECT_EQ(reserve(route, 0.9)->error, "router.budget");
  EXPECT_EQ(ledger_->until_next_window_us(false), 86'400'000'000);
  clock_.advance_us(86'400'000'000);
  const auto after = reserve(route, 0.9);
  ledger_->flush();
  EXPECT_NE(after->id, 0u);
  ledger_->settle(before->id, euros(0.9), 0);
  EXPECT_EQ(spent("r"), Money{}) << "yesterday's money";
}

TEST_F(LedgerTest, RemembersExactlyAfterAnOrderlyEnd) {
  open();
  const std::vector<Charge> route{{Scope::kRoute, "r", a_day(100)}};
  const auto first = reserve(route, 1, 50);
  ledger_->flush();
  ledger_->settle(first->id, euros(0.123456789), 42);
  ASSERT_TRUE(ledger_->close().ok());
  open();
  EXPECT_EQ(spent("r"), euros(0.123456789));
  EXPECT_EQ(ledger_->spends()[0].tokens, 42);
}

TEST_F(LedgerTest, NeverForgetsWhatItLetThroughAfterACrash) {
  open();
  const std::vector<Charge> route{{Scope::kRoute, "r", a_day(100)}};
  Money let_through;
  for (int i = 0; i < 200; ++i) {
    const auto each = reserve(route, 0.01);
    if (each->id == 0) {
      ledger_->flush();
      ASSERT_NE(each->id, 0u);
    }
    let_through += euros(0.01);
    if (i % 3 != 0) ledger_->settle(each->id, euros(0.01), 0);
  }
  // The process is gone: nothing was settled or closed, and the log's content survives.
  auto lost = std::move(ledger_);
  open();
  EXPECT_GE(spent("r"), let_through);
  EXPECT_LE(spent("r"), let_through + euros(0.5 + 0.01)) << "at most a two hundredth of the limit more";
}

TEST_F(LedgerTest, ReopensWithMoreAccountsThanOneBatchHolds) {
  open();
  const std::string tenant(200, 't');
  SpendLedger::Reservation last = 0;
  for (int i = 0; i < 25'000; ++i)
    ledger_->reserve({{Scope::kTenant, tenant + std::to_string(i), {}}}, "EUR", euros(1), 1,
                     [&](Result<SpendLedger::Reservation> result) { last = result.value(); });
  ledger_->flush();
  EXPECT_NE(last, 0u);
  ASSERT_TRUE(ledger_->close().ok());
  open();
  EXPECT_EQ(ledger_->spends().size(), 50'000u);
}

TEST_F(LedgerTest, RefusesEverythingOnceItsLogFails) {
  open();
  const std::vector<Charge> route{{Scope::kRoute, "r", a_day(100)}};
  const auto fence = logs_->acquire(PartitionId{0}).value();  // another owner: ours is fenced
  const auto waiting = reserve(route, 0.01);
  ledger_->flush();
  EXPECT_EQ(waiting->error, "router.ledger_failed");
  EXPECT_EQ(reserve(route, 0.01)->error, "router.ledger_failed");
  EXPECT_FALSE(ledger_->close().ok());
}

TEST_F(LedgerTest, KeepsCurrenciesApart) {
  open();
  const std::vector<Charge> tenant{{Scope::kTenant, "t", a_day(1)}};
  const auto first = reserve(tenant, 1);
  ledger_->flush();
  EXPECT_EQ(reserve(tenant, 1)->error, "router.budget");
  std::string error = "none";
  ledger_->reserve(tenant, "USD", euros(1), 0,
                   [&](auto result) { error = result.ok() ? "" : result.error().code; });
  ledger_->flush();
  EXPECT_EQ(error, "");
}

TEST(LedgerAccountsTest, KnowsMonthsAndDays) {
  const int64_t day = 86'400'000'000;
  EXPECT_EQ(LedgerAccounts::window_of(31 * day, true), 1);
  EXPECT_EQ(LedgerAccounts::window_of(31 * day - 1, true), 0);
  EXPECT_EQ(LedgerAccounts::window_of(-1, false), -1);
  EXPECT_EQ(LedgerAccounts::window_begins_us(12, true), 365 * day);
  EXPECT_EQ(LedgerAccounts::window_name(24 * 12 + 1, true), "1994-02");
  EXPECT_EQ(LedgerAccounts::window_name(31, false), "1970-02-01");
}

TEST(LedgerThreads, LetsACallThroughOnlyOnceTheDiskHasItsClaim) {
  log::MemoryLogOptions manual;
  manual.manual = true;
  const auto logs = log::MemoryLogs::create(manual);
  SpendLedger::Options options;
  options.log = logs->acquire(PartitionId{0}).value();
  const log::Log& log = *options.log;
  auto ledger = SpendLedger::open(std::move(options)).value();
  std::atomic<bool> let_through{false};
  ledger->reserve({{Scope::kRoute, "r", a_day(1)}}, "EUR", euros(0.1), 0,
                  [&](auto result) { let_through = result.ok(); });
  const uint64_t empty = log.durable_end().value;
  while (log.stats().queued_bytes == 0 && log.next_offset().value == empty) std::this_thread::yield();
  EXPECT_FALSE(let_through) << "written, but not durable";
  std::atomic<bool> stop{false};
  std::thread disk([&] {
    while (!stop) {
      logs->step(PartitionId{0});
      std::this_thread::yield();
    }
  });
  while (!let_through) std::this_thread::yield();
  EXPECT_GT(log.durable_end().value, empty);
  EXPECT_TRUE(ledger->close().ok());
  stop = true;
  disk.join();
}

TEST(LedgerThreads, NeverSpendMoreThanTheLimit) {
  const auto logs = log::MemoryLogs::create();
  SpendLedger::Options options;
  options.log = logs->acquire(PartitionId{0}).value();
  const auto ledger = SpendLedger::open(std::move(options)).value();
  std::atomic<int64_t> spent{0};
  std::atomic<int> refused{0}, answered{0};
  std::vector<std::thread> threads;
  constexpr int kCalls = 500;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < kCalls; ++i)
        ledger->reserve({{Scope::kRoute, "r", a_day(1)}}, "EUR", euros(0.001), 1,
                        [&](Result<SpendLedger::Reservation> result) {
                          if (result.ok()) {
                            spent += euros(0.001).nanos;
                            ledger->settle(*result, euros(0.001), 1);
                          } else {
                            EXPECT_EQ(result.error().code, "router.budget");
                            ++refused;
                          }
                          ++answered;
                        });
    });
  for (auto& thread : threads) thread.join();
  while (answered < 4 * kCalls) std::this_thread::yield();
  EXPECT_EQ(spent, euros(1).nanos);
  EXPECT_EQ(refused, 4 * kCalls - 1000);
  EXPECT_TRUE(ledger->close().ok());
}

}  // namespace
}  // namespace switchyard::router
