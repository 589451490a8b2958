#include "quantiles.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace switchyard::router {

uint32_t SlidingQuantiles::bucket(int64_t value_us) {
  const auto value = static_cast<uint64_t>(std::max<int64_t>(value_us, 0));
  if (value < kSub) return static_cast<uint32_t>(value);
  const auto octave = static_cast<uint32_t>(std::bit_width(value)) - 5;  // 0 for 16..31
  const auto within = static_cast<uint32_t>(value >> octave) - kSub;
  return std::min(kSub + octave * kSub + within, kBuckets - 1);
}

int64_t SlidingQuantiles::upper_bound(uint32_t bucket) {
  if (bucket < kSub) return bucket;
  const uint32_t octave = (bucket - kSub) / kSub, within = (bucket - kSub) % kSub;
  return (static_cast<int64_t>(kSub + within + 1) << octave) - 1;
}

void SlidingQuantiles::record(int64_t now_us, int64_t value_us) {
  if (now_.count == 0 && before_.count == 0) began_us_ = now_us;
  if (now_us - began_us_ >= kGenerationUs && now_.count >= kEnough) {
    before_ = now_;
    now_ = {};
    began_us_ = now_us;
  }
  ++now_.counts[bucket(value_us)];
  ++now_.count;
}

int64_t SlidingQuantiles::quantile(double q) const {
  const uint64_t all = count();
  if (all == 0) return 0;
  const auto rank = static_cast<uint64_t>(std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(all)));
  uint64_t seen = 0;
  for (uint32_t i = 0; i < kBuckets; ++i) {
    seen += now_.counts[i] + before_.counts[i];
    if (seen >= std::max<uint64_t>(rank, 1)) return upper_bound(i);
  }
  return upper_bound(kBuckets - 1);
}

void SlidingQuantiles::save(ByteWriter& writer) const {
  for (const Generation* generation : {&now_, &before_}) {
    writer.varint(static_cast<uint64_t>(std::count_if(generation->counts.begin(), generation->counts.end(),
                                                      [](uint32_t n) { return n != 0; })));
    for (uint32_t i = 0; i < kBuckets; ++i) {
      if (generation->counts[i] == 0) continue;
      writer.varint(i);
      writer.varint(generation->counts[i]);
    }
  }
}

void SlidingQuantiles::restore(ByteReader& reader, int64_t now_us) {
  for (Generation* generation : {&now_, &before_}) {
    *generation = {};
    const uint64_t used = reader.varint();
    for (uint64_t i = 0; i < used && reader.ok(); ++i) {
      const uint64_t bucket = reader.varint(), count = reader.varint();
      if (bucket >= kBuckets || count > UINT32_MAX) {
        reader.fail();
        return;
      }
      generation->counts[bucket] = static_cast<uint32_t>(count);
      generation->count += count;
    }
  }
  began_us_ = now_us;
}

}  // namespace switchyard::router
