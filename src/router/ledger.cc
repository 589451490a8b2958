#include "switchyard/router/ledger.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "ledger_accounts.h"
#include "switchyard/base/bytes.h"
#include "switchyard/log/kept_log.h"
#include "switchyard/router/limits.h"
#include "switchyard/runtime/thread.h"

namespace switchyard::router {
namespace {

using Claims = std::vector<std::pair<AccountKey, Amount>>;

constexpr uint8_t kClaimRecord = 1;
constexpr uint8_t kRecordVersion = 1;
constexpr size_t kClaimsPerRecord = 200;

// docs/routing.md, "The ledger", has the grammar.
std::string encode(const Claims& claims, size_t from, size_t to) {
  std::string out;
  ByteWriter writer(out);
  writer.varint(to - from);
  for (size_t i = from; i < to; ++i) {
    const auto& [key, amount] = claims[i];
    writer.u8(static_cast<uint8_t>(key.scope));
    writer.u8(key.month ? 1 : 0);
    writer.svarint(key.window);
    writer.bytes(key.id);
    writer.bytes(key.currency);
    writer.svarint(amount.money.nanos);
    writer.svarint(amount.tokens);
  }
  return out;
}

std::vector<log::KeptRecord> records_of(const Claims& claims) {
  std::vector<log::KeptRecord> records;
  for (size_t from = 0; from < claims.size(); from += kClaimsPerRecord)
    records.push_back({kClaimRecord, encode(claims, from, std::min(claims.size(), from + kClaimsPerRecord))});
  return records;
}

bool decode(std::string_view payload, Claims& claims) {
  ByteReader reader(payload);
  const uint64_t count = reader.varint();
  for (uint64_t i = 0; i < count && reader.ok(); ++i) {
    AccountKey key;
    const uint8_t scope = reader.u8();
    if (scope < 1 || scope > 3) reader.fail();
    key.scope = static_cast<Scope>(scope);
    key.month = reader.u8() != 0;
    key.window = reader.svarint();
    key.id = reader.bytes();
    key.currency = reader.bytes();
    Amount amount;
    amount.money.nanos = reader.svarint();
    amount.tokens = reader.svarint();
    if (reader.ok()) claims.emplace_back(std::move(key), amount);
  }
  return reader.ok() && reader.at_end();
}

class Ledger final : public SpendLedger {
 public:
  explicit Ledger(Options options) : options_(std::move(options)) {
    if (options_.log != nullptr)
      log_ = std::make_unique<log::KeptLog>(std::move(options_.log), *options_.clock, kRecordVersion);
  }

  Status recover() {
    if (log_ == nullptr) return {};
    const auto take = [this](uint8_t type, std::string_view payload) {
      Claims claims;
      const bool good = type == kClaimRecord && decode(payload, claims);
      for (const auto& [key, amount] : claims) accounts_.restore(key, amount);
      return good;
    };
    SY_RETURN_IF_ERROR(log_->read(take, "router.bad_ledger", "the spend ledger's log"));
    accounts_.forget_before(options_.clock->now_us());
    return log_->rewrite(records_of(accounts_.snapshot(false)));
  }

  void start() {
    if (log_ != nullptr && !options_.manual)
      thread_ = runtime::start_thread("spend-ledger", [this] { run(); });
  }

  ~Ledger() override { static_cast<void>(close()); }

  void reserve(const std::vector<Charge>& charges, std::string currency, Money worst, int64_t tokens,
               Reserved done) override {
    if (charges.empty()) return done(Reservation{0});
    Result<Reservation> outcome = Reservation{0};
    {
      std::lock_guard lock(mutex_);
      bool covered = true;
      outcome = reserve_locked(charges, currency, {worst, tokens}, &covered);
      if (outcome.ok() && !covered) {
        waiting_.push_back({*outcome, std::move(done)});
        wake_.notify_one();
        return;
      }
      if (work_waits()) wake_.notify_one();
    }
    done(std::move(outcome));
  }

  void settle(Reservation reservation, Money spent, int64_t tokens) override {
    std::lock_guard lock(mutex_);
    const auto found = reservations_.find(reservation);
    if (found == reservations_.end()) return;
    accounts_.settle(found->second.held, found->second.worst, {spent, tokens});
    reservations_.erase(found);
    if (log_ == nullptr) accounts_.claims_durable(accounts_.take_claims());
    if (work_waits()) wake_.notify_one();
  }

  int64_t until_next_window_us(bool month) const override {
    const int64_t now_us = options_.clock->now_us();
    const int64_t window = LedgerAccounts::window_of(now_us, month);
    return LedgerAccounts::window_begins_us(window + 1, month) - now_us;
  }

  std::vector<Spend> spends() const override {
    std::lock_guard lock(mutex_);
    return accounts_.spends(options_.clock->now_us());
  }

  void flush() override { write_claims(); }

