#include "machine.h"

#include <re2/re2.h>

#include "machine_ops.h"
#include "switchyard/expression/limits.h"

namespace switchyard::expression {
Machine::Machine(const Code& code, std::atomic<uint32_t>* hints, const Value* slots, Value* temporaries,
                 Arena& arena, uint64_t cost_limit)
    : code_(code),
      hints_(hints),
      temporaries_(temporaries),
      bases_{slots, code.constants.data(), temporaries},
      fuel_(static_cast<int64_t>(std::min<uint64_t>(cost_limit, INT64_MAX))),
      cost_limit_(cost_limit),
      call_{nullptr, 0, arena, code, fuel_, fault_, Value()} {}

// -- errors -----------------------------------------------------------------------------------------------

/// Finds who keeps the error of instruction `pc`, and goes on there; false when nobody does.
bool Machine::recover(uint32_t& pc) {
  if (ends_evaluation(fault_.code)) {
    if (fault_.code == FaultCode::kCostExceeded) {
      fault_.a = Value::unsigned_integer(cost_limit_);
      fault_.operands = 1;
    }
    return false;
  }
  for (const Handler& handler : code_.handlers) {
    if (pc < handler.begin || pc >= handler.end) continue;
    if (!any_kept_ || !is_kept_[handler.error]) {
      if (kept_.size() <= handler.error) kept_.resize(handler.error + size_t{1});
      kept_[handler.error] = fault_;
    }
    // Inner errors belong to what was just given up.
    forget_from(static_cast<uint16_t>(handler.error + 1));
    is_kept_[handler.error] = true;
    any_kept_ = true;
    if (builds_.size() > handler.builds) {
      built_.resize(builds_[handler.builds]);
      builds_.resize(handler.builds);
    }
    pc = handler.target;
    return true;
  }
  return false;
}

void Machine::raise_kept(uint16_t error) {
  fault_ = kept_[error];
  forget_from(error);
}

void Machine::forget_from(uint16_t error) {
  if (!any_kept_) return;
  for (size_t i = error; i < kept_.size(); ++i) is_kept_[i] = false;
}

// -- building ---------------------------------------------------------------------------------------------

bool Machine::push(const Value& value) {
  if (built_.size() >= 2 * kMaxBuiltElements)
    return call_.fail(FaultCode::kTooLarge, "lists and maps of more than 100,000 elements");
  built_.push_back(value);
  return true;
}

bool Machine::build(const Instruction& in) {
  const Value& a = at(in.a);
  switch (in.op) {
    case Op::kBuildAdd: return push(a);
    case Op::kBuildAddOptional:
      if (!a.is(Kind::kOptional)) return call_.fail(FaultCode::kNoOverload, "'?' takes an optional", a);
      return a.optional_value() == nullptr || push(*a.optional_value());
    case Op::kBuildPair: return push(a) && push(at(in.b));
    case Op::kBuildPairOptional: {
      const Value& b = at(in.b);
      if (!b.is(Kind::kOptional)) return call_.fail(FaultCode::kNoOverload, "'?' takes an optional", b);
      return b.optional_value() == nullptr || (push(a) && push(*b.optional_value()));
    }
    default:
      if (!a.is(Kind::kMap)) return call_.fail(FaultCode::kNoOverload, "an entry is a map", a);
      for (const auto& member : a.members())
        if (!push(member.key) || !push(member.value)) return false;
      return true;
  }
}

bool Machine::finish_build(const Instruction& in) {
  const size_t begin = builds_.back();
  const size_t count = built_.size() - begin;
  builds_.pop_back();
  bool fine = true;
  if (in.op == Op::kBuildMap) {
    fine = make_map(call_, built_.data() + begin, count / 2);
  } else {
    fine = call_.charge(count);
    if (fine && count > kMaxBuiltElements)
      fine = call_.fail(FaultCode::kTooLarge, "a list of more than 100,000 elements");
    if (fine) {
      Value* items = call_.arena.allocate<Value>(count);
      std::uninitialized_copy_n(built_.data() + begin, count, items);
      call_.result = Value::list({items, count});
    }
  }
  built_.resize(begin);
  if (fine) temporaries_[in.dst] = call_.result;
  return fine;
}

// -- loops ------------------------------------------------------------------------------------------------

/// False at the end of the range.
bool Machine::next(const Instruction& in, bool pair) {
  const Value& range = at(in.a);
  Value& counter = temporaries_[index_of(in.b)];
  const auto i = static_cast<size_t>(counter.as_integer());
  if (i >= range.size()) return false;
  counter = Value::integer(static_cast<int64_t>(i) + 1);
  Value* out = &temporaries_[in.dst];
  if (range.is(Kind::kMap)) {
    const Member& member = range.members()[i];
    out[0] = member.key;
    if (pair) out[1] = member.value;
  } else if (pair) {
    out[0] = Value::integer(static_cast<int64_t>(i));
    out[1] = range.items()[i];
  } else {
    out[0] = range.items()[i];
  }
  return true;
}

bool Machine::finish(const Value& value, Value& result) {
  result = value;
  if (code_.result_real && value.is_number() && !value.is(Kind::kDouble))
    result = Value::real(value.to_double());
  if (!code_.builds) return true;
  // What a program builds may hold one list many times over: whoever writes it out must not be surprised.
  int64_t nodes = kMaxResultNodes;
  Call walk{nullptr, 0, call_.arena, code_, nodes, fault_, Value()};
  if (charge_walk(value, walk, kMaxResultDepth)) return true;
  return call_.fail(FaultCode::kTooLarge, "a result of more than 1,000,000 values or 64 levels");
}

// -- instructions -----------------------------------------------------------------------------------------

/// The instructions with two operands, where the loop has no faster way.
bool Machine::execute(const Instruction& in) {
  operands_[0] = at(in.a);
  operands_[1] = at(in.b);
  call_.args = operands_;
  call_.count = 2;
  const Value& b = operands_[1];
  const auto put = [&](bool fine) {
    if (fine) temporaries_[in.dst] = call_.result;
    return fine;
  };
  switch (in.op) {
    case Op::kSelect: call_.count = 1; return put(op_select(call_, b.as_string()));
    case Op::kSelectOptional: call_.count = 1; return put(op_select_optional(call_, b.as_string()));
    case Op::kHas: call_.count = 1; return put(op_has(call_, b.as_string()));
    case Op::kIndex: return put(op_index(call_));
    case Op::kIndexOptional: return put(op_index_optional(call_));
    case Op::kAdd: return put(op_add(call_));
    case Op::kSubtract: return put(op_subtract(call_));
    case Op::kMultiply: return put(op_multiply(call_));
    case Op::kDivide: return put(op_divide(call_));
    case Op::kModulo: return put(op_modulo(call_));
    case Op::kAddReal:
    case Op::kSubtractReal:
    case Op::kMultiplyReal:
    case Op::kDivideReal: return put(op_real(call_, in.op));
    case Op::kNegate: call_.count = 1; return put(op_negate(call_));
    case Op::kEqual: return put(op_equal(call_));
    case Op::kNotEqual:
      if (!op_equal(call_)) return false;
      call_.result = Value::boolean(!call_.result.as_bool());
      return put(true);
    case Op::kLess:
    case Op::kLessEqual:
    case Op::kGreater:
    case Op::kGreaterEqual: return put(op_order(call_, in.op));
    default: return put(op_in(call_));
  }
}

bool Machine::execute_rare(const Instruction& in) {
  Value& out = temporaries_[in.dst];
  // Of the few without an operand it is never read.
  const Value a =
      in.op == Op::kBuildBegin || in.op == Op::kFault || in.op == Op::kBuildList || in.op == Op::kBuildMap
          ? Value()
          : at(in.a);
  switch (in.op) {
    case Op::kHasValue:
      if (!a.is(Kind::kOptional)) return call_.fail(FaultCode::kNoOverload, "it takes an optional", a);
      out = Value::boolean(a.optional_value() != nullptr);
      return true;
    case Op::kUnwrap:
      if (!a.is(Kind::kOptional) || a.optional_value() == nullptr)
        return call_.fail(FaultCode::kAbsent, "the value is absent");
      out = *a.optional_value();
      return true;
    case Op::kToReal: out = a.is_number() ? Value::real(a.to_double()) : a; return true;
    case Op::kListOf: {  // of temporaries, which lie side by side
      if (!call_.charge(in.c)) return false;
      Value* items = call_.arena.allocate<Value>(in.c);
      std::uninitialized_copy_n(&at(in.a), in.c, items);
      out = Value::list({items, in.c});
      return true;
    }
    case Op::kMapOf:
      if (!make_map(call_, &at(in.a), in.c)) return false;
      out = call_.result;
      return true;
    case Op::kBuildBegin: builds_.push_back(built_.size()); return true;
    case Op::kBuildAdd:
    case Op::kBuildAddOptional:
    case Op::kBuildPair:
    case Op::kBuildPairOptional:
    case Op::kBuildEntries: return build(in);
    case Op::kBuildList:
    case Op::kBuildMap: return finish_build(in);
    case Op::kLoopBegin:
      if (!a.is(Kind::kList) && !a.is(Kind::kMap))
        return call_.fail(FaultCode::kNoOverload, "it goes through a list or a map", a);
      temporaries_[index_of(in.b)] = Value::integer(0);
      return true;
    case Op::kCountIf:
      if (!a.is(Kind::kBool)) return call_.fail(FaultCode::kNoOverload, "a condition is a bool", a);
      if (a.as_bool()) out = Value::integer(out.as_integer() + 1);
      return true;
    case Op::kWrap: out = Value::optional(new (call_.arena.allocate<Value>(1)) Value(a)); return true;
    case Op::kCall:
      call_.args = &at(in.a);
      call_.count = in.b;
      if (!code_.builtins[in.c]->function(call_)) return false;
      out = call_.result;
      return true;
    case Op::kMatches: {
      if (!a.is(Kind::kString)) return call_.fail(FaultCode::kNoOverload, "", a);
      const auto text = a.as_string();
      if (!call_.charge_text(text.size())) return false;
      out = Value::boolean(
          re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *code_.patterns[in.c]));
      return true;
    }
    default: return call_.fail(static_cast<FaultCode>(code_.faults[in.c].first), code_.faults[in.c].second);
  }
}

