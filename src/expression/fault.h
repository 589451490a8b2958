#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "switchyard/base/result.h"
#include "switchyard/expression/ast.h"
#include "switchyard/types/value.h"

namespace switchyard::expression {

enum class FaultCode : uint8_t {
  kNoSuchField,
  kNoOverload,
  kDivideByZero,
  kOverflow,
  kBadIndex,
  kConversion,
  kAbsent,
  kBadArgument,
  kDuplicateKey,
  kUndeclared,
  kTooLarge,      ///< ends the evaluation: && and || do not absorb it
  kCostExceeded,  ///< ends the evaluation
};

inline bool ends_evaluation(FaultCode code) { return code >= FaultCode::kTooLarge; }

/// Why an instruction failed. Small, because most faults are absorbed by && or || and never told; the words
/// are found when the evaluation ends with one.
struct Fault {
  FaultCode code = FaultCode::kNoOverload;
  uint32_t at = 0;        ///< the instruction
  const char* what = "";  ///< static text, per code
  Value a;
  Value b;
  uint32_t operands = 0;  ///< how many of a and b say something
};

/// The error for the caller; `span` is the part of `text` that failed, `name` its operator or function.
Error to_error(const Fault& fault, std::string_view text, Span span, std::string_view name);

/// "int 5", "string 'abc'", "list of 3": what a value is, short enough for a message.
std::string describe(const Value& value);

}  // namespace switchyard::expression
