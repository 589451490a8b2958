#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "code.h"
#include "fault.h"
#include "switchyard/base/arena.h"
#include "switchyard/expression/type.h"
#include "switchyard/types/value.h"

namespace switchyard::expression {

/// One call of a builtin function: what it gets, where it puts its result, and what it may spend.
struct Call {
  const Value* args = nullptr;
  uint32_t count = 0;
  Arena& arena;
  const Code& code;
  int64_t& fuel;
  Fault& fault;
  Value result;

  const Value& operator[](size_t i) const { return args[i]; }
  bool is(size_t i, Kind kind) const { return i < count && args[i].is(kind); }

  // Each returns what the function returns: true with a result, false with a fault.
  bool give(Value value) {
    result = value;
    return true;
  }
  /// Copies the text into the arena.
  bool give_text(std::string_view text, bool as_bytes = false);
  bool fail(FaultCode code, const char* what);
  bool fail(FaultCode code, const char* what, const Value& a);
  bool fail(FaultCode code, const char* what, const Value& a, const Value& b);
  bool no_overload();
  bool overflow(const char* what = "") { return fail(FaultCode::kOverflow, what); }

  /// Takes so much from the budget; false (and a fault) when it is spent.
  bool charge(uint64_t units) {
    if (units < static_cast<uint64_t>(INT64_MAX) && (fuel -= static_cast<int64_t>(units)) >= 0) return true;
    return spent();
  }
  bool charge_text(size_t bytes) { return charge(bytes / 16); }
  bool spent();
};

using Function = bool (*)(Call& call);

struct Overload {
  std::vector<Type> params;  ///< of a method, its target first
  Type result;
};

struct Builtin {
  std::string_view name;
  bool method = false;  ///< called as target.name(...)
  Function function = nullptr;
  bool variadic = false;  ///< any number of arguments from one on; only their common type is checked
  std::vector<Overload> overloads;
};

/// nullptr when there is none.
const Builtin* find_builtin(std::string_view name, bool method);
/// All names, for suggestions.
std::vector<std::string_view> builtin_names(bool method);

/// The CEL name of a value's type: "int", "null_type", "google.protobuf.Timestamp", ...
std::string_view type_name(const Value& value);
/// The type that a name stands for as an expression; empty when it is none.
std::string_view type_constant(std::string_view name);

/// How a value reads as text: what string() gives. False where it has no text form of its own.
bool append_text(const Value& value, std::string& out);

// The tables of the single files.
struct BuiltinSpec {
  const char* name;
  bool method;
  Function function;
  std::vector<const char*> overloads;  ///< "list(A), int -> A"
};
std::span<const BuiltinSpec> conversion_builtins();
std::span<const BuiltinSpec> string_builtins();
std::span<const BuiltinSpec> format_builtins();
std::span<const BuiltinSpec> math_builtins();
std::span<const BuiltinSpec> time_builtins();
std::span<const BuiltinSpec> value_builtins();
std::span<const BuiltinSpec> network_builtins();

// Arithmetic on times, for the operators too. Both halves of a span have the same sign.
bool add_times(const Value& a, const Value& b,
               Value& out);  ///< timestamp or duration, duration; false on overflow
bool subtract_times(const Value& a, const Value& b, Value& out);  ///< false on overflow
bool matches_pattern(std::string_view text, std::string_view pattern, Call& call);

}  // namespace switchyard::expression
