#pragma once

#include <array>
#include <cstdint>

#include "switchyard/base/bytes.h"

namespace switchyard::router {

/// Quantiles of durations over roughly the last one to two minutes, in 4 KiB. Log-linear buckets, sixteen to
/// an octave, so that an estimate is at most 1/16 too high: the scheme of HdrHistogram (Tene); two
/// generations, of which the older goes when the newer is a minute old and has enough. Not thread-safe.
class SlidingQuantiles {
 public:
  static constexpr int64_t kGenerationUs = 60'000'000;
  static constexpr uint32_t kEnough = 100;  ///< values, before an older generation may go

  void record(int64_t now_us, int64_t value_us);
  /// The upper bound of the bucket that holds quantile `q`; 0 when there is no value.
  int64_t quantile(double q) const;
  uint64_t count() const { return now_.count + before_.count; }

  void save(ByteWriter& writer) const;
  /// Goes on from what was saved as if that were of just now. What cannot be read fails the reader.
  void restore(ByteReader& reader, int64_t now_us);

 private:
  static constexpr uint32_t kSub = 16;       // buckets an octave
  static constexpr uint32_t kBuckets = 512;  // up to 2^36 us, 19 hours
  struct Generation {
    std::array<uint32_t, kBuckets> counts{};
    uint64_t count = 0;
  };
  static uint32_t bucket(int64_t value_us);
  static int64_t upper_bound(uint32_t bucket);

  Generation now_, before_;
  int64_t began_us_ = 0;
};

}  // namespace switchyard::router
