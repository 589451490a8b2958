#include "generator.h"

#include <algorithm>

#include "machine.h"
#include "machine_ops.h"

namespace switchyard::expression {
namespace {

/// More elements than this are collected one by one instead of in temporaries side by side.
constexpr size_t kMostSideBySide = 16;
constexpr uint64_t kFoldCost = 1000;
/// A constant list of more scalars than this is searched as a map.
constexpr size_t kSetFrom = 8;
constexpr size_t kConstantsCompared = 64;

Op op_of(Operator op, bool real) {
  switch (op) {
    case Operator::kAdd: return real ? Op::kAddReal : Op::kAdd;
    case Operator::kSubtract: return real ? Op::kSubtractReal : Op::kSubtract;
    case Operator::kMultiply: return real ? Op::kMultiplyReal : Op::kMultiply;
    case Operator::kDivide: return real ? Op::kDivideReal : Op::kDivide;
    case Operator::kModulo: return Op::kModulo;
    case Operator::kEqual: return Op::kEqual;
    case Operator::kNotEqual: return Op::kNotEqual;
    case Operator::kLess: return Op::kLess;
    case Operator::kLessEqual: return Op::kLessEqual;
    case Operator::kGreater: return Op::kGreater;
    case Operator::kGreaterEqual: return Op::kGreaterEqual;
    default: return Op::kIn;
  }
}

}  // namespace

Generator::Generator(const Ast& ast, const Checked& checked, Folded& folded, Arena& arena, Mistakes& mistakes,
                     Code& code)
    : ast_(ast), checked_(checked), folded_(folded), arena_(arena), mistakes_(mistakes), code_(code) {}

void Generator::run(const Node& root) {
  const Temporary want = take();
  const Operand result = generate(root, want);
  emit(root, Op::kReturn, 0, result);
  code_.result_real = checked_.result.is(TypeKind::kDouble);
}

// -- pieces -----------------------------------------------------------------------------------------------

uint32_t Generator::emit(const Node& node, Op op, Temporary dst, Operand a, Operand b, uint32_t c) {
  std::string_view name = node.name;
  if (node.op != Operator::kNone)
    name = operator_text(node.op);
  else if (node.kind == NodeKind::kAnd)
    name = "&&";
  else if (node.kind == NodeKind::kOr)
    name = "||";
  else if (node.kind == NodeKind::kConditional)
    name = "?:";
  else if (node.kind == NodeKind::kIndex)
    name = "[]";
  code_.instructions.push_back({op, dst, a, b, c});
  code_.origins.push_back({node.span, name});
  return here() - 1;
}

Generator::Temporary Generator::take(uint32_t count) {
  const uint32_t first = next_temporary_;
  next_temporary_ += count;
  code_.temporaries = std::max(code_.temporaries, next_temporary_);
  if (next_temporary_ >= kMaxOperands) too_large(ast_.root());
  return static_cast<Temporary>(overflow_ ? 0 : first);
}

Operand Generator::constant(const Value& value) {
  auto& constants = code_.constants;
  const size_t compared = std::min(constants.size(), kConstantsCompared);
  for (size_t i = 0; i < compared; ++i)
    if (identical(constants[i], value)) return operand(Place::kConstant, static_cast<uint32_t>(i));
  if (constants.size() + 1 >= kMaxOperands) {
    too_large(ast_.root());
    return operand(Place::kConstant, 0);
  }
  constants.push_back(value);
  return operand(Place::kConstant, static_cast<uint32_t>(constants.size() - 1));
}

void Generator::too_large(const Node& node) {
  if (!overflow_)
    mistakes_.add(node.span, "expression.too_large",
                  "the expression has too many constants or intermediate values",
                  "split it into several steps");
  overflow_ = true;
}

void Generator::into(const Node& node, Temporary want) {
  const Operand at = generate(node, want);
  if (at != temporary(want)) emit(node, Op::kMove, want, at);
}

// -- constants --------------------------------------------------------------------------------------------

bool Generator::may_fold(const Node& node) const {
  switch (node.kind) {
    case NodeKind::kLiteral: return true;
    case NodeKind::kIdent: return info(node).ref == Ref::kTypeName;
    case NodeKind::kSelect: return info(node).ref == Ref::kTypeName || info(node).ref == Ref::kNone;
    case NodeKind::kIndex:
    case NodeKind::kUnary:
    case NodeKind::kBinary:
    case NodeKind::kConditional:
    case NodeKind::kList:
    case NodeKind::kMap: return true;
    case NodeKind::kCall: return info(node).builtin != nullptr;
    default: return false;
  }
}

std::optional<Value> Generator::fold(const Node& node) {
  auto& state = folded_.states[node.id];
  if (state == Folded::State::kUnknown) {
    const auto value = may_fold(node) ? fold_now(node) : std::nullopt;
    state = value.has_value() ? Folded::State::kYes : Folded::State::kNo;
    if (value.has_value()) folded_.values[node.id] = *value;
  }
  if (state == Folded::State::kNo) return std::nullopt;
  return folded_.values[node.id];
}

/// Children first, so that each node is evaluated once, on constants.
std::optional<Value> Generator::fold_now(const Node& node) {
  const NodeInfo& about = info(node);
  if (node.kind == NodeKind::kLiteral)
    return about.real ? Value::real(node.literal.to_double()) : node.literal;
  if (about.ref == Ref::kTypeName) return Value::type(about.type_name);
  for (size_t i = about.namespaced ? 1 : 0; i < node.children.size(); ++i)
    if (!fold(*node.children[i]).has_value()) return std::nullopt;
  const bool optional_entries =
      std::find(node.entry_optional.begin(), node.entry_optional.end(), true) != node.entry_optional.end();
  const bool collection = node.kind == NodeKind::kList || node.kind == NodeKind::kMap;
  if (collection && optional_entries) return std::nullopt;
  if (collection) {
    Value* items = arena_.allocate<Value>(node.children.size());
    for (size_t i = 0; i < node.children.size(); ++i)
      new (items + i) Value(folded_.values[node.children[i]->id]);
    if (node.kind == NodeKind::kList) return Value::list({items, node.children.size()});
    int64_t fuel = INT64_MAX;
    Fault fault;
    Call make{nullptr, 0, arena_, code_, fuel, fault, Value()};
    if (!make_map(make, items, node.children.size() / 2)) return std::nullopt;
    return make.result;
  }
  Code code;
  Mistakes unheard(ast_.text());
  Generator generator(ast_, checked_, folded_, arena_, unheard, code);
  const Temporary want = generator.take();
  generator.emit(node, Op::kReturn, 0, generator.plain(node, want));
  if (!unheard.empty() || code.temporaries > kMaxNodes) return std::nullopt;
  std::vector<Value> temporaries(code.temporaries);
  Machine machine(code, nullptr, nullptr, temporaries.data(), arena_, kFoldCost);
  Value result;
  if (!machine.run(result)) return std::nullopt;
  return result;
}

// -- nodes ------------------------------------------------------------------------------------------------

Operand Generator::generate(const Node& node, Temporary want) {
  if (const auto value = fold(node)) return constant(*value);
  return plain(node, want);
}

Operand Generator::plain(const Node& node, Temporary want) {
  if (overflow_) return temporary(want);
  const uint32_t before = next_temporary_;
  Operand result = temporary(want);
  switch (node.kind) {
    case NodeKind::kLiteral: result = constant(node.literal); break;
    case NodeKind::kIdent: result = reference(node, want); break;
    case NodeKind::kSelect:
      result = info(node).ref == Ref::kNone ? select(node, want) : reference(node, want);
      break;
    case NodeKind::kIndex: result = index(node, want); break;
    case NodeKind::kHas: result = has(node, want); break;
    case NodeKind::kCall: result = call(node, want); break;
    case NodeKind::kUnary: result = unary(node, want); break;
    case NodeKind::kBinary: result = binary(node, want); break;
    case NodeKind::kAnd:
    case NodeKind::kOr: result = logic(node, want); break;
    case NodeKind::kConditional: result = conditional(node, want); break;
    case NodeKind::kList: result = list(node, want); break;
    case NodeKind::kMap: result = map(node, want); break;
    case NodeKind::kMessage: break;  // refused by the checker
    case NodeKind::kComprehension: result = comprehension(node, want); break;
    case NodeKind::kBind: result = bind(node, want); break;
    case NodeKind::kOptionalMap: result = optional_map(node, want); break;
  }
  next_temporary_ = before;
  return result;
}

Operand Generator::reference(const Node& node, Temporary want, bool keep_optional) {
  const NodeInfo& about = info(node);
  Operand at = 0;
  switch (about.ref) {
    case Ref::kSlot:
      at = operand(Place::kSlot, about.index);
      code_.slots_needed = std::max(code_.slots_needed, about.index + 1u);
      break;
    case Ref::kLocal:
      at = locals_[about.index];
      if (const auto kept = kept_.find(about.index); kept != kept_.end())
        emit(node, Op::kRaise, 0, 0, kept->second);
      break;
    case Ref::kTypeName: return constant(Value::type(about.type_name));
    default:
      code_.faults.emplace_back(static_cast<uint8_t>(FaultCode::kUndeclared), "there is no such name here");
      emit(node, Op::kFault, want, 0, 0, static_cast<uint32_t>(code_.faults.size() - 1));
      return temporary(want);
  }
  if (!about.unwrap || keep_optional) return at;
  emit(node, Op::kUnwrap, want, at);
  return temporary(want);
}

Operand Generator::select(const Node& node, Temporary want) {
  const Operand target = generate(*node.children[0], want);
  const Op op = node.optional ? Op::kSelectOptional : Op::kSelect;
  const uint32_t hint = node.optional ? 0 : code_.hints++;
  emit(node, op, want, target, text(node.name), hint);
  return temporary(want);
}

Operand Generator::index(const Node& node, Temporary want) {
  const Node& key = *node.children[1];
  const Operand target = generate(*node.children[0], want);
  // A constant name into what is surely a map is a selection.
  const Type& type = info(*node.children[0]).type;
  if (!node.optional && key.kind == NodeKind::kLiteral && key.literal.is(Kind::kString) &&
      (type.is(TypeKind::kObject) || type.is(TypeKind::kMap))) {
    emit(node, Op::kSelect, want, target, constant(key.literal), code_.hints++);
    return temporary(want);
  }
  const Operand at = generate(key, take());
  emit(node, node.optional ? Op::kIndexOptional : Op::kIndex, want, target, at);
  return temporary(want);
}

Operand Generator::has(const Node& node, Temporary want) {
  const Node& arg = *node.children[0];
  if (info(arg).ref != Ref::kNone) {
    emit(node, Op::kHasValue, want, reference(arg, want, true));
    return temporary(want);
  }
  const std::string_view field =
      arg.kind == NodeKind::kIndex ? arg.children[1]->literal.as_string() : arg.name;
  const Operand target = generate(*arg.children[0], want);
  emit(node, Op::kHas, want, target, text(field));
  return temporary(want);
}

Operand Generator::unary(const Node& node, Temporary want) {
  const Operand a = generate(*node.children[0], want);
  emit(node, node.op == Operator::kNot ? Op::kNot : Op::kNegate, want, a, a);
  return temporary(want);
}

Operand Generator::binary(const Node& node, Temporary want) {
  const Operand a = generate(*node.children[0], want);
  std::optional<Operand> b;
  if (node.op == Operator::kIn) b = set_of(*node.children[1]);
  if (!b) b = generate(*node.children[1], take());
  const Op op = op_of(node.op, info(node).real);
  code_.builds = code_.builds || (op == Op::kAdd && !info(node).type.is_number());
  emit(node, op, want, a, *b);
  return temporary(want);
}

/// A long constant list of scalars as the keys of a map, which has an index.
std::optional<Operand> Generator::set_of(const Node& node) {
  const auto folded = fold(node);
  if (!folded.has_value() || !folded->is(Kind::kList) || folded->size() <= kSetFrom) return std::nullopt;
  // Sorted out by a map as we go: a list may say the same twice.
  MapBuilder builder(arena_);
  std::vector<Value> keys;
  for (const Value& item : folded->items()) {
    if (!item.is(Kind::kString) && !item.is(Kind::kInteger) && !item.is(Kind::kUnsigned) &&
        !item.is(Kind::kBool))
      return std::nullopt;
    keys.push_back(item);
  }
  std::sort(keys.begin(), keys.end(), [](const Value& a, const Value& b) {
    const bool numbers = a.is_number() && b.is_number();
    if (!numbers && a.kind() != b.kind()) return a.kind() < b.kind();
    return compare_values(a, b) == Order::kLess;
  });
  keys.erase(
      std::unique(keys.begin(), keys.end(), [](const Value& a, const Value& b) { return equal(a, b); }),
      keys.end());
  for (const Value& key : keys) builder.add(key, Value());
  return constant(builder.build());
}

// -- control ----------------------------------------------------------------------------------------------

Operand Generator::logic(const Node& node, Temporary want) {
  const bool is_and = node.kind == NodeKind::kAnd;
  const uint16_t error = errors_++;
  std::vector<uint32_t> steps;
  for (const Node* child : node.children) {
    const uint32_t begin = here();
    const Operand at = generate(*child, want);
    steps.push_back(emit(node, is_and ? Op::kAndStep : Op::kOrStep, want, at, error));
    code_.origins.back().span = child->span;
    code_.handlers.push_back({begin, here(), here(), error, builds_});
  }
  emit(node, is_and ? Op::kAndEnd : Op::kOrEnd, want, 0, error);
  for (const uint32_t step : steps) jump_here(step);
  --errors_;
  return temporary(want);
}

Operand Generator::conditional(const Node& node, Temporary want) {
  const Operand condition = generate(*node.children[0], want);
  const uint32_t branch = emit(node, Op::kBranch, 0, condition);
  into(*node.children[1], want);
  const uint32_t done = emit(node, Op::kJump, 0);
  jump_here(branch);
  into(*node.children[2], want);
  jump_here(done);
  return temporary(want);
}

Operand Generator::list(const Node& node, Temporary want) {
  const auto count = static_cast<uint32_t>(node.children.size());
  const bool optional =
      std::find(node.entry_optional.begin(), node.entry_optional.end(), true) != node.entry_optional.end();
  code_.builds = true;
  if (!optional && count <= kMostSideBySide) {
    const Temporary first = take(count);
    for (uint32_t i = 0; i < count && !overflow_; ++i)
      into(*node.children[i], static_cast<Temporary>(first + i));
    emit(node, Op::kListOf, want, temporary(first), 0, count);
    return temporary(want);
  }
  emit(node, Op::kBuildBegin, 0);
  ++builds_;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t before = next_temporary_;
    const Operand item = generate(*node.children[i], take());
    emit(*node.children[i], node.entry_optional[i] ? Op::kBuildAddOptional : Op::kBuildAdd, 0, item);
    next_temporary_ = before;
  }
  --builds_;
  emit(node, Op::kBuildList, want);
  return temporary(want);
}

Operand Generator::map(const Node& node, Temporary want) {
  const auto count = static_cast<uint32_t>(node.children.size());
  const bool optional =
      std::find(node.entry_optional.begin(), node.entry_optional.end(), true) != node.entry_optional.end();
  code_.builds = true;
  if (!optional && count <= kMostSideBySide) {
    const Temporary first = take(count);
    for (uint32_t i = 0; i < count && !overflow_; ++i)
      into(*node.children[i], static_cast<Temporary>(first + i));
    emit(node, Op::kMapOf, want, temporary(first), 0, count / 2);
    return temporary(want);
  }
  emit(node, Op::kBuildBegin, 0);
  ++builds_;
  for (uint32_t i = 0; i + 1 < count; i += 2) {
    const uint32_t before = next_temporary_;
    const Operand key = generate(*node.children[i], take());
    const Operand value = generate(*node.children[i + 1], take());
    emit(*node.children[i], node.entry_optional[i / 2] ? Op::kBuildPairOptional : Op::kBuildPair, 0, key,
         value);
    next_temporary_ = before;
  }
  --builds_;
  emit(node, Op::kBuildMap, want);
  return temporary(want);
}

}  // namespace switchyard::expression
