#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/log/log.h"
#include "switchyard/router/route.h"
#include "switchyard/runtime/clock.h"

namespace switchyard::router {

/// Whose money it is. Numbers are on disk.
enum class Scope : uint8_t { kRoute = 1, kTenant = 2, kKey = 3 };
std::string_view scope_name(Scope scope);

/// An account to charge, and what it may spend. Without a limit it is only counted.
struct Charge {
  Scope scope = Scope::kRoute;
  std::string id;  ///< a tenant's calls of one route have an account of their own: "route/tenant"
  SpendLimit limit;
};

/// What one account has spent in a window.
struct Spend {
  Scope scope = Scope::kRoute;
  std::string id, currency;
  bool month = false;     ///< else of a day
  int64_t window = 0;     ///< days since 1970-01-01, or months since 1970-01; UTC
  Money spent, reserved;  ///< reserved: of calls under way
  int64_t tokens = 0, reserved_tokens = 0;
};

/// Counts money and tokens by account, day and month (UTC). The worst a call can cost is reserved before it
/// is sent, and settled on what it did cost.
///
/// Durable without a disk sync in the way of calls: an account claims a little more than it has spent,
/// durably and ahead of need, and calls are let through only below the claim. After a crash what was claimed
/// counts as spent; after an orderly close() exactly what was spent. A call waits for the disk only where an
/// account's claim has run out, as with its first call of a day. When the log fails, calls are refused.
/// Thread-safe.
class SpendLedger {
 public:
  struct Options {
    std::unique_ptr<log::Log> log;  ///< its own; null: in memory only
    const runtime::Clock* clock = &runtime::system_clock();
    /// No thread: what waits for the disk goes on in flush(). For tests.
    bool manual = false;
  };
  /// Reads the log. kCorruption "router.bad_ledger"; the log's errors.
  static Result<std::unique_ptr<SpendLedger>> open(Options options);
  /// close()s.
  virtual ~SpendLedger() = default;

  /// Money set aside. 0: nothing is (the call is in no account).
  using Reservation = uint64_t;
  using Reserved = std::function<void(Result<Reservation>)>;
  /// Sets `worst` and `tokens` aside in every account, or in none. `done` is called once, within this call
  /// unless a claim has to become durable first. kResourceExhausted "router.budget" names account, window and
  /// limit; kUnavailable "router.ledger_failed", "router.ledger_full" (limits.h: kMaxAccounts,
  /// kMaxLedgerWaiters).
  virtual void reserve(const std::vector<Charge>& charges, std::string currency, Money worst, int64_t tokens,
                       Reserved done) = 0;
  /// Replaces a reservation by what was spent, in the windows it was made in. Each reservation once.
  virtual void settle(Reservation reservation, Money spent, int64_t tokens) = 0;

  /// Microseconds until the next day, or month, begins: when a refused caller may come back.
  virtual int64_t until_next_window_us(bool month) const = 0;
  /// All accounts of the windows now.
  virtual std::vector<Spend> spends() const = 0;
  /// Manual only: makes claims durable and lets those through that waited for them.
  virtual void flush() = 0;
  /// Records exactly what was spent; reservations still open count as spent. Refuses what comes later.
  /// Idempotent.
  virtual Status close() = 0;
};

}  // namespace switchyard::router
