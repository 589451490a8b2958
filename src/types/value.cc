#include "switchyard/types/value.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "map_index.h"

namespace switchyard {
namespace {

// 2^63 and 2^64 are exact doubles; the largest int64 and uint64 are not, so ranges are half open.
constexpr double kTwoTo63 = 9223372036854775808.0;
constexpr double kTwoTo64 = 18446744073709551616.0;

/// By mathematical value: a double that is no integer, or outside the range, equals no integer.
bool double_equals_integer(double d, int64_t i) {
  return d >= -kTwoTo63 && d < kTwoTo63 && static_cast<int64_t>(d) == i &&
         static_cast<double>(static_cast<int64_t>(d)) == d;
}
bool double_equals_unsigned(double d, uint64_t u) {
  return d >= 0 && d < kTwoTo64 && static_cast<uint64_t>(d) == u &&
         static_cast<double>(static_cast<uint64_t>(d)) == d;
}

bool numbers_equal(const Value& a, const Value& b) {
  if (a.kind() > b.kind()) return numbers_equal(b, a);
  // Now the kinds are in the order integer, unsigned, double.
  if (a.is(Kind::kInteger)) {
    const int64_t i = a.as_integer();
    if (b.is(Kind::kInteger)) return i == b.as_integer();
    if (b.is(Kind::kUnsigned)) return i >= 0 && static_cast<uint64_t>(i) == b.as_unsigned();
    return double_equals_integer(b.as_double(), i);
  }
  if (a.is(Kind::kUnsigned)) {
    if (b.is(Kind::kUnsigned)) return a.as_unsigned() == b.as_unsigned();
    return double_equals_unsigned(b.as_double(), a.as_unsigned());
  }
  return a.as_double() == b.as_double();
}

template <typename Same>
bool lists_match(std::span<const Value> a, std::span<const Value> b, Same same) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

bool maps_equal(const Value& a, const Value& b) {
  if (a.size() != b.size()) return false;
  for (const Member& member : a.members()) {
    const Value* other = b.find(member.key);
    if (other == nullptr || !equal(member.value, *other)) return false;
  }
  return true;
}

/// "~1" is '/', "~0" is '~'; false when the token has another '~'.
bool unescape_token(std::string_view token, std::string& out) {
  out.clear();
  for (size_t i = 0; i < token.size(); ++i) {
    if (token[i] != '~') {
      out.push_back(token[i]);
      continue;
    }
    if (++i == token.size() || (token[i] != '0' && token[i] != '1')) return false;
    out.push_back(token[i] == '0' ? '~' : '/');
  }
  return true;
}

/// A list index as RFC 6901 writes it: no sign, no leading zeros.
const Value* item_at(const Value& list, std::string_view token) {
  if (token.empty() || token.size() > 10 || (token[0] == '0' && token.size() > 1)) return nullptr;
  uint64_t index = 0;
  for (const char c : token) {
    if (c < '0' || c > '9') return nullptr;
    index = index * 10 + static_cast<uint64_t>(c - '0');
  }
  return index < list.size() ? &list.items()[index] : nullptr;
}

uint64_t hash_number(bool negative, uint64_t bits) {
  return map_index::fold(bits ^ map_index::kSaltA, negative ? map_index::kSaltB : ~map_index::kSaltB);
}

/// By mathematical value, exactly: rounding an integer to a double would lose the order beyond 2^53.
std::partial_ordering compare_to_double(int64_t i, double d) {
  if (std::isnan(d)) return std::partial_ordering::unordered;
  if (d >= kTwoTo63) return std::partial_ordering::less;
  if (d < -kTwoTo63) return std::partial_ordering::greater;
  const auto whole = static_cast<int64_t>(d);
  if (i != whole) return i <=> whole;
  return 0.0 <=> d - static_cast<double>(whole);
}
std::partial_ordering compare_to_double(uint64_t u, double d) {
  if (std::isnan(d)) return std::partial_ordering::unordered;
  if (d >= kTwoTo64) return std::partial_ordering::less;
  if (d < 0) return std::partial_ordering::greater;
  const auto whole = static_cast<uint64_t>(d);
  if (u != whole) return u <=> whole;
  return 0.0 <=> d - static_cast<double>(whole);
}

uint64_t hash_double(double d) {
  if (d >= -kTwoTo63 && d < kTwoTo63 && d == std::trunc(d))
    return hash_key(Value::integer(static_cast<int64_t>(d)));
  if (d >= kTwoTo63 && d < kTwoTo64) return hash_key(Value::unsigned_integer(static_cast<uint64_t>(d)));
  return map_index::fold(std::bit_cast<uint64_t>(d), map_index::kSaltA);
}

}  // namespace

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::kNull: return "null";
    case Kind::kBool: return "bool";
    case Kind::kInteger: return "int";
    case Kind::kUnsigned: return "uint";
    case Kind::kDouble: return "double";
    case Kind::kString: return "string";
    case Kind::kBytes: return "bytes";
    case Kind::kList: return "list";
    case Kind::kMap: return "map";
    case Kind::kTimestamp: return "timestamp";
    case Kind::kDuration: return "duration";
    case Kind::kType: return "type";
    case Kind::kOptional: return "optional";
  }
  return "unknown";
}

