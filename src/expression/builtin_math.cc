// The math.* functions.
#include <cmath>
#include <limits>

#include "builtin.h"
#include "machine_ops.h"

namespace switchyard::expression {
namespace {

/// The greatest (or least) of the arguments, or of the one list among them; the first of equals.
template <int sign>
bool extreme(Call& c) {
  std::span<const Value> items(c.args, c.count);
  if (c.count == 1 && c.is(0, Kind::kList)) items = c[0].items();
  if (items.empty()) return c.fail(FaultCode::kBadArgument, "an empty list has no greatest or least element");
  if (!c.charge(items.size())) return false;
  const Value* best = nullptr;
  for (const Value& item : items) {
    if (!item.is_number()) return c.fail(FaultCode::kNoOverload, "it takes numbers", item);
    if (best == nullptr) {
      best = &item;
      continue;
    }
    const Order order = compare_values(item, *best);
    if (order == (sign > 0 ? Order::kGreater : Order::kLess)) best = &item;
  }
  return c.give(*best);
}

template <double (*f)(double)>
bool real_function(Call& c) {
  if (!c.is(0, Kind::kDouble)) return c.no_overload();
  return c.give(Value::real(f(c[0].as_double())));
}

template <bool (*f)(double)>
bool real_question(Call& c) {
  if (!c.is(0, Kind::kDouble)) return c.no_overload();
  return c.give(Value::boolean(f(c[0].as_double())));
}

double ceil_of(double d) { return std::ceil(d); }
double floor_of(double d) { return std::floor(d); }
double round_of(double d) { return std::round(d); }
double trunc_of(double d) { return std::trunc(d); }
bool is_nan(double d) { return std::isnan(d); }
bool is_inf(double d) { return std::isinf(d); }
bool is_finite(double d) { return std::isfinite(d); }

bool square_root(Call& c) {
  if (!c[0].is_number()) return c.no_overload();
  return c.give(Value::real(std::sqrt(c[0].to_double())));
}

bool absolute(Call& c) {
  const Value& v = c[0];
  if (v.is(Kind::kUnsigned)) return c.give(v);
  if (v.is(Kind::kDouble)) return c.give(Value::real(std::fabs(v.as_double())));
  if (!v.is(Kind::kInteger)) return c.no_overload();
  if (v.as_integer() == std::numeric_limits<int64_t>::min()) return c.overflow();
  return c.give(Value::integer(v.as_integer() < 0 ? -v.as_integer() : v.as_integer()));
}

bool sign_of(Call& c) {
  const Value& v = c[0];
  if (v.is(Kind::kUnsigned)) return c.give(Value::unsigned_integer(v.as_unsigned() > 0 ? 1 : 0));
  if (v.is(Kind::kInteger)) return c.give(Value::integer((v.as_integer() > 0) - (v.as_integer() < 0)));
  if (!v.is(Kind::kDouble)) return c.no_overload();
  const double d = v.as_double();
  return c.give(Value::real(std::isnan(d) ? d : static_cast<double>((d > 0) - (d < 0))));
}

enum class Bits : uint8_t { kAnd, kOr, kXor };
template <Bits op>
bool bitwise(Call& c) {
  const auto apply = [](uint64_t a, uint64_t b) {
    if (op == Bits::kAnd) return a & b;
    return op == Bits::kOr ? a | b : a ^ b;
  };
  if (c.is(0, Kind::kUnsigned) && c.is(1, Kind::kUnsigned))
    return c.give(Value::unsigned_integer(apply(c[0].as_unsigned(), c[1].as_unsigned())));
  if (!c.is(0, Kind::kInteger) || !c.is(1, Kind::kInteger)) return c.no_overload();
  return c.give(Value::integer(static_cast<int64_t>(
      apply(static_cast<uint64_t>(c[0].as_integer()), static_cast<uint64_t>(c[1].as_integer())))));
}

bool bit_not(Call& c) {
  if (c.is(0, Kind::kUnsigned)) return c.give(Value::unsigned_integer(~c[0].as_unsigned()));
  if (c.is(0, Kind::kInteger)) return c.give(Value::integer(~c[0].as_integer()));
  return c.no_overload();
}

/// Shifts of bits, also of an int: the sign bit is a bit like the others.
template <bool left>
bool shift(Call& c) {
  const bool is_unsigned = c.is(0, Kind::kUnsigned);
  if ((!is_unsigned && !c.is(0, Kind::kInteger)) || !c.is(1, Kind::kInteger)) return c.no_overload();
  if (c[1].as_integer() < 0) return c.fail(FaultCode::kBadArgument, "a negative shift has no meaning", c[1]);
  const uint64_t bits = is_unsigned ? c[0].as_unsigned() : static_cast<uint64_t>(c[0].as_integer());
  const auto count = static_cast<uint64_t>(c[1].as_integer());
  const uint64_t shifted = count >= 64 ? 0 : left ? bits << count : bits >> count;
  return c.give(is_unsigned ? Value::unsigned_integer(shifted)
                            : Value::integer(static_cast<int64_t>(shifted)));
}

}  // namespace

std::span<const BuiltinSpec> math_builtins() {
  static const std::vector<const char*> kReal = {"double -> double"};
  static const std::vector<const char*> kQuestion = {"double -> bool"};
  static const std::vector<const char*> kNumber = {"int -> int", "uint -> uint", "double -> double"};
  static const std::vector<const char*> kBits = {"int, int -> int", "uint, uint -> uint"};
  static const BuiltinSpec kSpecs[] = {
      {"math.greatest", false, extreme<1>, {}},
      {"math.least", false, extreme<-1>, {}},
      {"math.ceil", false, real_function<ceil_of>, kReal},
      {"math.floor", false, real_function<floor_of>, kReal},
      {"math.round", false, real_function<round_of>, kReal},
      {"math.trunc", false, real_function<trunc_of>, kReal},
      {"math.sqrt", false, square_root, {"int -> double", "uint -> double", "double -> double"}},
      {"math.abs", false, absolute, kNumber},
      {"math.sign", false, sign_of, kNumber},
      {"math.isNaN", false, real_question<is_nan>, kQuestion},
      {"math.isInf", false, real_question<is_inf>, kQuestion},
      {"math.isFinite", false, real_question<is_finite>, kQuestion},
      {"math.bitAnd", false, bitwise<Bits::kAnd>, kBits},
      {"math.bitOr", false, bitwise<Bits::kOr>, kBits},
      {"math.bitXor", false, bitwise<Bits::kXor>, kBits},
      {"math.bitNot", false, bit_not, {"int -> int", "uint -> uint"}},
      {"math.bitShiftLeft", false, shift<true>, {"int, int -> int", "uint, int -> uint"}},
      {"math.bitShiftRight", false, shift<false>, {"int, int -> int", "uint, int -> uint"}},
  };
  return kSpecs;
}

}  // namespace switchyard::expression
