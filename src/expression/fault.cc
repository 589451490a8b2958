#include "fault.h"

#include "mistakes.h"
#include "switchyard/types/json.h"

namespace switchyard::expression {
namespace {

std::string_view code_text(FaultCode code) {
  switch (code) {
    case FaultCode::kNoSuchField: return "expression.no_such_field";
    case FaultCode::kNoOverload: return "expression.no_overload";
    case FaultCode::kDivideByZero: return "expression.divide_by_zero";
    case FaultCode::kOverflow: return "expression.overflow";
    case FaultCode::kBadIndex: return "expression.bad_index";
    case FaultCode::kConversion: return "expression.conversion";
    case FaultCode::kAbsent: return "expression.absent";
    case FaultCode::kBadArgument: return "expression.bad_argument";
    case FaultCode::kDuplicateKey: return "expression.duplicate_key";
    case FaultCode::kUndeclared: return "expression.undeclared";
    case FaultCode::kTooLarge: return "expression.too_large";
    case FaultCode::kCostExceeded: return "expression.cost_exceeded";
  }
  return "expression.failed";
}

std::string what_happened(const Fault& fault, std::string_view name) {
  const std::string what = fault.what;
  switch (fault.code) {
    case FaultCode::kNoSuchField:
      if (fault.operands < 2) return "there is no field or key " + describe(fault.a);
      return "there is no field or key " + describe(fault.b) + " in a " + describe(fault.a);
    case FaultCode::kNoOverload: {
      if (fault.operands == 0)
        return quoted(name) + " cannot be applied here" + (what.empty() ? "" : ": " + what);
      std::string message = quoted(name) + " cannot be applied to " + describe(fault.a);
      if (fault.operands > 1) message += " and " + describe(fault.b);
      return what.empty() ? message : message + ": " + what;
    }
    case FaultCode::kDivideByZero: return "division by zero";
    case FaultCode::kOverflow: {
      std::string message = what.empty() ? "the result does not fit in 64 bits" : what;
      if (fault.operands > 0) message += " (" + describe(fault.a);
      if (fault.operands > 1) message += " and " + describe(fault.b);
      return fault.operands > 0 ? message + ")" : message;
    }
    case FaultCode::kBadIndex:
      return "index " + describe(fault.a) + " is outside, there are " + describe(fault.b);
    case FaultCode::kConversion: return describe(fault.a) + " cannot be converted: " + what;
    case FaultCode::kAbsent: return what.empty() ? "the value is absent" : what;
    case FaultCode::kBadArgument:
      return (fault.operands > 0 ? describe(fault.a) + " is not accepted: " : std::string()) + what;
    case FaultCode::kDuplicateKey: return "the key " + describe(fault.a) + " comes twice in one map";
    case FaultCode::kUndeclared: return what;
    case FaultCode::kTooLarge: return "the evaluation would build too much: " + what;
    case FaultCode::kCostExceeded: return "the evaluation costs more than its limit of " + describe(fault.a);
  }
  return what;
}

}  // namespace

std::string describe(const Value& value) {
  switch (value.kind()) {
    case Kind::kNull: return "null";
    case Kind::kString: return "string " + quoted(value.as_string());
    case Kind::kBytes: return "bytes of length " + std::to_string(value.size());
    case Kind::kList: return "list of " + std::to_string(value.size());
    case Kind::kMap: {
      std::string out = "map of " + std::to_string(value.size());
      size_t shown = 0;
      for (const auto& member : value.members()) {
        if (shown == 6) return out + ", ...)";
        out += shown++ == 0 ? " (" : ", ";
        out += member.key.is(Kind::kString) ? std::string(member.key.as_string().substr(0, 40))
                                            : to_json(member.key);
      }
      return shown == 0 ? out : out + ")";
    }
    case Kind::kOptional:
      return value.optional_value() == nullptr ? "absent optional"
                                               : "optional " + describe(*value.optional_value());
    case Kind::kType: return "type " + std::string(value.as_type());
    default: return std::string(kind_name(value.kind())) + " " + to_json(value);
  }
}

Error to_error(const Fault& fault, std::string_view text, Span span, std::string_view name) {
  const auto where = line_column(text, span.offset);
  const auto part = text.substr(span.offset, span.length);
  std::string message = what_happened(fault, name) + ", at " + std::to_string(where.line) + ":" +
                        std::to_string(where.column) + " in " + quoted(part);
  return make_error(ErrorKind::kUnprocessable, std::string(code_text(fault.code)), std::move(message),
                    std::string(part));
}

}  // namespace switchyard::expression
