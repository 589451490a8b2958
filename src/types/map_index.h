#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "switchyard/types/value.h"

namespace switchyard::map_index {

// The lookup index that stands right behind the members of a map, in the same allocation:
//
//   uint32 mode   kHashed or kSorted
//   kHashed: bit_ceil(2 n) slots of 1, 2 or 4 bytes: place of the member plus one, 0 = empty; linear probing
//   kSorted: n uint32 places, in the order of compare_keys
//
// Hashed is the normal form. Keys made to collide (an attacker's body) would make building quadratic, so a
// build that probes too often falls back to kSorted. The choice depends on the keys alone and shows in
// nothing but speed.

inline constexpr uint32_t kHashed = 0;
inline constexpr uint32_t kSorted = 1;

/// Bytes to reserve behind `members` members.
size_t bytes(uint32_t members);
/// Writes the index; the place of the first repeated key, or -1.
int64_t build(const Member* members, uint32_t count);
/// The member with this key or nullptr; requires an index behind the members.
const Member* find(const Member* members, uint32_t count, std::string_view key);
const Member* find(const Member* members, uint32_t count, const Value& key);

/// CEL equality of two keys: strings by bytes, numbers by value across kinds.
bool keys_equal(const Value& a, const Value& b);

/// Multiplies to 128 bits and folds: every input bit reaches every output bit.
inline uint64_t fold(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t load8(const char* p) {
  uint64_t v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline uint64_t load4(const char* p) {
  uint32_t v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

inline constexpr uint64_t kSaltA = 0x8f3b1c5d27e4a96bull;
inline constexpr uint64_t kSaltB = 0xd1c64fa2930b7e57ull;

/// A few nanoseconds for the length of a field name; overlapping loads instead of a loop up to 16 bytes.
inline uint64_t hash_text(std::string_view text) {
  const char* p = text.data();
  const size_t n = text.size();
  uint64_t state = kSaltA;
  uint64_t a = 0;
  uint64_t b = 0;
  if (n > 16) {
    for (size_t left = n; left > 16; left -= 16, p += 16)
      state = fold(load8(p) ^ kSaltB, load8(p + 8) ^ state);
    const char* last = text.data() + n - 16;
    a = load8(last);
    b = load8(last + 8);
  } else if (n >= 8) {
    a = load8(p);
    b = load8(p + n - 8);
  } else if (n >= 4) {
    a = load4(p);
    b = load4(p + n - 4);
  } else if (n > 0) {
    a = static_cast<uint64_t>(static_cast<uint8_t>(p[0])) << 16 |
        static_cast<uint64_t>(static_cast<uint8_t>(p[n / 2])) << 8 | static_cast<uint8_t>(p[n - 1]);
  }
  return fold(a ^ state, b ^ kSaltB ^ n);
}

}  // namespace switchyard::map_index
