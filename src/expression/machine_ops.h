#pragma once

#include "builtin.h"
#include "code.h"
#include "fault.h"
#include "switchyard/types/value.h"

namespace switchyard::expression {

enum class Order : uint8_t {
  kLess,
  kEqual,
  kGreater,
  kUnordered,     ///< one is NaN: every ordering question is answered no
  kIncomparable,  ///< kinds that have no common order
};

/// CEL's order: numbers of all kinds on one line, false before true, text and bytes by their bytes (which for
/// UTF-8 is the order of code points), times.
Order compare_values(const Value& a, const Value& b);

// What instructions do beyond their fast paths. Each fills `call.result`, or `call.fault` and returns false;
// operands are call.args[0] and [1].
bool op_select(Call& call, std::string_view field);           ///< a . field, chaining through an optional
bool op_select_optional(Call& call, std::string_view field);  ///< a .? field
bool op_has(Call& call, std::string_view field);
bool op_index(Call& call);
bool op_index_optional(Call& call);
bool op_add(Call& call);
bool op_subtract(Call& call);
bool op_multiply(Call& call);
bool op_divide(Call& call);
bool op_modulo(Call& call);
bool op_real(Call& call, Op op);  ///< arithmetic of numbers as doubles
bool op_negate(Call& call);
bool op_equal(Call& call);
bool op_in(Call& call);
bool op_order(Call& call, Op op);  ///< <, <=, >, >=

/// Charges one per value reachable, 1/16 per byte of text; refuses values nested deeper than `depth`.
bool charge_walk(const Value& value, Call& call, uint32_t depth);

/// A map of `pairs` keys and values, one after another.
bool make_map(Call& call, const Value* pairs, size_t count);

}  // namespace switchyard::expression
