#include "ledger_accounts.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "switchyard/router/limits.h"
#include "switchyard/types/time_text.h"

namespace switchyard::router {
namespace {

constexpr int64_t kDayUs = 86'400'000'000;

int64_t day_of(int64_t wall_us) { return wall_us / kDayUs - (wall_us % kDayUs < 0 ? 1 : 0); }

/// A claim goes ahead by a two hundredth of the limit: what a crash can cost at most, besides the calls that
/// were under way.
constexpr int64_t kLimitPart = 200;
constexpr int64_t kWorstTimes = 8;

Amount larger(const Amount& a, const Amount& b) {
  return {std::max(a.money, b.money), std::max(a.tokens, b.tokens)};
}

}  // namespace

int64_t LedgerAccounts::window_of(int64_t wall_us, bool month) {
  const int64_t day = day_of(wall_us);
  if (!month) return day;
  const CivilDate date = date_from_days(day);
  return (date.year - 1970) * 12 + date.month - 1;
}

int64_t LedgerAccounts::window_begins_us(int64_t window, bool month) {
  if (!month) return window * kDayUs;
  return days_from_date(1970 + window / 12, static_cast<uint32_t>(window % 12) + 1, 1) * kDayUs;
}

std::string LedgerAccounts::window_name(int64_t window, bool month) {
  const CivilDate date = date_from_days(day_of(window_begins_us(window, month)));
  std::array<char, 40> text{};
  const int size = month ? std::snprintf(text.data(), text.size(), "%04lld-%02u",
                                         static_cast<long long>(date.year), date.month)
                         : std::snprintf(text.data(), text.size(), "%04lld-%02u-%02u",
                                         static_cast<long long>(date.year), date.month, date.day);
  return {text.data(), static_cast<size_t>(size)};
}

Result<Account*> LedgerAccounts::find(const AccountKey& key) {
  const auto found = accounts_.find(key);
  if (found != accounts_.end()) return &found->second;
  if (accounts_.size() >= kMaxAccounts)
    return make_error(ErrorKind::kUnavailable, "router.ledger_full",
                      "the ledger has " + std::to_string(kMaxAccounts) +
                          " accounts: give fewer tenants and keys a budget of their own");
  return &accounts_[key];
}

Result<LedgerAccounts::Held> LedgerAccounts::reserve(const std::vector<Charge>& charges,
                                                     const std::string& currency, const Amount& worst,
                                                     int64_t wall_us, bool* covered) {
  Held held;
  std::vector<Account*> accounts;
  for (const Charge& charge : charges) {
    for (const bool month : {false, true}) {
      AccountKey key{charge.scope, charge.id, currency, month, window_of(wall_us, month)};
      SY_ASSIGN_OR_RETURN(Account * account, find(key));
      if (std::find(accounts.begin(), accounts.end(), account) != accounts.end()) continue;
      const auto& money = month ? charge.limit.month : charge.limit.day;
      const auto& tokens = month ? charge.limit.month_tokens : charge.limit.day_tokens;
      const Amount after = account->used() + worst;
      const auto refuse = [&](const std::string& limit, const std::string& used) {
        return make_error(
            ErrorKind::kResourceExhausted, "router.budget",
            "the budget of " + std::string(scope_name(charge.scope)) + " '" + charge.id + "' for " +
                window_name(key.window, month) + " is used up: " + used + " of " + limit +
                " are spent or set aside, and this call may need more than is left; raise it or "
                "come back when the next begins",
            month ? "month" : "day");
      };
      if (money && after.money > *money)
        return refuse(money->to_string() + " " + currency, account->used().money.to_string());
      if (tokens && after.tokens > *tokens)
        return refuse(std::to_string(*tokens) + " tokens", std::to_string(account->used().tokens));
      const Amount limit{money.value_or(Money{}), tokens.value_or(0)};
      account->chunk = larger({{limit.money.nanos / kLimitPart}, limit.tokens / kLimitPart},
                              {{worst.money.nanos <= INT64_MAX / kWorstTimes ? worst.money.nanos * kWorstTimes
                                                                             : worst.money.nanos},
                               worst.tokens * kWorstTimes});
      held.push_back(std::move(key));
      accounts.push_back(account);
    }
  }
  *covered = true;
  for (Account* account : accounts) {
    account->reserved += worst;
    account->in_order = false;
    const Amount used = account->used();
    if (!used.within(account->claimed)) *covered = false;
    // Ahead of need: before half of the chunk is left.
    const Amount ahead = used + Amount{{account->chunk.money.nanos / 2}, account->chunk.tokens / 2};
    if (!ahead.within(account->claiming)) account->dirty = due_ = true;
  }
  return held;
}

bool LedgerAccounts::covered(const Held& held) const {
  return std::all_of(held.begin(), held.end(), [&](const AccountKey& key) {
    const auto found = accounts_.find(key);
    return found == accounts_.end() || found->second.used().within(found->second.claimed);
  });
}

void LedgerAccounts::settle(const Held& held, const Amount& reserved, const Amount& spent) {
  for (const AccountKey& key : held) {
    const auto found = accounts_.find(key);
    if (found == accounts_.end()) continue;
    Account& account = found->second;
    account.reserved = account.reserved - reserved;
    account.spent += spent;
    account.in_order = false;
    // More than was reserved: the claim follows.
    if (!account.used().within(account.claiming)) account.dirty = due_ = true;
  }
}

std::vector<std::pair<AccountKey, Amount>> LedgerAccounts::take_claims() {
  std::vector<std::pair<AccountKey, Amount>> claims;
  due_ = false;
  for (auto& [key, account] : accounts_) {
    if (!account.dirty) continue;
    account.dirty = false;
    account.claiming = larger(account.claiming, account.used() + account.chunk);
    claims.emplace_back(key, account.claiming);
  }
  return claims;
}

void LedgerAccounts::claims_durable(const std::vector<std::pair<AccountKey, Amount>>& claims) {
  for (const auto& [key, claimed] : claims) {
    const auto found = accounts_.find(key);
    if (found != accounts_.end()) found->second.claimed = larger(found->second.claimed, claimed);
  }
}

std::vector<std::pair<AccountKey, Amount>> LedgerAccounts::snapshot(bool exact) const {
  std::vector<std::pair<AccountKey, Amount>> all;
  for (const auto& [key, account] : accounts_) {
    if (exact && account.in_order) continue;
    all.emplace_back(key, exact ? account.used() : account.claiming);
  }
  return all;
}

void LedgerAccounts::restore(const AccountKey& key, const Amount& claimed) {
  Account& account = accounts_[key];
  account.spent = account.claimed = account.claiming = claimed;
}

void LedgerAccounts::forget_before(int64_t wall_us) {
  std::erase_if(accounts_, [&](const auto& each) {
    const auto& [key, account] = each;
    const bool under_way = account.reserved.money.nanos != 0 || account.reserved.tokens != 0;
    return !under_way && key.window + 1 < window_of(wall_us, key.month);
  });
}

std::vector<Spend> LedgerAccounts::spends(int64_t wall_us) const {
  std::vector<Spend> all;
  for (const auto& [key, account] : accounts_) {
    if (key.window != window_of(wall_us, key.month)) continue;
    all.push_back({key.scope, key.id, key.currency, key.month, key.window, account.spent.money,
                   account.reserved.money, account.spent.tokens, account.reserved.tokens});
  }
  return all;
}

}  // namespace switchyard::router
