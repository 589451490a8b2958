#include <charconv>

#include "case.h"
#include "limits.h"

namespace switchyard::rehearsal {
namespace {

struct Unit {
  std::string_view name;
  int64_t us;
};
constexpr Unit kUnits[] = {{"w", 604'800'000'000},
                           {"d", 86'400'000'000},
                           {"h", 3'600'000'000},
                           {"m", 60'000'000},
                           {"s", 1'000'000},
                           {"ms", 1000},
                           {"us", 1}};

}  // namespace

std::optional<int64_t> parse_duration(std::string_view text) {
  int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end == text.data() || count < 0) return std::nullopt;
  const std::string_view name = text.substr(static_cast<size_t>(end - text.data()));
  for (const Unit& unit : kUnits) {
    if (unit.name != name) continue;
    if (count > kMaxPlayUs / unit.us) return std::nullopt;
    return count * unit.us;
  }
  return std::nullopt;
}

std::string duration_text(int64_t us) {
  if (us == 0) return "0s";
  std::string text;
  // A single unit is what a test file can say; only where none fits the parts stand beside each other.
  for (const Unit& unit : kUnits)
    if (us % unit.us == 0 && unit.us != 604'800'000'000)
      return std::to_string(us / unit.us) + std::string(unit.name);
  return text;
}

}  // namespace switchyard::rehearsal