  Status close() override {
    {
      std::lock_guard lock(mutex_);
      if (closed_) return {};
      closed_ = true;
      wake_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
    write_claims();
    if (log_ == nullptr) return {};
    Claims exact;
    {
      std::lock_guard lock(mutex_);
      exact = accounts_.snapshot(true);
      if (!failed_.empty()) return make_error(ErrorKind::kUnavailable, "router.ledger_failed", failed_);
    }
    SY_RETURN_IF_ERROR(log_->append(records_of(exact)));
    return log_->close();
  }

 private:
  struct Open {
    LedgerAccounts::Held held;
    Amount worst;
  };
  struct Waiter {
    Reservation reservation;
    Reserved done;
  };

  /// With the mutex held.
  Result<Reservation> reserve_locked(const std::vector<Charge>& charges, const std::string& currency,
                                     const Amount& worst, bool* covered) {
    if (closed_ || !failed_.empty())
      return make_error(ErrorKind::kUnavailable, "router.ledger_failed",
                        closed_ ? "the spend ledger is closed: the server is stopping"
                                : "the spend ledger cannot be written, so nothing may be spent: " + failed_);
    if (waiting_.size() >= kMaxLedgerWaiters)
      return make_error(ErrorKind::kUnavailable, "router.ledger_full",
                        std::to_string(kMaxLedgerWaiters) + " calls wait for the spend ledger's disk");
    const int64_t now_us = options_.clock->now_us();
    const int64_t day = LedgerAccounts::window_of(now_us, false);
    if (day != last_day_) {
      accounts_.forget_before(now_us);
      last_day_ = day;
    }
    SY_ASSIGN_OR_RETURN(auto held, accounts_.reserve(charges, currency, worst, now_us, covered));
    if (log_ == nullptr) {
      accounts_.claims_durable(accounts_.take_claims());
      *covered = true;
    }
    const Reservation id = next_id_++;
    reservations_.emplace(id, Open{std::move(held), worst});
    return id;
  }

  bool work_waits() const { return accounts_.claims_due() || !waiting_.empty(); }

  void run() {
    while (true) {
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return closed_ || work_waits(); });
        if (closed_) return;
      }
      write_claims();
    }
  }

  /// Appends what must be claimed, waits for the disk, lets those through that are covered. On one thread.
  void write_claims() {
    Claims claims;
    {
      std::lock_guard lock(mutex_);
      claims = accounts_.take_claims();
    }
    const Status written = claims.empty() ? Status{} : log_->append(records_of(claims));
    std::vector<std::pair<Reserved, Result<Reservation>>> go;
    bool large;
    {
      std::lock_guard lock(mutex_);
      if (written.ok()) {
        accounts_.claims_durable(claims);
      } else if (failed_.empty()) {
        failed_ = written.error().message;
      }
      std::deque<Waiter> still;
      for (Waiter& waiter : waiting_) {
        const auto& open = reservations_.at(waiter.reservation);
        if (!failed_.empty()) {
          accounts_.settle(open.held, open.worst, {});
          reservations_.erase(waiter.reservation);
          go.emplace_back(std::move(waiter.done),
                          make_error(ErrorKind::kUnavailable, "router.ledger_failed",
                                     "the spend ledger cannot be written, so nothing may "
                                     "be spent: " +
                                         failed_));
        } else if (accounts_.covered(open.held)) {
          go.emplace_back(std::move(waiter.done), waiter.reservation);
        } else {
          still.push_back(std::move(waiter));
        }
      }
      waiting_.swap(still);
      large = log_ != nullptr && failed_.empty() && log_->large();
    }
    for (auto& [done, result] : go) done(std::move(result));
    if (!large) return;
    Claims all;
    {
      std::lock_guard lock(mutex_);
      all = accounts_.snapshot(false);
    }
    static_cast<void>(log_->rewrite(records_of(all)));
  }

  Options options_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_.
  LedgerAccounts accounts_;
  std::unordered_map<Reservation, Open> reservations_;
  std::deque<Waiter> waiting_;
  Reservation next_id_ = 1;
  int64_t last_day_ = 0;
  bool closed_ = false;
  std::string failed_;  // why nothing may be spent any more

  // Null: in memory only. Of whoever writes: the thread, or its owner before and after.
  std::unique_ptr<log::KeptLog> log_;
  std::thread thread_;
};

}  // namespace

std::string_view scope_name(Scope scope) {
  switch (scope) {
    case Scope::kRoute: return "route";
    case Scope::kTenant: return "tenant";
    case Scope::kKey: return "key";
  }
  return "route";
}

Result<std::unique_ptr<SpendLedger>> SpendLedger::open(Options options) {
  auto ledger = std::make_unique<Ledger>(std::move(options));
  SY_RETURN_IF_ERROR(ledger->recover());
  ledger->start();
  return std::unique_ptr<SpendLedger>(std::move(ledger));
}

}  // namespace switchyard::router
