// size(), optionals, base64.
#include <string>

#include "builtin.h"
#include "utf8.h"

namespace switchyard::expression {
namespace {

bool size_of(Call& c) {
  const Value& v = c[0];
  switch (v.kind()) {
    case Kind::kString:
      if (!c.charge_text(v.size())) return false;
      return c.give(Value::integer(static_cast<int64_t>(count_runes(v.as_string()))));
    case Kind::kBytes:
    case Kind::kList:
    case Kind::kMap: return c.give(Value::integer(v.size()));
    default: return c.no_overload();
  }
}

// -- optionals --------------------------------------------------------------------------------------------

bool give_optional(Call& c, const Value& v) {
  return c.give(Value::optional(new (c.arena.allocate<Value>(1)) Value(v)));
}

bool is_zero(const Value& v) {
  switch (v.kind()) {
    case Kind::kNull: return true;
    case Kind::kBool: return !v.as_bool();
    case Kind::kInteger: return v.as_integer() == 0;
    case Kind::kUnsigned: return v.as_unsigned() == 0;
    case Kind::kDouble: return v.as_double() == 0;
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kList:
    case Kind::kMap: return v.size() == 0;
    case Kind::kTimestamp:
    case Kind::kDuration: return v.seconds() == 0 && v.nanos() == 0;
    case Kind::kType: return false;
    case Kind::kOptional: return v.optional_value() == nullptr;
  }
  return false;
}

bool optional_of(Call& c) { return give_optional(c, c[0]); }
bool optional_none(Call& c) { return c.give(Value::none()); }
bool optional_of_non_zero(Call& c) { return is_zero(c[0]) ? c.give(Value::none()) : give_optional(c, c[0]); }

bool has_value(Call& c) {
  if (!c.is(0, Kind::kOptional)) return c.no_overload();
  return c.give(Value::boolean(c[0].optional_value() != nullptr));
}

bool value_of(Call& c) {
  if (!c.is(0, Kind::kOptional)) return c.no_overload();
  if (c[0].optional_value() == nullptr) return c.fail(FaultCode::kAbsent, "the optional holds no value");
  return c.give(*c[0].optional_value());
}

/// or() and orValue() are compiled to jumps, so that their argument is evaluated only when it is needed.
bool never_called(Call& c) { return c.no_overload(); }

// -- base64 (RFC 4648) ------------------------------------------------------------------------------------

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool base64_encode(Call& c) {
  if (!c.is(0, Kind::kBytes)) return c.no_overload();
  const auto bytes = c[0].as_bytes();
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j)
      group = (group << 8) | (j < count ? static_cast<uint8_t>(bytes[i + j]) : 0);
    for (size_t j = 0; j < 4; ++j) out += j <= count ? kDigits[(group >> (18 - 6 * j)) & 63] : '=';
  }
  return c.give_text(out);
}

bool base64_decode(Call& c) {
  if (!c.is(0, Kind::kString)) return c.no_overload();
  auto text = c[0].as_string();
  const bool padded = text.size() % 4 == 0;
  for (int i = 0; padded && i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  constexpr const char* kWrong = "it is not base64";
  if (text.size() % 4 == 1) return c.fail(FaultCode::kConversion, kWrong, c[0]);
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char ch : text) {
    const size_t digit = kDigits.find(ch);
    if (digit == std::string_view::npos) return c.fail(FaultCode::kConversion, kWrong, c[0]);
    bits = (bits << 6) | static_cast<uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>((bits >> count) & 0xFF);
  }
  return c.give_text(out, true);
}

}  // namespace

std::span<const BuiltinSpec> value_builtins() {
  static const std::vector<const char*> kSizes = {"string -> int", "bytes -> int", "list(A) -> int",
                                                  "map(A, B) -> int"};
  static const BuiltinSpec kSpecs[] = {
      {"size", false, size_of, kSizes},
      {"size", true, size_of, kSizes},
      {"optional.of", false, optional_of, {"A -> optional(A)"}},
      {"optional.none", false, optional_none, {"-> optional(A)"}},
      {"optional.ofNonZeroValue", false, optional_of_non_zero, {"A -> optional(A)"}},
      {"hasValue", true, has_value, {"optional(A) -> bool"}},
      {"value", true, value_of, {"optional(A) -> A"}},
      {"or", true, never_called, {"optional(A), optional(A) -> optional(A)"}},
      {"orValue", true, never_called, {"optional(A), A -> A"}},
      {"base64.encode", false, base64_encode, {"bytes -> string"}},
      {"base64.decode", false, base64_decode, {"string -> bytes"}},
  };
  return kSpecs;
}

}  // namespace switchyard::expression
