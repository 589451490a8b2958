#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "switchyard/types/ids.h"

namespace switchyard::store {

/// Builds a key whose byte order is the order of its parts. Begin with a tag byte that is not 0. Parts carry
/// no type: the reader takes them in the order in which they were written.
class KeyWriter {
 public:
  explicit KeyWriter(std::string& out) : out_(out) {}

  KeyWriter& tag(char table) { return raw({&table, 1}); }
  KeyWriter& u8(uint8_t v) { return big_endian(v); }
  KeyWriter& u16(uint16_t v) { return big_endian(v); }
  KeyWriter& u32(uint32_t v) { return big_endian(v); }
  KeyWriter& u64(uint64_t v) { return big_endian(v); }
  /// Negative before positive.
  KeyWriter& i64(int64_t v) { return big_endian(static_cast<uint64_t>(v) ^ (uint64_t{1} << 63)); }
  /// Greatest first.
  KeyWriter& descending_u64(uint64_t v) { return big_endian(~v); }
  KeyWriter& descending_i64(int64_t v) {
    return big_endian(~(static_cast<uint64_t>(v) ^ (uint64_t{1} << 63)));
  }
  /// IEEE 754 total order, -0 before +0; a NaN sorts outside the infinities.
  KeyWriter& f64(double v);
  /// Any bytes, of any length, so that further parts may follow: 0 is written as 0 FF, and 0 0 ends it. A
  /// shorter string comes before a longer one that it begins.
  KeyWriter& text(std::string_view v);
  KeyWriter& id(const RunId& v) { return raw(v.view()); }
  /// The bytes as they are; only of a fixed length, or as the last part.
  KeyWriter& raw(std::string_view v) {
    out_.append(v);
    return *this;
  }

 private:
  template <typename T>
  KeyWriter& big_endian(T v) {
    char bytes[sizeof(T)];
    for (size_t i = 0; i < sizeof(T); ++i) bytes[i] = static_cast<char>(v >> (8 * (sizeof(T) - 1 - i)));
    out_.append(bytes, sizeof(T));
    return *this;
  }
  std::string& out_;
};

/// Reads what KeyWriter wrote. After the first malformed read every read gives zero and ok() is false. Views
/// point into the input.
class KeyReader {
 public:
  explicit KeyReader(std::string_view in) : in_(in) {}

  bool ok() const { return ok_; }
  bool at_end() const { return in_.empty(); }
  std::string_view rest() const { return in_; }

  char tag() { return static_cast<char>(big_endian<uint8_t>()); }
  uint8_t u8() { return big_endian<uint8_t>(); }
  uint16_t u16() { return big_endian<uint16_t>(); }
  uint32_t u32() { return big_endian<uint32_t>(); }
  uint64_t u64() { return big_endian<uint64_t>(); }
  int64_t i64() { return static_cast<int64_t>(u64() ^ (uint64_t{1} << 63)); }
  uint64_t descending_u64() { return ~u64(); }
  int64_t descending_i64() { return static_cast<int64_t>(~u64() ^ (uint64_t{1} << 63)); }
  double f64();
  std::string text();
  RunId id();
  std::string_view raw(size_t size);

 private:
  template <typename T>
  T big_endian() {
    const std::string_view bytes = raw(sizeof(T));
    T v = 0;
    if (ok_)
      for (const char c : bytes) v = static_cast<T>(static_cast<uint64_t>(v) << 8 | static_cast<uint8_t>(c));
    return v;
  }
  std::string_view in_;
  bool ok_ = true;
};

/// The smallest string greater than every string that begins with `prefix`; empty when there is none (all
/// bytes FF).
std::string prefix_end(std::string_view prefix);

}  // namespace switchyard::store