/// The field by its hint, or by looking for it (and the hint is set); false where execute() must see to it.
bool Machine::select_member(const Instruction& in) {
  const Value& target = at(in.a);
  if (!target.is(Kind::kMap) || hints_ == nullptr) return false;
  const auto members = target.members();
  const auto field = at(in.b).as_string();
  auto& hint = hints_[in.c];
  const uint32_t guess = hint.load(std::memory_order_relaxed);
  if (guess < members.size() && members[guess].key.is(Kind::kString) &&
      members[guess].key.as_string() == field) {
    temporaries_[in.dst] = members[guess].value;
    return true;
  }
  const Value* found = target.find(field);
  if (found == nullptr) return false;
  // `found` is the value of a member, so its distance from the first one counts members.
  const auto distance =
      reinterpret_cast<const char*>(found) - reinterpret_cast<const char*>(&members[0].value);
  hint.store(static_cast<uint32_t>(static_cast<size_t>(distance) / sizeof(Member)),
             std::memory_order_relaxed);
  temporaries_[in.dst] = *found;
  return true;
}

/// Order of two doubles or two ints, and equality of two ints: most of what conditions ask. False for other
/// kinds.
bool Machine::compare_fast(const Instruction& in) {
  const Value& a = at(in.a);
  const Value& b = at(in.b);
  const auto answer = [&](auto x, auto y) {
    bool yes = false;
    switch (in.op) {
      case Op::kLess: yes = x < y; break;
      case Op::kLessEqual: yes = x <= y; break;
      case Op::kGreater: yes = x > y; break;
      case Op::kGreaterEqual: yes = x >= y; break;
      case Op::kEqual: yes = x == y; break;
      default: yes = x != y; break;
    }
    temporaries_[in.dst] = Value::boolean(yes);
    return true;
  };
  if (a.is(Kind::kDouble) && b.is(Kind::kDouble)) return answer(a.as_double(), b.as_double());
  if (a.is(Kind::kInteger) && b.is(Kind::kInteger)) return answer(a.as_integer(), b.as_integer());
  return false;
}

