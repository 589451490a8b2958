#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "switchyard/base/result.h"

namespace switchyard::router {

/// An amount in billionths of a currency's unit: sums of prices are exact. Up to about nine billion units;
/// sums beyond stay there.
struct Money {
  int64_t nanos = 0;

  static constexpr int64_t kUnit = 1'000'000'000;
  double units() const { return static_cast<double>(nanos) / kUnit; }
  /// "12.5", "0.000075": as short as exact.
  std::string to_string() const;
  /// A decimal number, not negative, with at most nine digits after the point: kInvalidArgument
  /// "router.bad_amount" otherwise.
  static Result<Money> parse(std::string_view text);
  static Money from_double(double units);

  friend Money operator+(Money a, Money b);
  friend Money operator-(Money a, Money b);
  Money& operator+=(Money b) { return *this = *this + b; }
  friend auto operator<=>(const Money&, const Money&) = default;
};

/// What a call used.
struct Usage {
  int64_t input_tokens = 0;
  int64_t cached_tokens = 0;  ///< of the input; they have their own price
  int64_t output_tokens = 0;
  int64_t calls = 0;
  int64_t run_us = 0;
  int64_t human_us = 0;

  int64_t tokens() const { return input_tokens + output_tokens; }
};

/// What a model version costs. All prices may be 0.
struct PriceTable {
  std::string currency;  ///< ISO 4217; empty: no price is known
  // Each for a million tokens.
  Money input_tokens;
  Money cached_tokens;
  Money output_tokens;
  Money call;
  Money second;                      ///< of the model's run
  Money human_minute;                ///< of people who answer in its place
  int64_t max_output_tokens = 4096;  ///< that a call can use which sets no limit of its own

  bool empty() const { return currency.empty(); }
};

/// The price of `usage`: summed without rounding, then rounded once, to the nearest billionth.
Money cost_of(const PriceTable& prices, const Usage& usage);

}  // namespace switchyard::router
