// int(), uint(), double(), string(), bytes(), bool(), type(), dyn().
#include <charconv>
#include <cmath>
#include <limits>
#include <string>

#include "builtin.h"
#include "switchyard/types/time_text.h"
#include "switchyard/types/utf8.h"

namespace switchyard::expression {
namespace {

// 2^63 and 2^64 are doubles, the greatest int64 and uint64 are not.
constexpr double kTwoTo63 = 9223372036854775808.0;
constexpr double kTwoTo64 = 18446744073709551616.0;

template <typename T>
bool read_all(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

bool to_int(Call& c) {
  const Value& v = c[0];
  switch (v.kind()) {
    case Kind::kInteger: return c.give(v);
    case Kind::kUnsigned:
      if (v.as_unsigned() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
        return c.fail(FaultCode::kOverflow, "the value does not fit in an int", v);
      return c.give(Value::integer(static_cast<int64_t>(v.as_unsigned())));
    case Kind::kDouble:
      // Open at both ends, as the conformance data wants it; written so that NaN fails too.
      if (!(v.as_double() > -kTwoTo63 && v.as_double() < kTwoTo63))
        return c.fail(FaultCode::kOverflow, "the value does not fit in an int", v);
      return c.give(Value::integer(static_cast<int64_t>(v.as_double())));
    case Kind::kString: {
      int64_t out = 0;
      if (!read_all(v.as_string(), out)) return c.fail(FaultCode::kConversion, "it is not an int", v);
      return c.give(Value::integer(out));
    }
    case Kind::kTimestamp: return c.give(Value::integer(v.seconds()));
    default: return c.no_overload();
  }
}

bool to_uint(Call& c) {
  const Value& v = c[0];
  switch (v.kind()) {
    case Kind::kUnsigned: return c.give(v);
    case Kind::kInteger:
      if (v.as_integer() < 0) return c.fail(FaultCode::kOverflow, "the value does not fit in a uint", v);
      return c.give(Value::unsigned_integer(static_cast<uint64_t>(v.as_integer())));
    case Kind::kDouble:
      if (!(v.as_double() > -1 && v.as_double() < kTwoTo64))
        return c.fail(FaultCode::kOverflow, "the value does not fit in a uint", v);
      return c.give(Value::unsigned_integer(static_cast<uint64_t>(v.as_double())));
    case Kind::kString: {
      uint64_t out = 0;
      if (!read_all(v.as_string(), out)) return c.fail(FaultCode::kConversion, "it is not a uint", v);
      return c.give(Value::unsigned_integer(out));
    }
    default: return c.no_overload();
  }
}

bool to_double(Call& c) {
  const Value& v = c[0];
  if (v.is_number()) return c.give(Value::real(v.to_double()));
  if (!v.is(Kind::kString)) return c.no_overload();
  const auto text = v.as_string();
  if (text == "NaN") return c.give(Value::real(std::numeric_limits<double>::quiet_NaN()));
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (text == "Infinity" || text == "+Infinity") return c.give(Value::real(kInfinity));
  if (text == "-Infinity") return c.give(Value::real(-kInfinity));
  double out = 0;
  // from_chars would take "inf" and "nan(...)" too; a number has a digit first, or after its sign or point.
  const bool digits = text.find_first_of("0123456789") <= 2;
  if (!digits || !read_all(text, out)) return c.fail(FaultCode::kConversion, "it is not a double", v);
  return c.give(Value::real(out));
}

bool to_string(Call& c) {
  const Value& v = c[0];
  if (v.is(Kind::kString)) return c.give(v);
  if (v.is(Kind::kBytes)) {
    if (!c.charge_text(v.size())) return false;
    if (!is_valid_utf8(v.as_bytes()))
      return c.fail(FaultCode::kConversion, "the bytes are not valid UTF-8", v);
    return c.give(Value::string(v.as_bytes()));
  }
  std::string text;
  if (v.is_null() || v.is(Kind::kType) || !append_text(v, text)) return c.no_overload();
  return c.give_text(text);
}

bool to_bytes(Call& c) {
  if (c.is(0, Kind::kBytes)) return c.give(c[0]);
  if (c.is(0, Kind::kString)) return c.give(Value::bytes(c[0].as_string()));
  return c.no_overload();
}

bool to_bool(Call& c) {
  if (c.is(0, Kind::kBool)) return c.give(c[0]);
  if (!c.is(0, Kind::kString)) return c.no_overload();
  const auto text = c[0].as_string();
  for (const std::string_view yes : {"1", "t", "true", "TRUE", "True"})
    if (text == yes) return c.give(Value::boolean(true));
  for (const std::string_view no : {"0", "f", "false", "FALSE", "False"})
    if (text == no) return c.give(Value::boolean(false));
  return c.fail(FaultCode::kConversion, "it is neither 'true' nor 'false'", c[0]);
}

bool to_type(Call& c) { return c.give(Value::type(type_name(c[0]))); }
bool to_dyn(Call& c) { return c.give(c[0]); }

}  // namespace

bool append_text(const Value& value, std::string& out) {
  char buffer[40];
  const auto number = [&](auto n) {
    const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, n);
    out.append(buffer, end);
    return true;
  };
  switch (value.kind()) {
    case Kind::kNull: out += "null"; return true;
    case Kind::kBool: out += value.as_bool() ? "true" : "false"; return true;
    case Kind::kInteger: return number(value.as_integer());
    case Kind::kUnsigned: return number(value.as_unsigned());
    case Kind::kDouble: {
      const double d = value.as_double();
      if (std::isnan(d))
        out += "NaN";
      else if (std::isinf(d))
        out += d < 0 ? "-Infinity" : "Infinity";
      else
        number(d);
      return true;
    }
    case Kind::kString: out += value.as_string(); return true;
    case Kind::kBytes: out += value.as_bytes(); return true;
    case Kind::kTimestamp: append_timestamp(value.seconds(), value.nanos(), out); return true;
    case Kind::kDuration: append_duration(value.seconds(), value.nanos(), out); return true;
    case Kind::kType: out += value.as_type(); return true;
    default: return false;
  }
}

std::span<const BuiltinSpec> conversion_builtins() {
  static const BuiltinSpec kSpecs[] = {
      {"int",
       false,
       to_int,
       {"int -> int", "uint -> int", "double -> int", "string -> int", "timestamp -> int"}},
      {"uint", false, to_uint, {"uint -> uint", "int -> uint", "double -> uint", "string -> uint"}},
      {"double",
       false,
       to_double,
       {"double -> double", "int -> double", "uint -> double", "string -> double"}},
      {"string",
       false,
       to_string,
       {"string -> string", "int -> string", "uint -> string", "double -> string", "bool -> string",
        "bytes -> string", "timestamp -> string", "duration -> string", "ip -> string", "cidr -> string"}},
      {"bytes", false, to_bytes, {"bytes -> bytes", "string -> bytes"}},
      {"bool", false, to_bool, {"bool -> bool", "string -> bool"}},
      {"type", false, to_type, {"A -> type"}},
      {"dyn", false, to_dyn, {"A -> dyn"}},
  };
  return kSpecs;
}

}  // namespace switchyard::expression
