#include "machine_ops.h"

#include <cmath>
#include <limits>

#include "switchyard/expression/limits.h"

namespace switchyard::expression {
namespace {

constexpr double kTwoTo63 = 9223372036854775808.0;

template <typename T>
Order order_of(T a, T b) {
  return a < b ? Order::kLess : b < a ? Order::kGreater : Order::kEqual;
}

Order flip(Order order) {
  if (order == Order::kLess) return Order::kGreater;
  return order == Order::kGreater ? Order::kLess : order;
}

/// An int is rounded to a double for the comparison, as the conformance data wants it.
Order order_reals(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return Order::kUnordered;
  return order_of(a, b);
}

Order order_numbers(const Value& a, const Value& b) {
  if (a.kind() > b.kind()) return flip(order_numbers(b, a));
  if (b.is(Kind::kDouble)) return order_reals(a.to_double(), b.as_double());
  if (a.is(Kind::kInteger)) {
    if (b.is(Kind::kInteger)) return order_of(a.as_integer(), b.as_integer());
    if (a.as_integer() < 0) return Order::kLess;
    return order_of(static_cast<uint64_t>(a.as_integer()), b.as_unsigned());
  }
  return order_of(a.as_unsigned(), b.as_unsigned());
}

bool is_time(const Value& v) { return v.is(Kind::kTimestamp) || v.is(Kind::kDuration); }
bool both(const Call& call, Kind kind) { return call[0].is(kind) && call[1].is(kind); }

bool missing(Call& call, const Value& target, const Value& key) {
  return call.fail(FaultCode::kNoSuchField, "", target, key);
}

/// The position that a number names, if it is one.
bool list_index(const Value& key, uint64_t& index) {
  if (key.is(Kind::kInteger) && key.as_integer() >= 0)
    index = static_cast<uint64_t>(key.as_integer());
  else if (key.is(Kind::kUnsigned))
    index = key.as_unsigned();
  else if (key.is(Kind::kDouble) && key.as_double() >= 0 && key.as_double() < kTwoTo63 &&
           key.as_double() == std::trunc(key.as_double()))
    index = static_cast<uint64_t>(key.as_double());
  else
    return false;
  return true;
}

/// The element, or nullptr where there is none (then `absent` says whether asking was in order).
const Value* element_of(const Value& target, const Value& key, bool& absent) {
  absent = true;
  if (target.is(Kind::kMap)) return target.find(key);
  if (!target.is(Kind::kList) || !key.is_number()) {
    absent = false;
    return nullptr;
  }
  uint64_t index;
  if (!list_index(key, index) || index >= target.size()) return nullptr;
  return &target.items()[index];
}

bool no_element(Call& call, const Value& target, const Value& key, bool absent) {
  if (!absent) return call.fail(FaultCode::kNoOverload, "", target, key);
  if (target.is(Kind::kMap)) return missing(call, target, key);
  return call.fail(FaultCode::kBadIndex, "", key, Value::integer(target.size()));
}

}  // namespace

Order compare_values(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return order_numbers(a, b);
  if (a.kind() != b.kind()) return Order::kIncomparable;
  switch (a.kind()) {
    case Kind::kBool: return order_of(a.as_bool(), b.as_bool());
    case Kind::kString: return order_of(a.as_string(), b.as_string());
    case Kind::kBytes: return order_of(a.as_bytes(), b.as_bytes());
    case Kind::kTimestamp:
    case Kind::kDuration:
      if (a.seconds() != b.seconds()) return order_of(a.seconds(), b.seconds());
      return order_of(a.nanos(), b.nanos());
    default: return Order::kIncomparable;
  }
}

// -- fields and elements ----------------------------------------------------------------------------------

bool op_select(Call& call, std::string_view field) {
  const Value& target = call[0];
  if (target.is(Kind::kMap)) {
    const Value* found = target.find(field);
    return found != nullptr ? call.give(*found) : missing(call, target, Value::string(field));
  }
  if (!target.is(Kind::kOptional))
    return call.fail(FaultCode::kNoOverload, "only maps and objects have fields", target);
  const Value* inner = target.optional_value();
  if (inner == nullptr) return call.give(Value::none());
  if (!inner->is(Kind::kMap)) return missing(call, *inner, Value::string(field));
  const Value* found = inner->find(field);
  return call.give(found == nullptr ? Value::none() : Value::optional(found));
}

bool op_select_optional(Call& call, std::string_view field) {
  const Value* target = &call[0];
  if (target->is(Kind::kOptional)) target = target->optional_value();
  // Nothing, and null which is how JSON writes nothing, have no fields: that is what the question is for.
  if (target == nullptr || target->is_null()) return call.give(Value::none());
  if (!target->is(Kind::kMap))
    return call.fail(FaultCode::kNoOverload, "only maps and objects have fields", *target);
  const Value* found = target->find(field);
  return call.give(found == nullptr ? Value::none() : Value::optional(found));
}

bool op_has(Call& call, std::string_view field) {
  const Value* target = &call[0];
  if (target->is(Kind::kOptional)) target = target->optional_value();
  if (target == nullptr) return call.give(Value::boolean(false));
  if (!target->is(Kind::kMap))
    return call.fail(FaultCode::kNoOverload, "only maps and objects have fields", *target);
  return call.give(Value::boolean(target->find(field) != nullptr));
}

bool op_index(Call& call) {
  const Value& target = call[0];
  bool absent;
  if (!target.is(Kind::kOptional)) {
    const Value* found = element_of(target, call[1], absent);
    return found != nullptr ? call.give(*found) : no_element(call, target, call[1], absent);
  }
  return op_index_optional(call);
}

bool op_index_optional(Call& call) {
  const Value* target = &call[0];
  if (target->is(Kind::kOptional)) target = target->optional_value();
  if (target == nullptr) return call.give(Value::none());
  bool absent;
  const Value* found = element_of(*target, call[1], absent);
  if (found == nullptr && !absent) return no_element(call, *target, call[1], absent);
  return call.give(found == nullptr ? Value::none() : Value::optional(found));
}

bool make_map(Call& call, const Value* pairs, size_t count) {
  if (count > kMaxBuiltElements) return call.fail(FaultCode::kTooLarge, "a map of more than 100,000 entries");
  if (!call.charge(count)) return false;
  MapBuilder builder(call.arena);
  for (size_t i = 0; i < count; ++i) {
    const Value& key = pairs[2 * i];
    if (!key.is(Kind::kString) && !key.is(Kind::kInteger) && !key.is(Kind::kUnsigned) && !key.is(Kind::kBool))
      return call.fail(FaultCode::kBadArgument, "a key is a string, int, uint or bool", key);
    builder.add(key, pairs[2 * i + 1]);
  }
  Value duplicate;
  bool twice = false;
  // A null never is a key, so that it can say "no duplicate".
  const Value map = builder.build(&duplicate);
  twice = !duplicate.is_null();
  return twice ? call.fail(FaultCode::kDuplicateKey, "", duplicate) : call.give(map);
}

// -- arithmetic -------------------------------------------------------------------------------------------

bool op_add(Call& call) {
  const Value& a = call[0];
  const Value& b = call[1];
  Value out;
  int64_t sum;
  uint64_t unsigned_sum;
  if (both(call, Kind::kInteger)) {
    if (__builtin_add_overflow(a.as_integer(), b.as_integer(), &sum))
      return call.fail(FaultCode::kOverflow, "", a, b);
    return call.give(Value::integer(sum));
  }
  if (both(call, Kind::kDouble)) return call.give(Value::real(a.as_double() + b.as_double()));
  if (both(call, Kind::kUnsigned)) {
    if (__builtin_add_overflow(a.as_unsigned(), b.as_unsigned(), &unsigned_sum))
      return call.fail(FaultCode::kOverflow, "", a, b);
    return call.give(Value::unsigned_integer(unsigned_sum));
  }
  if (both(call, Kind::kString) || both(call, Kind::kBytes)) {
    const bool bytes = a.is(Kind::kBytes);
    const auto left = bytes ? a.as_bytes() : a.as_string();
    const auto right = bytes ? b.as_bytes() : b.as_string();
    if (left.size() + right.size() > kMaxBuiltBytes)
      return call.fail(FaultCode::kTooLarge, "a text of more than 1 MiB");
    if (!call.charge_text(left.size() + right.size())) return false;
    char* text = call.arena.allocate<char>(left.size() + right.size() + 1);
    left.copy(text, left.size());
    right.copy(text + left.size(), right.size());
    const std::string_view joined(text, left.size() + right.size());
    return call.give(bytes ? Value::bytes(joined) : Value::string(joined));
  }
  if (both(call, Kind::kList)) {
    if (a.size() == 0) return call.give(b);
    if (b.size() == 0) return call.give(a);
    const size_t size = size_t{a.size()} + b.size();
    if (size > kMaxBuiltElements)
      return call.fail(FaultCode::kTooLarge, "a list of more than 100,000 elements");
    if (!call.charge(size)) return false;
    Value* items = call.arena.allocate<Value>(size);
    std::uninitialized_copy(b.items().begin(), b.items().end(),
                            std::uninitialized_copy(a.items().begin(), a.items().end(), items));
    return call.give(Value::list({items, size}));
  }
  if (is_time(a) && is_time(b) && (a.is(Kind::kDuration) || b.is(Kind::kDuration)))
    return add_times(a, b, out) ? call.give(out)
                                : call.fail(FaultCode::kOverflow, "the time is out of range", a, b);
  return call.no_overload();
}

bool op_subtract(Call& call) {
  const Value& a = call[0];
  const Value& b = call[1];
  Value out;
  int64_t difference;
  uint64_t unsigned_difference;
  if (both(call, Kind::kInteger)) {
    if (__builtin_sub_overflow(a.as_integer(), b.as_integer(), &difference))
      return call.fail(FaultCode::kOverflow, "", a, b);
    return call.give(Value::integer(difference));
  }
  if (both(call, Kind::kDouble)) return call.give(Value::real(a.as_double() - b.as_double()));
  if (both(call, Kind::kUnsigned)) {
    if (__builtin_sub_overflow(a.as_unsigned(), b.as_unsigned(), &unsigned_difference))
      return call.fail(FaultCode::kOverflow, "a uint cannot be negative", a, b);
    return call.give(Value::unsigned_integer(unsigned_difference));
  }
  if (is_time(a) && is_time(b) && (a.is(Kind::kTimestamp) || b.is(Kind::kDuration)))
    return subtract_times(a, b, out) ? call.give(out)
                                     : call.fail(FaultCode::kOverflow, "the time is out of range", a, b);
  return call.no_overload();
}

bool op_multiply(Call& call) {
  const Value& a = call[0];
  const Value& b = call[1];
  int64_t product;
  uint64_t unsigned_product;
  if (both(call, Kind::kInteger)) {
    if (__builtin_mul_overflow(a.as_integer(), b.as_integer(), &product))
      return call.fail(FaultCode::kOverflow, "", a, b);
    return call.give(Value::integer(product));
  }
  if (both(call, Kind::kDouble)) return call.give(Value::real(a.as_double() * b.as_double()));
  if (!both(call, Kind::kUnsigned)) return call.no_overload();
  if (__builtin_mul_overflow(a.as_unsigned(), b.as_unsigned(), &unsigned_product))
    return call.fail(FaultCode::kOverflow, "", a, b);
  return call.give(Value::unsigned_integer(unsigned_product));
}

/// Division of doubles is defined for every divisor (IEEE 754); the sanitizer thinks of it as a mistake.
#if defined(__clang__) || defined(__GNUC__)
__attribute__((no_sanitize("float-divide-by-zero")))
#endif
static double
divide(double a, double b) {
  return a / b;
}

bool op_divide(Call& call) {
  const Value& a = call[0];
  const Value& b = call[1];
  if (both(call, Kind::kDouble)) return call.give(Value::real(divide(a.as_double(), b.as_double())));
  if (both(call, Kind::kUnsigned)) {
    if (b.as_unsigned() == 0) return call.fail(FaultCode::kDivideByZero, "");
    return call.give(Value::unsigned_integer(a.as_unsigned() / b.as_unsigned()));
  }
  if (!both(call, Kind::kInteger)) return call.no_overload();
  if (b.as_integer() == 0) return call.fail(FaultCode::kDivideByZero, "");
  if (b.as_integer() == -1 && a.as_integer() == std::numeric_limits<int64_t>::min())
    return call.fail(FaultCode::kOverflow, "", a, b);
  return call.give(Value::integer(a.as_integer() / b.as_integer()));
}

bool op_modulo(Call& call) {
  const Value& a = call[0];
  const Value& b = call[1];
  if (both(call, Kind::kUnsigned)) {
    if (b.as_unsigned() == 0) return call.fail(FaultCode::kDivideByZero, "");
    return call.give(Value::unsigned_integer(a.as_unsigned() % b.as_unsigned()));
  }
  if (!both(call, Kind::kInteger)) return call.no_overload();
  if (b.as_integer() == 0) return call.fail(FaultCode::kDivideByZero, "");
  if (b.as_integer() == -1) {
    if (a.as_integer() == std::numeric_limits<int64_t>::min())
      return call.fail(FaultCode::kOverflow, "", a, b);
    return call.give(Value::integer(0));
  }
  return call.give(Value::integer(a.as_integer() % b.as_integer()));
}

bool op_real(Call& call, Op op) {
  if (!call[0].is_number() || !call[1].is_number()) return call.no_overload();
  const double a = call[0].to_double();
  const double b = call[1].to_double();
  switch (op) {
    case Op::kAddReal: return call.give(Value::real(a + b));
    case Op::kSubtractReal: return call.give(Value::real(a - b));
    case Op::kMultiplyReal: return call.give(Value::real(a * b));
    default: return call.give(Value::real(divide(a, b)));
  }
}

bool op_negate(Call& call) {
  const Value& v = call[0];
  if (v.is(Kind::kDouble)) return call.give(Value::real(-v.as_double()));
  if (!v.is(Kind::kInteger)) return call.no_overload();
  if (v.as_integer() == std::numeric_limits<int64_t>::min()) return call.fail(FaultCode::kOverflow, "", v);
  return call.give(Value::integer(-v.as_integer()));
}

// -- comparison -------------------------------------------------------------------------------------------

bool op_equal(Call& call) {
  const Value& a = call[0];
  const Value& b = call[1];
  const bool containers = (both(call, Kind::kList) || both(call, Kind::kMap)) && a.size() == b.size();
  if (containers || both(call, Kind::kOptional)) {
    if (!charge_walk(a, call, UINT32_MAX)) return false;
  } else if (a.size() == b.size() && !call.charge_text(a.size())) {
    return false;
  }
  return call.give(Value::boolean(equal(a, b)));
}

bool op_in(Call& call) {
  const Value& needle = call[0];
  const Value& range = call[1];
  if (range.is(Kind::kMap)) return call.give(Value::boolean(range.find(needle) != nullptr));
  if (!range.is(Kind::kList)) return call.no_overload();
  if (!call.charge(range.size())) return false;
  const auto items = range.items();
  if (needle.is(Kind::kString)) {
    const auto text = needle.as_string();
    for (const Value& item : items)
      if (item.is(Kind::kString) && item.as_string() == text) return call.give(Value::boolean(true));
    return call.give(Value::boolean(false));
  }
  const bool container = needle.is(Kind::kList) || needle.is(Kind::kMap) || needle.is(Kind::kOptional);
  for (const Value& item : items) {
    if (container && item.kind() == needle.kind() && !charge_walk(item, call, UINT32_MAX)) return false;
    if (equal(needle, item)) return call.give(Value::boolean(true));
  }
  return call.give(Value::boolean(false));
}

bool op_order(Call& call, Op op) {
  if (!call.charge_text(std::min(call[0].size(), call[1].size()))) return false;
  const Order order = compare_values(call[0], call[1]);
  switch (order) {
    case Order::kIncomparable: return call.no_overload();
    case Order::kUnordered: return call.give(Value::boolean(false));
    case Order::kLess: return call.give(Value::boolean(op == Op::kLess || op == Op::kLessEqual));
    case Order::kEqual: return call.give(Value::boolean(op == Op::kLessEqual || op == Op::kGreaterEqual));
    case Order::kGreater: break;
  }
  return call.give(Value::boolean(op == Op::kGreater || op == Op::kGreaterEqual));
}

bool charge_walk(const Value& value, Call& call, uint32_t depth) {
  if (depth == 0) return call.fail(FaultCode::kTooLarge, "values nested deeper than 64 levels");
  if (!call.charge(1)) return false;
  switch (value.kind()) {
    case Kind::kString:
    case Kind::kBytes: return call.charge_text(value.size());
    case Kind::kList:
      for (const Value& item : value.items())
        if (!charge_walk(item, call, depth - 1)) return false;
      return true;
    case Kind::kMap:
      for (const auto& member : value.members())
        if (!charge_walk(member.value, call, depth - 1)) return false;
      return true;
    case Kind::kOptional:
      return value.optional_value() == nullptr || charge_walk(*value.optional_value(), call, depth - 1);
    default: return true;
  }
}

}  // namespace switchyard::expression