double Value::to_double() const {
  SY_CHECK(is_number());
  if (kind_ == Kind::kDouble) return double_;
  if (kind_ == Kind::kInteger) return static_cast<double>(integer_);
  return static_cast<double>(static_cast<uint64_t>(integer_));
}

const Value* Value::find(std::string_view key) const {
  if (kind_ != Kind::kMap) return nullptr;
  if (indexed_) {
    const Member* member = map_index::find(members_, size_, key);
    return member == nullptr ? nullptr : &member->value;
  }
  for (const Member* member = members_; member != members_ + size_; ++member) {
    if (member->key.size_ == key.size() && member->key.kind_ == Kind::kString &&
        std::string_view(member->key.text_, member->key.size_) == key) {
      return &member->value;
    }
  }
  return nullptr;
}

const Value* Value::find(const Value& key) const {
  if (kind_ != Kind::kMap) return nullptr;
  if (key.is(Kind::kString)) return find(key.as_string());
  if (key.is(Kind::kDouble)) {
    // Keys are never doubles: look for the integer of the same value.
    const double d = key.as_double();
    if (d >= -kTwoTo63 && d < kTwoTo63) {
      const auto i = static_cast<int64_t>(d);
      return double_equals_integer(d, i) ? find(integer(i)) : nullptr;
    }
    return d >= kTwoTo63 && d < kTwoTo64 ? find(unsigned_integer(static_cast<uint64_t>(d))) : nullptr;
  }
  if (!key.is(Kind::kBool) && !key.is(Kind::kInteger) && !key.is(Kind::kUnsigned)) return nullptr;
  if (indexed_) {
    const Member* member = map_index::find(members_, size_, key);
    return member == nullptr ? nullptr : &member->value;
  }
  for (const Member& member : members()) {
    if (map_index::keys_equal(member.key, key)) return &member.value;
  }
  return nullptr;
}

const Value* Value::at_pointer(std::string_view pointer) const {
  const Value* at = this;
  std::string unescaped;
  while (!pointer.empty()) {
    if (pointer[0] != '/') return nullptr;
    const size_t end = std::min(pointer.find('/', 1), pointer.size());
    std::string_view token = pointer.substr(1, end - 1);
    pointer.remove_prefix(end);
    if (token.find('~') != std::string_view::npos) {
      if (!unescape_token(token, unescaped)) return nullptr;
      token = unescaped;
    }
    at = at->is(Kind::kList) ? item_at(*at, token) : at->find(token);
    if (at == nullptr) return nullptr;
  }
  return at;
}

uint32_t depth(const Value& value) {
  uint32_t deepest = 0;
  switch (value.kind()) {
    case Kind::kList:
      for (const Value& item : value.items()) deepest = std::max(deepest, depth(item));
      return deepest + 1;
    case Kind::kMap:
      for (const Member& member : value.members()) deepest = std::max(deepest, depth(member.value));
      return deepest + 1;
    case Kind::kOptional: return value.optional_value() == nullptr ? 1 : depth(*value.optional_value()) + 1;
    default: return 0;
  }
}

bool equal(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return numbers_equal(a, b);
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kNull: return true;
    case Kind::kBool: return a.as_bool() == b.as_bool();
    case Kind::kString: return a.as_string() == b.as_string();
    case Kind::kBytes: return a.as_bytes() == b.as_bytes();
    case Kind::kType: return a.as_type() == b.as_type();
    case Kind::kList: return lists_match(a.items(), b.items(), equal);
    case Kind::kMap: return maps_equal(a, b);
    case Kind::kTimestamp:
    case Kind::kDuration: return a.seconds() == b.seconds() && a.nanos() == b.nanos();
    case Kind::kOptional: {
      const Value* x = a.optional_value();
      const Value* y = b.optional_value();
      return x == nullptr || y == nullptr ? x == y : equal(*x, *y);
    }
    default: return false;  // numbers were compared above
  }
}

