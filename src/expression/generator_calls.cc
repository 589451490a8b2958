#include <re2/re2.h>

#include "generator.h"
#include "switchyard/expression/limits.h"

namespace switchyard::expression {

// -- functions --------------------------------------------------------------------------------------------

Operand Generator::call(const Node& node, Temporary want) {
  const NodeInfo& about = info(node);
  if (about.builtin == nullptr) {
    code_.faults.emplace_back(static_cast<uint8_t>(FaultCode::kNoOverload), "there is no such function");
    emit(node, Op::kFault, want, 0, 0, static_cast<uint32_t>(code_.faults.size() - 1));
    return temporary(want);
  }
  const auto args = node.children.subspan(about.namespaced ? 1 : 0);
  const std::string_view name = about.builtin->name;
  if (about.builtin->method && args.size() == 2 && (name == "or" || name == "orValue"))
    return optional_call(node, want);
  code_.builds =
      code_.builds || name == "split" || name == "optional.of" || name == "optional.ofNonZeroValue";
  bool arity = about.builtin->variadic && !args.empty();
  for (const auto& overload : about.builtin->overloads)
    arity = arity || overload.params.size() == args.size();
  if (!arity) {
    code_.faults.emplace_back(static_cast<uint8_t>(FaultCode::kNoOverload),
                              "it takes another number of arguments");
    emit(node, Op::kFault, want, 0, 0, static_cast<uint32_t>(code_.faults.size() - 1));
    return temporary(want);
  }
  if (name == "matches") {
    if (const auto pattern = prepare_pattern(*args[1])) {
      emit(node, Op::kMatches, want, generate(*args[0], want), 0, *pattern);
      return temporary(want);
    }
  }
  if (name == "type" && args.size() == 1 && !about.builtin->method) {
    // Addresses are texts when evaluated: what they are is known here only.
    const Type& type = info(*args[0]).type;
    if (type.is(TypeKind::kIp) || type.is(TypeKind::kCidr)) {
      into(*args[0], want);
      emit(node, Op::kMove, want, constant(Value::type(type_constant(type.to_string()))));
      return temporary(want);
    }
  }
  if (name.starts_with("get") && args.size() == 2 && !prepare_zone(*args[1])) return temporary(want);

  code_.builtins.push_back(about.builtin);
  const auto function = static_cast<uint32_t>(code_.builtins.size() - 1);
  Operand first = constant(Value());
  if (args.size() == 1 && !info(*args[0]).to_real) {
    first = generate(*args[0], want);
  } else if (!args.empty()) {
    const Temporary begin = take(static_cast<uint32_t>(args.size()));
    for (size_t i = 0; i < args.size() && !overflow_; ++i) {
      const auto at = static_cast<Temporary>(begin + i);
      into(*args[i], at);
      if (info(*args[i]).to_real) emit(*args[i], Op::kToReal, at, temporary(at));
    }
    first = temporary(begin);
  }
  emit(node, Op::kCall, want, first, static_cast<Operand>(args.size()), function);
  return temporary(want);
}

/// or() and orValue() evaluate their argument only where it is needed.
Operand Generator::optional_call(const Node& node, Temporary want) {
  const bool value = node.name == "orValue";
  Operand target = 0;
  const Node& of = *node.children[0];
  if (of.kind == NodeKind::kIdent && info(of).ref != Ref::kUndeclared)
    target = reference(of, want, true);
  else
    target = generate(of, want);
  const uint32_t full = emit(node, value ? Op::kOrValue : Op::kOrOptional, want, target);
  into(*node.children[1], want);
  if (!value) emit(node, Op::kHasValue, take(), temporary(want));  // it must be an optional
  jump_here(full);
  return temporary(want);
}

std::optional<uint32_t> Generator::prepare_pattern(const Node& pattern) {
  const auto text = fold(pattern);
  if (!text.has_value() || !text->is(Kind::kString) || text->size() > kMaxPatternBytes) return std::nullopt;
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaxPatternMemoryBytes);
  const auto view = text->as_string();
  auto regex = std::make_unique<re2::RE2>(re2::StringPiece(view.data(), view.size()), options);
  if (!regex->ok()) {
    mistakes_.add(pattern.span, "expression.bad_pattern",
                  quoted(view) + " is not a regular expression: " + regex->error(),
                  "the syntax is that of RE2");
    return std::nullopt;
  }
  code_.patterns.push_back(std::move(regex));
  return static_cast<uint32_t>(code_.patterns.size() - 1);
}

/// Looks up a time zone that is written down; false (and a mistake) where there is none of that name.
bool Generator::prepare_zone(const Node& node) {
  const auto name = fold(node);
  if (!name.has_value() || !name->is(Kind::kString) || fixed_offset(name->as_string()).has_value())
    return true;
  const auto text = name->as_string();
  for (const auto& [known, zone] : code_.zones)
    if (known == text) return true;
  auto zone = TimeZone::find(text);
  if (!zone.has_value()) {
    const auto near = nearest_zone_name(text);
    mistakes_.add(node.span, "expression.unknown_time_zone", "there is no time zone " + quoted(text),
                  near.empty() ? "write an offset as '+02:00', or a name as 'Europe/Berlin'"
                               : "did you mean " + quoted(near) + "?");
    return false;
  }
  code_.zones.emplace_back(std::string(text), std::move(*zone));
  return true;
}

// -- names ------------------------------------------------------------------------------------------------

