#include "switchyard/gateway/policy.h"

#include <algorithm>
#include <array>

#include "switchyard/gateway/limits.h"
#include "switchyard/types/ids.h"

namespace switchyard::gateway {
namespace {

constexpr std::array<std::string_view, kPriorityCount> kPriorityNames = {"low", "normal", "high"};

Error bad_limit(std::string_view field, uint64_t most) {
  return make_error(ErrorKind::kInvalidArgument, "gateway.bad_limit",
                    std::string(field) + " is at most " + std::to_string(most) + "; leave it out for none.",
                    std::string(field));
}

bool is_glob(std::string_view text) {
  return !text.empty() && text.size() <= kMaxRouteGlobBytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

Budget tighter(const Budget& one, const Budget& other) {
  const auto less = [](int64_t a, int64_t b) { return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b); };
  return {less(one.day_micros, other.day_micros), less(one.month_micros, other.month_micros)};
}

std::string_view priority_name(Priority priority) { return kPriorityNames[static_cast<size_t>(priority)]; }

std::optional<Priority> priority_from(std::string_view name) {
  const auto found = std::find(kPriorityNames.begin(), kPriorityNames.end(), name);
  if (found == kPriorityNames.end()) return std::nullopt;
  return static_cast<Priority>(found - kPriorityNames.begin());
}

int32_t run_priority(Priority priority) {
  constexpr std::array<int32_t, kPriorityCount> kPriorities = {25, kDefaultPriority, 75};
  return kPriorities[static_cast<size_t>(priority)];
}

bool glob_matches(std::string_view glob, std::string_view name) {
  size_t g = 0, n = 0, star = std::string_view::npos, resume = 0;
  while (n < name.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      resume = n;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == name[n])) {
      ++g;
      ++n;
    } else if (star != std::string_view::npos) {
      g = star + 1;  // the star takes one character more
      n = ++resume;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

Status check_policy(const KeyPolicy& policy) {
  if (policy.limits.requests_per_minute > kMaxRequestsPerMinute)
    return bad_limit("requests_per_minute", kMaxRequestsPerMinute);
  if (policy.limits.tokens_per_minute > kMaxTokensPerMinute)
    return bad_limit("tokens_per_minute", kMaxTokensPerMinute);
  if (policy.limits.concurrent > kMaxConcurrent) return bad_limit("concurrent", kMaxConcurrent);
  for (const auto& [field, micros] : {std::pair{"budget_per_day", policy.budget.day_micros},
                                      std::pair{"budget_per_month", policy.budget.month_micros}})
    if (micros < 0 || micros > kMaxBudgetMicros)
      return make_error(ErrorKind::kInvalidArgument, "gateway.bad_budget",
                        std::string(field) + " is an amount from 0 to " + money_text(kMaxBudgetMicros) + ".",
                        field);
  if (policy.routes.size() > kMaxRouteGlobs)
    return make_error(ErrorKind::kInvalidArgument, "gateway.bad_route",
                      "A key names at most " + std::to_string(kMaxRouteGlobs) + " routes; use patterns.",
                      "routes");
  for (const std::string& route : policy.routes)
    if (!is_glob(route))
      return make_error(ErrorKind::kInvalidArgument, "gateway.bad_route",
                        "A route is named with 1 to " + std::to_string(kMaxRouteGlobBytes) +
                            " visible ASCII characters, '*' and '?' standing for others: chat/*.",
                        "routes");
  return {};
}

std::optional<int64_t> parse_money(std::string_view text) {
  const size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  const std::string_view part = point == text.npos ? std::string_view() : text.substr(point + 1);
  if (whole.empty() || whole.size() > 12 || part.size() > 6 || (point != text.npos && part.empty()))
    return std::nullopt;
  int64_t micros = 0;
  for (size_t i = 0; i < whole.size() + 6; ++i) {
    char digit = '0';
    if (i < whole.size()) digit = whole[i];
    if (i >= whole.size() && i - whole.size() < part.size()) digit = part[i - whole.size()];
    if (digit < '0' || digit > '9') return std::nullopt;
    micros = micros * 10 + (digit - '0');
  }
  return micros;
}

std::string money_text(int64_t micros) {
  std::string text = std::to_string(micros / 1'000'000);
  if (micros % 1'000'000 == 0) return text;
  std::string part = std::to_string(micros % 1'000'000);
  part.insert(0, 6 - part.size(), '0');
  while (part.back() == '0') part.pop_back();
  return text + "." + part;
}

}  // namespace switchyard::gateway