/// The instructions that may go elsewhere than to the next one; `jump` says so.
bool Machine::branch(const Instruction& in, bool& jump) {
  const Value& a = at(in.a);
  switch (in.op) {
    case Op::kBranch:
      if (!a.is(Kind::kBool)) break;
      jump = !a.as_bool();
      return true;
    case Op::kAndStep:
    case Op::kOrStep: {
      if (!a.is(Kind::kBool)) break;
      const bool decides = in.op == Op::kOrStep;
      if (a.as_bool() != decides) return true;
      forget_from(in.b);
      temporaries_[in.dst] = Value::boolean(decides);
      jump = true;
      return true;
    }
    case Op::kLoopNext:
    case Op::kLoopNextPair: jump = !next(in, in.op == Op::kLoopNextPair); return true;
    default: {
      if (!a.is(Kind::kOptional)) return call_.fail(FaultCode::kNoOverload, "it takes an optional", a);
      const Value* inner = a.optional_value();
      jump = (inner == nullptr) == (in.op == Op::kIfAbsent);
      if (inner != nullptr) temporaries_[in.dst] = in.op == Op::kOrOptional ? Value(a) : Value(*inner);
      return true;
    }
  }
  return call_.fail(FaultCode::kNoOverload, "a condition is a bool", a);
}

