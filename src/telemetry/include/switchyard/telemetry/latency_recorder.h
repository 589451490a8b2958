#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace switchyard::telemetry {

/// Counts of values (nanoseconds, by custom) in buckets that are log-linear: exact below 256, within 0.4 %
/// above, any uint64. For benches and reports, where a histogram of a few buckets is too coarse. record() is
/// a few nanoseconds; memory 60 KiB. One thread; merge() those of several.
class LatencyRecorder {
 public:
  LatencyRecorder();

  void record(uint64_t value, uint64_t times = 1);
  /// For a closed loop that should have issued one every `interval`: also records what the calls that could
  /// not be made during a long one would have seen (coordinated omission).
  void record_corrected(uint64_t value, uint64_t interval);
  void merge(const LatencyRecorder& other);
  void clear();

  uint64_t count() const { return count_; }
  uint64_t min() const { return count_ == 0 ? 0 : min_; }  ///< exact
  uint64_t max() const { return max_; }                    ///< exact
  double mean() const;                                     ///< exact
  /// The smallest recorded value (within the precision) that at least `percent` per cent are not above; 0
  /// when empty.
  uint64_t percentile(double percent) const;

  /// "n=1985 p50=1.2ms p99=4.5ms p99.9=7ms max=9.8ms", values being nanoseconds.
  std::string summary() const;

 private:
  std::vector<uint64_t> counts_;
  uint64_t count_ = 0;
  uint64_t min_ = UINT64_MAX;
  uint64_t max_ = 0;
  double sum_ = 0;
};

/// "950ns", "1.2us", "3.4ms", "5.6s".
std::string format_nanoseconds(uint64_t ns);

}  // namespace switchyard::telemetry
