#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <string_view>

namespace switchyard::telemetry {

/// A password, key or token. No way of printing it (streams, fmt, log fields) shows it; only reveal() does.
/// Its memory is wiped when it goes.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : value_(std::move(other.value_)) { other.wipe(); }
  Secret& operator=(const Secret& other);
  Secret& operator=(Secret&& other) noexcept;
  ~Secret() { wipe(); }

  /// The value. Hand it to the library that needs it; do not keep it.
  const std::string& reveal() const { return value_; }
  bool empty() const { return value_.empty(); }
  /// In a time that does not depend on where the two differ.
  bool equals(std::string_view other) const;
  friend bool operator==(const Secret& a, const Secret& b) { return a.equals(b.value_); }

  friend std::ostream& operator<<(std::ostream& out, const Secret&) { return out << kShown; }
  static constexpr std::string_view kShown = "[secret]";

 private:
  void wipe();
  std::string value_;
};

}  // namespace switchyard::telemetry

/// Takes any format specification and ignores it.
template <>
struct fmt::formatter<switchyard::telemetry::Secret> {
  constexpr auto parse(fmt::format_parse_context& context) {
    return std::find(context.begin(), context.end(), '}');
  }
  template <typename Context>
  auto format(const switchyard::telemetry::Secret&, Context& context) const {
    constexpr auto kShown = switchyard::telemetry::Secret::kShown;
    return std::copy(kShown.begin(), kShown.end(), context.out());
  }
};