bool Machine::run(Value& result) {
  const Instruction* const code = code_.instructions.data();
  uint32_t pc = 0;
  for (;;) {
    const Instruction& in = code[pc];
    bool fine = true;
    bool jump = false;
    if (--fuel_ < 0) [[unlikely]] {
      fine = call_.spent();
    } else {
      switch (in.op) {
        case Op::kReturn:
          if (finish(at(in.a), result)) return true;
          fine = false;
          break;
        case Op::kMove: temporaries_[in.dst] = at(in.a); break;
        case Op::kSelect:
          if (!select_member(in)) fine = execute(in);
          break;
        case Op::kNot: {
          const Value& a = at(in.a);
          fine = a.is(Kind::kBool) || call_.fail(FaultCode::kNoOverload, "", a);
          if (fine) temporaries_[in.dst] = Value::boolean(!a.as_bool());
          break;
        }
        case Op::kEqual:
        case Op::kNotEqual:
        case Op::kLess:
        case Op::kLessEqual:
        case Op::kGreater:
        case Op::kGreaterEqual:
          if (!compare_fast(in)) fine = execute(in);
          break;
        case Op::kJump: jump = true; break;
        case Op::kBranch:
        case Op::kAndStep:
        case Op::kOrStep:
        case Op::kLoopNext:
        case Op::kLoopNextPair:
        case Op::kIfAbsent:
        case Op::kOrValue:
        case Op::kOrOptional: fine = branch(in, jump); break;
        case Op::kForget: forget_from(in.b); break;
        case Op::kRaise:
          if (!any_kept_ || !is_kept_[in.b]) break;
          fault_ = kept_[in.b];
          if (!recover(pc)) return false;
          continue;
        case Op::kAndEnd:
        case Op::kOrEnd:
          temporaries_[in.dst] = Value::boolean(in.op == Op::kAndEnd);
          if (!any_kept_ || !is_kept_[in.b]) break;
          // The error keeps the place where it arose.
          raise_kept(in.b);
          if (!recover(pc)) return false;
          continue;
        default: fine = in.op < Op::kReturn ? execute(in) : execute_rare(in); break;
      }
    }
    if (fine) [[likely]] {
      pc = jump ? in.c : pc + 1;
      continue;
    }
    fault_.at = pc;
    if (!recover(pc)) return false;
  }
}

}  // namespace switchyard::expression
