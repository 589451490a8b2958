#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"

// What a caller may use, and how much of it: parts of a key, of a token's mapping and of the server's
// configuration.
namespace switchyard::gateway {

/// 0 in a field: no limit of that kind.
struct RateLimits {
  uint32_t requests_per_minute = 0;
  uint64_t tokens_per_minute = 0;  ///< of language models, asked and answered
  uint32_t concurrent = 0;         ///< requests let in and not answered

  bool any() const { return requests_per_minute != 0 || tokens_per_minute != 0 || concurrent != 0; }
  friend bool operator==(const RateLimits&, const RateLimits&) = default;
};

/// Money in millionths of the unit that prices are in. 0: no limit.
struct Budget {
  int64_t day_micros = 0;
  int64_t month_micros = 0;
  friend bool operator==(const Budget&, const Budget&) = default;
};

/// Both of them: of two limits the tighter.
Budget tighter(const Budget& one, const Budget& other);

/// Who is let in first when not all can be: the lowest is turned away first.
enum class Priority : uint8_t { kLow, kNormal, kHigh };
inline constexpr size_t kPriorityCount = 3;
/// "low", "normal", "high".
std::string_view priority_name(Priority priority);
std::optional<Priority> priority_from(std::string_view name);
/// Of the runs that such requests start, where their pipeline says none: 25, 50, 75.
int32_t run_priority(Priority priority);

/// What a key, or a rule that maps tokens or certificates, grants beside roles.
struct KeyPolicy {
  RateLimits limits;
  Budget budget;                          ///< enforced where money is spent: by the router
  std::vector<std::string> routes;        ///< globs of routes and models that may be called; empty: all
  Priority priority = Priority::kNormal;  ///< the highest that its requests may have
  friend bool operator==(const KeyPolicy&, const KeyPolicy&) = default;
};

/// Whether `name` fits `glob`, in which `*` is any run of characters and `?` any one.
bool glob_matches(std::string_view glob, std::string_view name);

/// kInvalidArgument "gateway.bad_limit", "gateway.bad_budget" or "gateway.bad_route", naming the field.
Status check_policy(const KeyPolicy& policy);

/// "12", "0.5", "19.990001": an amount that is not negative, with at most six decimals.
std::optional<int64_t> parse_money(std::string_view text);
/// The shortest text of it: "19.99".
std::string money_text(int64_t micros);

}  // namespace switchyard::gateway