/// The value is evaluated once; where that fails, each use of the name does, and where there is none nothing
/// does: as if the value stood in the place of its name.
Operand Generator::bind(const Node& node, Temporary want) {
  const uint16_t number = info(node).first_local;
  if (locals_.size() <= number) locals_.resize(number + size_t{1});
  const uint16_t error = errors_++;
  emit(node, Op::kForget, 0, 0, error);
  const uint32_t begin = here();
  locals_[number] = generate(*node.children[0], take());
  if (here() > begin) {
    code_.handlers.push_back({begin, here(), here(), error, builds_});
    kept_[number] = error;
  } else {
    code_.instructions.pop_back();  // a constant or another name: nothing can fail
    code_.origins.pop_back();
  }
  const Operand result = generate(*node.children[1], want);
  --errors_;
  return result;
}

Operand Generator::optional_map(const Node& node, Temporary want) {
  const uint16_t number = info(node).first_local;
  if (locals_.size() <= number) locals_.resize(number + size_t{1});
  const Node& of = *node.children[0];
  const Temporary local = take();
  Operand target = 0;
  if (of.kind == NodeKind::kIdent && info(of).ref != Ref::kUndeclared)
    target = reference(of, local, true);
  else
    target = generate(of, local);
  const uint32_t absent = emit(node, Op::kIfAbsent, local, target);
  locals_[number] = temporary(local);
  const Operand body = generate(*node.children[1], want);
  code_.builds = true;
  if (node.macro == Macro::kOptMap) {
    emit(node, Op::kWrap, want, body);
  } else {
    emit(node, Op::kHasValue, take(), body);  // it must be an optional
    if (body != temporary(want)) emit(node, Op::kMove, want, body);
  }
  const uint32_t done = emit(node, Op::kJump, 0);
  jump_here(absent);
  emit(node, Op::kMove, want, constant(Value::none()));
  jump_here(done);
  return temporary(want);
}

// -- loops ------------------------------------------------------------------------------------------------

Operand Generator::comprehension(const Node& node, Temporary want) {
  const bool pair = !node.second_name.empty();
  const Operand range = generate(*node.children[0], take());
  const Temporary counter = take();
  const Temporary first = take(2);
  const auto& about = info(node);
  const size_t highest = pair ? about.second_local : about.first_local;
  if (locals_.size() <= highest) locals_.resize(highest + 1);
  locals_[about.first_local] = temporary(first);
  if (pair) locals_[about.second_local] = temporary(static_cast<Temporary>(first + 1));
  switch (node.macro) {
    case Macro::kAll:
    case Macro::kExists: return quantifier(node, want, range, counter, first);
    case Macro::kExistsOne: return exists_one(node, want, range, counter, first);
    default: return transform(node, want, range, counter, first);
  }
}

/// all() is && over the elements, exists() is ||: errors wait for what the others say.
Operand Generator::quantifier(const Node& node, Temporary want, Operand range, Temporary counter,
                              Temporary first) {
  const bool all = node.macro == Macro::kAll;
  const uint16_t error = errors_++;
  emit(node, Op::kLoopBegin, 0, range, temporary(counter));
  const uint32_t again = here();
  const uint32_t next = emit(node, node.second_name.empty() ? Op::kLoopNext : Op::kLoopNextPair, first, range,
                             temporary(counter));
  const uint32_t begin = here();
  const Operand body = generate(*node.children[1], want);
  const uint32_t step = emit(node, all ? Op::kAndStep : Op::kOrStep, want, body, error);
  code_.handlers.push_back({begin, here(), again, error, builds_});
  emit(node, Op::kJump, 0, 0, 0, again);
  jump_here(next);
  emit(node, all ? Op::kAndEnd : Op::kOrEnd, want, 0, error);
  jump_here(step);
  --errors_;
  return temporary(want);
}

Operand Generator::exists_one(const Node& node, Temporary want, Operand range, Temporary counter,
                              Temporary first) {
  const Temporary count = take();
  emit(node, Op::kMove, count, constant(Value::integer(0)));
  emit(node, Op::kLoopBegin, 0, range, temporary(counter));
  const uint32_t again = here();
  const uint32_t next = emit(node, node.second_name.empty() ? Op::kLoopNext : Op::kLoopNextPair, first, range,
                             temporary(counter));
  const Operand body = generate(*node.children[1], want);
  emit(node, Op::kCountIf, count, body);
  emit(node, Op::kJump, 0, 0, 0, again);
  jump_here(next);
  emit(node, Op::kEqual, want, temporary(count), constant(Value::integer(1)));
  return temporary(want);
}

/// map, filter, transformList, transformMap, transformMapEntry.
Operand Generator::transform(const Node& node, Temporary want, Operand range, Temporary counter,
                             Temporary first) {
  code_.builds = true;
  emit(node, Op::kBuildBegin, 0);
  ++builds_;
  emit(node, Op::kLoopBegin, 0, range, temporary(counter));
  const uint32_t again = here();
  const uint32_t next = emit(node, node.second_name.empty() ? Op::kLoopNext : Op::kLoopNextPair, first, range,
                             temporary(counter));
  const bool filter = node.macro == Macro::kFilter;
  if (filter || node.children.size() == 3)
    emit(node, Op::kBranch, 0, generate(*node.children[1], want), 0, again);
  const Operand body = filter ? temporary(first) : generate(*node.children.back(), want);
  if (node.macro == Macro::kTransformMap)
    emit(node, Op::kBuildPair, 0, temporary(first), body);
  else if (node.macro == Macro::kTransformMapEntry)
    emit(node, Op::kBuildEntries, 0, body);
  else
    emit(node, Op::kBuildAdd, 0, body);
  emit(node, Op::kJump, 0, 0, 0, again);
  jump_here(next);
  --builds_;
  const bool to_map = node.macro == Macro::kTransformMap || node.macro == Macro::kTransformMapEntry;
  emit(node, to_map ? Op::kBuildMap : Op::kBuildList, want);
  return temporary(want);
}

}  // namespace switchyard::expression
