#pragma once

#include "sequential.h"
#include "switchyard/base/bytes.h"

// The parts of evidence that canaries and experiments share, as they are kept.
namespace switchyard::router {

inline void write(ByteWriter& writer, const Tally& tally) {
  writer.varint(tally.calls);
  writer.varint(tally.yes);
}
inline void read(ByteReader& reader, Tally& tally) {
  tally.calls = reader.varint();
  tally.yes = reader.varint();
  if (tally.yes > tally.calls) reader.fail();
}

inline void write(ByteWriter& writer, const Moments& moments) {
  writer.varint(moments.n);
  writer.f64(moments.mean);
  writer.f64(moments.m2);
}
inline void read(ByteReader& reader, Moments& moments) {
  moments.n = reader.varint();
  moments.mean = reader.f64();
  moments.m2 = reader.f64();
}

}  // namespace switchyard::router
