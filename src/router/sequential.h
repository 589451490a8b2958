#pragma once

#include <cstdint>

// Tests that may be looked at after every call: the chance that evidence ever exceeds log(1/alpha) while the
// null hypothesis holds is at most alpha (Ville, 1939). All evidence is a natural logarithm.
namespace switchyard::router {

/// Yes/no outcomes.
struct Tally {
  uint64_t calls = 0, yes = 0;
  void add(bool is_yes) {
    ++calls;
    yes += is_yes ? 1 : 0;
  }
  double rate() const { return calls == 0 ? 0 : static_cast<double>(yes) / static_cast<double>(calls); }
};

/// log of the mixture likelihood ratio of the tally against the rate `p`, with Jeffreys' prior as mixture
/// (Robbins, "Statistical methods related to the law of the iterated logarithm", 1970; as the beta-binomial
/// confidence sequence in Howard, Ramdas, McAuliffe and Sekhon, "Time-uniform, nonparametric, nonasymptotic
/// confidence sequences", 2021). A martingale under `p`, exact for every number of calls.
double log_mixture(const Tally& tally, double p);

/// Evidence that the rate is above `p`.
double evidence_above(const Tally& tally, double p);

/// Evidence that `tested`'s rate is above `base`'s by more than `margin`: the least, over all pairs of rates
/// for which that is not so, of the product of both mixtures (Kaufmann and Koolen, "Mixture martingales
/// revisited", 2021; Turner and Grünwald, 2022, treat the same two-sample problem).
double evidence_increase(const Tally& tested, const Tally& base, double margin);

/// Evidence that calls were not dealt out with probability `share`: sample ratio mismatch (Lindon and Malek,
/// "Anytime-valid inference for multinomial count data", 2022). `yes` counts those on the side of `share`.
double evidence_of_mismatch(const Tally& tally, double share);

/// Mean and variance, by Welford's recurrence.
struct Moments {
  uint64_t n = 0;
  double mean = 0, m2 = 0;
  void add(double value) {
    ++n;
    const double delta = value - mean;
    mean += delta / static_cast<double>(n);
    m2 += delta * (value - mean);
  }
  double variance() const { return n < 2 ? 0 : m2 / static_cast<double>(n - 1); }
};

/// The mixture sequential probability ratio test for the difference of two means, with a normal mixture of
/// variance `tau2` over the difference: Johari, Koomen, Pekelis and Walsh, "Always valid inference:
/// continuous monitoring of A/B tests", 2022. The evidence is that `tested.mean - factor * base.mean` is not
/// 0; asymptotic: it holds once the means are nearly normal, so do not look before some tens of values.
double evidence_difference(const Moments& tested, const Moments& base, double factor, double tau2);

}  // namespace switchyard::router