bool identical(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kDouble:
      return std::bit_cast<uint64_t>(a.as_double()) == std::bit_cast<uint64_t>(b.as_double());
    case Kind::kList: return lists_match(a.items(), b.items(), identical);
    case Kind::kMap:
      return std::equal(a.members().begin(), a.members().end(), b.members().begin(), b.members().end(),
                        [](const Member& x, const Member& y) {
                          return identical(x.key, y.key) && identical(x.value, y.value);
                        });
    case Kind::kOptional: {
      const Value* x = a.optional_value();
      const Value* y = b.optional_value();
      return x == nullptr || y == nullptr ? x == y : identical(*x, *y);
    }
    default: return equal(a, b);
  }
}

bool is_same(const Value& a, const Value& b) {
  return a.kind_ == b.kind_ && a.size_ == b.size_ && a.integer_ == b.integer_;
}

std::partial_ordering compare_numbers(const Value& a, const Value& b) {
  SY_CHECK(a.is_number() && b.is_number());
  if (a.is(Kind::kDouble)) {
    if (b.is(Kind::kDouble)) return a.as_double() <=> b.as_double();
    const auto opposite = compare_numbers(b, a);
    return 0 <=> opposite;
  }
  if (a.is(Kind::kInteger)) {
    const int64_t i = a.as_integer();
    if (b.is(Kind::kInteger)) return i <=> b.as_integer();
    if (b.is(Kind::kDouble)) return compare_to_double(i, b.as_double());
    return i < 0 ? std::strong_ordering::less : static_cast<uint64_t>(i) <=> b.as_unsigned();
  }
  if (b.is(Kind::kUnsigned)) return a.as_unsigned() <=> b.as_unsigned();
  if (b.is(Kind::kDouble)) return compare_to_double(a.as_unsigned(), b.as_double());
  return b.as_integer() < 0 ? std::strong_ordering::greater
                            : a.as_unsigned() <=> static_cast<uint64_t>(b.as_integer());
}

uint64_t hash_value(const Value& value) {
  const auto tagged = [&](uint64_t hash) {
    return map_index::fold(hash ^ map_index::kSaltA, static_cast<uint64_t>(value.kind()) + map_index::kSaltB);
  };
  switch (value.kind()) {
    case Kind::kNull: return map_index::kSaltA;
    case Kind::kDouble: return hash_double(value.as_double());
    case Kind::kBytes: return tagged(map_index::hash_text(value.as_bytes()));
    case Kind::kType: return tagged(map_index::hash_text(value.as_type()));
    case Kind::kTimestamp:
    case Kind::kDuration:
      return tagged(map_index::fold(static_cast<uint64_t>(value.seconds()) ^ map_index::kSaltB,
                                    static_cast<uint64_t>(value.nanos()) ^ map_index::kSaltA));
    case Kind::kOptional:
      return tagged(value.optional_value() == nullptr ? 0 : hash_value(*value.optional_value()));
    case Kind::kList: {
      uint64_t hash = value.size();
      for (const Value& item : value.items())
        hash = map_index::fold(hash ^ map_index::kSaltA, hash_value(item) ^ map_index::kSaltB);
      return tagged(hash);
    }
    case Kind::kMap: {
      // A sum, so that the order of members does not matter.
      uint64_t hash = value.size();
      for (const Member& member : value.members()) {
        hash += map_index::fold(hash_key(member.key) ^ map_index::kSaltA,
                                hash_value(member.value) ^ map_index::kSaltB);
      }
      return tagged(hash);
    }
    default: return hash_key(value);
  }
}

uint64_t hash_key(const Value& key) {
  switch (key.kind()) {
    case Kind::kString: return map_index::hash_text(key.as_string());
    case Kind::kBool: return map_index::fold(key.as_bool() ? 3 : 5, map_index::kSaltB);
    case Kind::kInteger: return hash_number(key.as_integer() < 0, static_cast<uint64_t>(key.as_integer()));
    case Kind::kUnsigned: return hash_number(false, key.as_unsigned());
    default: SY_CHECK(false && "only strings, booleans, int and uint are map keys");
  }
  return 0;
}

}  // namespace switchyard
