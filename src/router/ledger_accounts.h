#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "switchyard/router/ledger.h"

namespace switchyard::router {

/// Day or month of an account.
struct AccountKey {
  Scope scope = Scope::kRoute;
  std::string id, currency;
  bool month = false;
  int64_t window = 0;
  friend auto operator<=>(const AccountKey&, const AccountKey&) = default;
};

/// Money and tokens together.
struct Amount {
  Money money;
  int64_t tokens = 0;
  Amount& operator+=(const Amount& b) {
    money += b.money;
    tokens += b.tokens;
    return *this;
  }
  friend Amount operator+(Amount a, const Amount& b) { return a += b; }
  friend Amount operator-(const Amount& a, const Amount& b) {
    return {a.money - b.money, a.tokens - b.tokens};
  }
  /// Both parts at most those of `b`.
  bool within(const Amount& b) const { return money <= b.money && tokens <= b.tokens; }
};

struct Account {
  Amount spent;
  Amount reserved;
  Amount claimed;        ///< durably: counts as spent after a crash
  Amount claiming;       ///< on its way to the disk
  Amount chunk;          ///< how far the next claim goes ahead
  bool dirty = false;    ///< needs a claim
  bool in_order = true;  ///< spent is exact and `claimed` equals it: nothing to write at close

  Amount used() const { return spent + reserved; }
};

/// The days and months of all accounts, with what is claimed of them. The ledger's state; neither threads nor
/// log. Windows before the last two are forgotten.
class LedgerAccounts {
 public:
  static int64_t window_of(int64_t wall_us, bool month);
  static int64_t window_begins_us(int64_t window, bool month);
  /// "2026-01-31", "2026-01".
  static std::string window_name(int64_t window, bool month);

  using Held = std::vector<AccountKey>;
  /// Puts the amount aside in the windows of `wall_us`, or names the limit in the way. `*covered` says
  /// whether the claims cover it already.
  Result<Held> reserve(const std::vector<Charge>& charges, const std::string& currency, const Amount& worst,
                       int64_t wall_us, bool* covered);
  bool covered(const Held& held) const;
  void settle(const Held& held, const Amount& reserved, const Amount& spent);

  /// Whether take_claims() would give any.
  bool claims_due() const { return due_; }
  /// Accounts that need a claim, each with the claim to write; they count as claimed with claims_durable().
  std::vector<std::pair<AccountKey, Amount>> take_claims();
  void claims_durable(const std::vector<std::pair<AccountKey, Amount>>& claims);
  /// Every account with its present claim, or with exactly what was spent.
  std::vector<std::pair<AccountKey, Amount>> snapshot(bool exact) const;
  /// A claim read from the log: the latest counts.
  void restore(const AccountKey& key, const Amount& claimed);
  void forget_before(int64_t wall_us);

  std::vector<Spend> spends(int64_t wall_us) const;
  size_t size() const { return accounts_.size(); }

 private:
  Result<Account*> find(const AccountKey& key);
  std::map<AccountKey, Account> accounts_;
  bool due_ = false;
};

}  // namespace switchyard::router
