#include "sequential.h"

#include <math.h>  // lgamma_r: std::lgamma writes a global

#include <algorithm>
#include <cmath>

namespace switchyard::router {
namespace {

double log_gamma(double x) {
  int sign = 0;
  return lgamma_r(x, &sign);
}

double log_beta(double a, double b) { return log_gamma(a) + log_gamma(b) - log_gamma(a + b); }

/// log of p^yes * (1-p)^no.
double log_likelihood(const Tally& tally, double p) {
  constexpr double kEdge = 1e-12;
  p = std::clamp(p, kEdge, 1 - kEdge);
  const auto yes = static_cast<double>(tally.yes), no = static_cast<double>(tally.calls - tally.yes);
  return yes * std::log(p) + no * std::log1p(-p);
}

double log_marginal(const Tally& tally) {
  return log_beta(0.5 + static_cast<double>(tally.yes), 0.5 + static_cast<double>(tally.calls - tally.yes)) -
         log_beta(0.5, 0.5);
}

}  // namespace

double log_mixture(const Tally& tally, double p) { return log_marginal(tally) - log_likelihood(tally, p); }

double evidence_above(const Tally& tally, double p) {
  // The least over all rates up to p: at p itself while the observed rate is above.
  if (tally.calls == 0 || tally.rate() <= p) return 0;
  return std::max(0.0, log_mixture(tally, p));
}

double evidence_increase(const Tally& tested, const Tally& base, double margin) {
  if (tested.calls == 0 || base.calls == 0 || tested.rate() <= base.rate() + margin) return 0;
  // The likelihood is largest on the edge of the hypothesis, where it is concave in the base's rate.
  const double marginal = log_marginal(tested) + log_marginal(base);
  double low = std::max(0.0, base.rate()), high = std::min(1.0 - margin, tested.rate() - margin);
  if (high < low) std::swap(low, high);
  const auto likelihood = [&](double p) {
    return log_likelihood(base, p) + log_likelihood(tested, p + margin);
  };
  for (int i = 0; i < 60 && high - low > 1e-9; ++i) {
    const double a = low + (high - low) / 3, b = high - (high - low) / 3;
    if (likelihood(a) < likelihood(b))
      low = a;
    else
      high = b;
  }
  return std::max(0.0, marginal - likelihood((low + high) / 2));
}

double evidence_of_mismatch(const Tally& tally, double share) {
  if (tally.calls == 0 || share <= 0 || share >= 1) return 0;
  // A prior with the mean at `share` finds small shares' mismatches as soon as large ones'.
  constexpr double kStrength = 100;
  const double a = kStrength * share, b = kStrength * (1 - share);
  const auto yes = static_cast<double>(tally.yes), no = static_cast<double>(tally.calls - tally.yes);
  return log_beta(a + yes, b + no) - log_beta(a, b) - log_likelihood(tally, share);
}

double evidence_difference(const Moments& tested, const Moments& base, double factor, double tau2) {
  if (tested.n < 2 || base.n < 2 || tau2 <= 0) return 0;
  const double variance = tested.variance() / static_cast<double>(tested.n) +
                          factor * factor * base.variance() / static_cast<double>(base.n);
  const double difference = tested.mean - factor * base.mean;
  if (variance <= 0) return 0;  // both constant: there is no scale to judge by
  return 0.5 * std::log(variance / (variance + tau2)) +
         tau2 * difference * difference / (2 * variance * (variance + tau2));
}

}  // namespace switchyard::router
