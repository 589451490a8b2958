#include "normalizer.h"

#include "checker.h"
#include "switchyard/schema/limits.h"

namespace switchyard::schema {
namespace {

/// Bounds on a default whose properties have defaults whose properties ... A finite nest passes. What one
/// default leads to depends on the schema alone, so a program that passed when it was compiled never meets
/// these bounds again.
constexpr uint32_t kMaxDefaultLevels = kMaxSchemaDepth;
constexpr uint32_t kMaxDefaultsFilled = kMaxSubschemas;

}  // namespace

Value Normalizer::run_on_default(NodeIndex node, const Value& value) {
  default_levels_ = defaults_filled_ = 1;
  return run(node, value);
}

Value Normalizer::run(NodeIndex node, const Value& value) {
  if (!program_.has_combinators) {
    pass_ = Pass::kAll;
    return apply(node, value, value);
  }
  pass_ = Pass::kNumbersAndDefaults;
  const Value filled = apply(node, value, value);
  pass_ = Pass::kIntegers;
  return apply(node, value, filled);
}

Value Normalizer::apply(NodeIndex index, const Value& original, const Value& current) {
  const Node& node = program_.nodes[index];
  if (!node.normalizes) return current;
  const Value own = apply_own(node, original, current);
  return node.combinators == nullptr ? own : apply_combinators(*node.combinators, original, own);
}

Value Normalizer::apply_own(const Node& node, const Value& original, const Value& current) {
  switch (current.kind()) {
    case Kind::kInteger:
    case Kind::kUnsigned:
    case Kind::kDouble: return node.typed ? apply_number(node, current) : current;
    case Kind::kList: return node.arrays == nullptr ? current : apply_list(*node.arrays, original, current);
    case Kind::kMap: {
      if (node.objects == nullptr) return current;
      const Value members = apply_object(*node.objects, original, current);
      return pass_ == Pass::kIntegers ? members : fill_defaults(*node.objects, members);
    }
    default: return current;
  }
}

Value Normalizer::apply_number(const Node& node, const Value& current) const {
  if ((node.types & kNumberBit) != 0) {
    if (pass_ == Pass::kIntegers || current.is(Kind::kDouble)) return current;
    return Value::real(current.to_double());
  }
  if (pass_ == Pass::kNumbersAndDefaults || (node.types & kIntegerBit) == 0) return current;
  if (current.is(Kind::kInteger) || (types_of(current) & kIntegerBit) == 0) return current;
  return Value::integer(current.is(Kind::kDouble) ? static_cast<int64_t>(current.as_double())
                                                  : static_cast<int64_t>(current.as_unsigned()));
}

Value Normalizer::apply_list(const ArrayRules& rules, const Value& original, const Value& current) {
  Value* changed = nullptr;
  const auto items = current.items();
  for (size_t i = 0; i < items.size(); ++i) {
    const NodeIndex node = i < rules.prefix.size() ? rules.prefix[i] : rules.items;
    if (node == kNoNode) break;
    const Value item = apply(node, original.items()[i], items[i]);
    if (is_same(item, items[i])) continue;
    if (changed == nullptr) {
      changed = arena_.allocate<Value>(items.size());
      std::copy(items.begin(), items.end(), changed);
    }
    changed[i] = item;
  }
  return changed == nullptr ? current : Value::list({changed, items.size()});
}

Value Normalizer::apply_object(const ObjectRules& rules, const Value& original, const Value& current) {
  Value result = current;
  std::span<Member> changed;
  const auto members = current.members();
  const auto before = original.members();
  size_t guess = 0;
  for (size_t i = 0; i < members.size(); ++i) {
    // Defaults are added at the end, so the members that were validated are the first.
    const Value& validated = i < before.size() ? before[i].value : members[i].value;
    const Value value = apply_member(rules, guess, validated, members[i]);
    if (is_same(value, members[i].value)) continue;
    if (changed.empty()) result = copy_for_update(current, arena_, &changed);
    changed[i].value = value;
  }
  return result;
}

Value Normalizer::apply_member(const ObjectRules& rules, size_t& guess, const Value& original,
                               const Member& member) {
  const std::string_view name = member.key.as_string();
  const int64_t place = rules.find(name, guess);
  Value value = member.value;
  bool known = place >= 0;
  if (known) {
    guess = static_cast<size_t>(place) + 1;
    value = apply(rules.properties[static_cast<size_t>(place)].node, original, value);
  }
  for (const PatternProperty& property : rules.patterns) {
    if (!property.pattern.matches(name)) continue;
    known = true;
    value = apply(property.node, original, value);
  }
  if (known || rules.additional == kNoNode) return value;
  return apply(rules.additional, original, value);
}

Value Normalizer::fill_defaults(const ObjectRules& rules, const Value& current) {
  size_t missing = 0;
  for (const Property& property : rules.properties) {
    missing += property.has_default && current.find(property.name) == nullptr ? 1 : 0;
  }
  if (missing == 0) return current;
  filled_ = true;
  MapBuilder members(arena_, static_cast<uint32_t>(current.size() + missing));
  for (const Member& member : current.members()) members.add(member.key, member.value);
  for (const Property& property : rules.properties) {
    if (!property.has_default || current.find(property.name) != nullptr) continue;
    if (default_levels_ == 0) defaults_filled_ = 0;
    if (default_levels_ >= kMaxDefaultLevels || ++defaults_filled_ > kMaxDefaultsFilled) {
      overflowed_ = true;
      break;
    }
    ++default_levels_;
    const Value value = copy_value(property.default_value, arena_);
    members.add(arena_.copy(property.name), apply(property.node, value, value));
    --default_levels_;
  }
  return members.build();
}

Value Normalizer::apply_combinators(const Combinators& rules, const Value& original, Value current) {
  if (rules.ref != kNoNode) current = apply(rules.ref, original, current);
  for (const NodeIndex node : rules.all_of) current = apply(node, original, current);
  for (const auto* forms : {&rules.any_of, &rules.one_of}) {
    const NodeIndex node = first_match(*forms, original);
    if (node != kNoNode) current = apply(node, original, current);
  }
  return current;
}

NodeIndex Normalizer::first_match(const std::vector<NodeIndex>& nodes, const Value& original) const {
  for (const NodeIndex node : nodes) {
    if (Checker(program_).run(node, original)) return node;
  }
  return kNoNode;
}

}  // namespace switchyard::schema
