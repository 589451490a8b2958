#pragma once

#include <bit>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "switchyard/types/utf8.h"
#include "switchyard/types/value.h"

namespace switchyard::testing {

/// Random values, the same for the same seed.
class RandomValues {
 public:
  RandomValues(uint64_t seed, Arena& arena) : random_(seed), arena_(arena) {}

  uint64_t below(uint64_t end) { return random_() % end; }

  std::string text(size_t max_code_points = 12) {
    std::string out;
    for (size_t n = below(max_code_points + 1); n > 0; --n) {
      switch (below(10)) {
        case 0: append_utf8(static_cast<uint32_t>(below(0x20)), out); break;
        case 1: append_utf8("\"\\/~\x7f"[below(5)], out); break;
        case 2: append_utf8(static_cast<uint32_t>(0x80 + below(0x700)), out); break;
        case 3: append_utf8(static_cast<uint32_t>(0xe000 + below(0x1000)), out); break;
        case 4: append_utf8(static_cast<uint32_t>(0x10000 + below(0x100000)), out); break;
        default: append_utf8(static_cast<uint32_t>('a' + below(26)), out); break;
      }
    }
    return out;
  }

  int64_t integer() {
    const auto bits = static_cast<int64_t>(random_());
    return bits >> below(64);
  }

  double finite_double() {
    if (below(3) == 0) return static_cast<double>(integer()) / 100;
    for (;;) {
      const auto d = std::bit_cast<double>(random_());
      if (std::isfinite(d)) return d;
    }
  }

  /// What JSON can say: unsigned integers only above int64.
  Value json(uint32_t levels) {
    switch (below(levels == 0 ? 6 : 8)) {
      case 0: return Value::null();
      case 1: return Value::boolean(below(2) != 0);
      case 2: return Value::integer(integer());
      case 3: return Value::unsigned_integer((1ull << 63) + below(1ull << 63));
      case 4: return Value::real(finite_double());
      case 5: return Value::string(arena_.copy(text(below(20) == 0 ? 200 : 12)));
      case 6: return list(levels, [&](uint32_t left) { return json(left); });
      default:
        return map(
            levels, [&] { return string_key(); }, [&](uint32_t left) { return json(left); });
    }
  }

  /// Every kind, every key kind.
  Value any(uint32_t levels) {
    switch (below(levels == 0 ? 8 : 12)) {
      case 0: return Value::unsigned_integer(random_() >> below(64));
      case 1: return Value::real(std::bit_cast<double>(random_()));
      case 2: return Value::bytes(arena_.copy(text()));
      case 3: return Value::type(arena_.copy(text()));
      case 4: return Value::timestamp(integer() >> 20, static_cast<int32_t>(below(1000000000)));
      case 5: {
        const int sign = below(2) == 0 ? 1 : -1;
        return Value::duration(sign * static_cast<int64_t>(random_() >> 20),
                               sign * static_cast<int32_t>(below(1000000000)));
      }
      case 6: return Value::none();
      case 7: return json(0);
      case 8: {
        Value* inner = arena_.allocate<Value>(1);
        *inner = any(levels - 1);
        return Value::optional(inner);
      }
      case 9: return list(levels, [&](uint32_t left) { return any(left); });
      case 10:
        return map(
            levels, [&] { return any_key(); }, [&](uint32_t left) { return any(left); });
      default: return json(levels);
    }
  }

 private:
  Value string_key() { return Value::string(arena_.copy(text(6))); }
  Value any_key() {
    switch (below(4)) {
      case 0: return Value::boolean(below(2) != 0);
      case 1: return Value::integer(integer());
      case 2: return Value::unsigned_integer(random_() >> below(64));
      default: return string_key();
    }
  }
  size_t length() { return below(12) == 0 ? below(300) : below(5); }

  template <typename Item>
  Value list(uint32_t levels, Item item) {
    ListBuilder builder(arena_);
    for (size_t n = levels > 2 ? below(5) : length(); n > 0; --n) builder.add(item(levels - 1));
    return builder.build();
  }
  template <typename Key, typename Item>
  Value map(uint32_t levels, Key key, Item item) {
    std::vector<Value> keys;
    for (size_t n = levels > 2 ? below(5) : length(); n > 0; --n) {
      const Value k = key();
      bool seen = false;
      for (const Value& other : keys) seen = seen || equal(k, other);
      if (!seen) keys.push_back(k);
    }
    MapBuilder builder(arena_);
    for (const Value& k : keys) builder.add(k, item(levels - 1));
    return builder.build();
  }

  std::mt19937_64 random_;
  Arena& arena_;
};

}  // namespace switchyard::testing
