// What a condition proves about the presence of values, for the part of the text that it guards.
#include <algorithm>

#include "checker.h"
#include "machine_ops.h"

namespace switchyard::expression {
namespace {

bool is_null_literal(const Node& node) { return node.kind == NodeKind::kLiteral && node.literal.is_null(); }

void unite(std::vector<std::string>& all, const std::vector<std::string>& more) {
  for (const auto& one : more)
    if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
}

void keep_common(std::vector<std::string>& all, const std::vector<std::string>& other) {
  std::erase_if(
      all, [&](const std::string& one) { return std::find(other.begin(), other.end(), one) == other.end(); });
}

constexpr std::string_view kLocal = "local ";

std::string slot_key(uint16_t slot) { return "slot " + std::to_string(slot); }
bool is_local_key(const std::string& key) { return key.starts_with(kLocal); }

bool is_literal(const Node& node) { return node.kind == NodeKind::kLiteral; }

/// x.orValue(literal)
bool has_default(const Node& node) {
  return node.kind == NodeKind::kCall && node.has_target && node.name == "orValue" &&
         node.children.size() == 2 && is_literal(*node.children[1]);
}

std::optional<bool> compare_literals(const Value& a, Operator op, const Value& b) {
  if (op == Operator::kEqual || op == Operator::kNotEqual) return equal(a, b) == (op == Operator::kEqual);
  const Order order = compare_values(a, b);
  if (order == Order::kIncomparable) return std::nullopt;
  switch (op) {
    case Operator::kLess: return order == Order::kLess;
    case Operator::kLessEqual: return order == Order::kLess || order == Order::kEqual;
    case Operator::kGreater: return order == Order::kGreater;
    case Operator::kGreaterEqual: return order == Order::kGreater || order == Order::kEqual;
    default: return std::nullopt;
  }
}

/// Of a question about x.orValue(literal): x, and the answer where it is absent.
std::optional<std::pair<const Node*, bool>> outcome_by_default(const Node& node) {
  if (has_default(node)) {
    const Value& value = node.children[1]->literal;
    if (!value.is(Kind::kBool)) return std::nullopt;
    return std::pair(node.children[0], value.as_bool());
  }
  if (node.kind != NodeKind::kBinary) return std::nullopt;
  const Node& left = *node.children[0];
  const Node& right = *node.children[1];
  std::optional<bool> outcome;
  if (node.op == Operator::kIn && has_default(left) && right.kind == NodeKind::kList &&
      std::all_of(right.children.begin(), right.children.end(),
                  [](const Node* item) { return is_literal(*item); })) {
    outcome = std::any_of(right.children.begin(), right.children.end(),
                          [&](const Node* item) { return equal(left.children[1]->literal, item->literal); });
  } else if (has_default(left) && is_literal(right)) {
    outcome = compare_literals(left.children[1]->literal, node.op, right.literal);
  } else if (is_literal(left) && has_default(right)) {
    outcome = compare_literals(left.literal, node.op, right.children[1]->literal);
  }
  if (!outcome.has_value()) return std::nullopt;
  return std::pair(has_default(left) ? left.children[0] : right.children[0], *outcome);
}

}  // namespace

/// The same text for two nodes that mean the same variable or field; empty for anything that is not a plain
/// path.
std::string Checker::key_of(const Node& node) const {
  const NodeInfo& about = info(node);
  if (about.ref == Ref::kSlot) return slot_key(about.index);
  if (about.ref == Ref::kLocal) return std::string(kLocal) + std::to_string(about.index);
  std::string_view field;
  if (node.kind == NodeKind::kSelect) {
    field = node.name;
  } else if (node.kind == NodeKind::kIndex && node.children[1]->kind == NodeKind::kLiteral &&
             node.children[1]->literal.is(Kind::kString)) {
    field = node.children[1]->literal.as_string();
  } else {
    return {};
  }
  const std::string of = key_of(*node.children[0]);
  return of.empty() ? of : of + "\n" + std::string(field);
}

bool Checker::known(const std::vector<std::string>& facts, const Node& node) const {
  if (facts.empty()) return false;
  const std::string key = key_of(node);
  return !key.empty() && std::find(facts.begin(), facts.end(), key) != facts.end();
}

/// The path and all that it goes through: what has a field is there itself.
void Checker::add_path(const Node& node, std::vector<std::string>& out) const {
  for (const Node* at = &node;; at = at->children[0]) {
    std::string key = key_of(*at);
    if (!key.empty()) out.push_back(std::move(key));
    if (info(*at).ref != Ref::kNone) return;
    if (at->kind != NodeKind::kSelect && at->kind != NodeKind::kIndex && at->kind != NodeKind::kOptionalMap)
      return;
  }
}

/// What holds where `node` came out as `when`.
Facts Checker::facts(const Node& node, bool when) const {
  Facts out;
  switch (node.kind) {
    case NodeKind::kHas:
      if (when) add_path(*node.children[0], out.present_);
      return out;
    case NodeKind::kUnary: return node.op == Operator::kNot ? facts(*node.children[0], !when) : out;
    case NodeKind::kAnd:
    case NodeKind::kOr: return facts_of_all(node, when);
    case NodeKind::kConditional: return facts_of_conditional(node, when);
    case NodeKind::kBinary: return facts_of_comparison(node, when);
    case NodeKind::kCall:
      // input.?country.hasValue()
      if (when && node.has_target && node.name == "hasValue" && node.children[0]->kind != NodeKind::kIdent)
        add_path(*node.children[0], out.present_);
      else
        out = facts_of_default(node, when);
      return out;
    default: return out;
  }
}

/// Of `a && b` being true both hold; of its being false only what either failure implies.
Facts Checker::facts_of_all(const Node& node, bool when) const {
  const bool all = (node.kind == NodeKind::kAnd) == when;
  Facts out;
  bool first = true;
  for (const Node* child : node.children) {
    const Facts part = facts(*child, when);
    if (all || first)
      out.add(part);
    else
      keep_common(out.present_, part.present_), keep_common(out.not_null_, part.not_null_);
    first = false;
  }
  return out;
}

/// `a ? b : false` being true is `a && b`; of two cases that are possible only what both imply.
Facts Checker::facts_of_conditional(const Node& node, bool when) const {
  const auto impossible = [&](const Node& branch) {
    return branch.kind == NodeKind::kLiteral && branch.literal.is(Kind::kBool) &&
           branch.literal.as_bool() != when;
  };
  Facts yes = facts(*node.children[0], true);
  yes.add(facts(*node.children[1], when));
  Facts no = facts(*node.children[0], false);
  no.add(facts(*node.children[2], when));
  if (impossible(*node.children[1])) return no;
  if (impossible(*node.children[2])) return yes;
  keep_common(yes.present_, no.present_);
  keep_common(yes.not_null_, no.not_null_);
  return yes;
}

Facts Checker::facts_of_comparison(const Node& node, bool when) const {
  const Node& left = *node.children[0];
  const Node& right = *node.children[1];
  const bool differs = node.op == Operator::kNotEqual;
  const Node* subject = is_null_literal(right) ? &left : is_null_literal(left) ? &right : nullptr;
  if (subject == nullptr || (!differs && node.op != Operator::kEqual)) {
    Facts out = facts_of_default(node, when);
    if (node.op == Operator::kIn && when && left.kind == NodeKind::kLiteral && left.literal.is(Kind::kString))
      if (const std::string of = key_of(right); !of.empty())
        out.present_.push_back(of + "\n" + std::string(left.literal.as_string()));
    return out;
  }
  Facts out;
  if (differs == when)
    if (std::string key = key_of(*subject); !key.empty()) out.not_null_.push_back(std::move(key));
  return out;
}

/// `x.?y.orValue(0.0) > 0.5` with a default that gives the other outcome: x and its y are there. For paths
/// that begin with a variable; a name bound inside the expression stays as plain CEL has it.
Facts Checker::facts_of_default(const Node& node, bool when) const {
  const auto outcome = outcome_by_default(node);
  Facts out;
  if (!outcome.has_value() || outcome->second == when) return out;
  add_path(*outcome->first, out.present_);
  std::erase_if(out.present_, is_local_key);
  return out;
}

/// Those that have a meaning outside the text.
Facts Checker::outward_facts(const Node& node, bool when) const {
  Facts out = facts(node, when);
  std::erase_if(out.present_, is_local_key);
  std::erase_if(out.not_null_, is_local_key);
  return out;
}

void Facts::add(const Facts& more) {
  unite(present_, more.present_);
  unite(not_null_, more.not_null_);
}

void Facts::assume_present(SlotIndex slot) { unite(present_, {slot_key(slot.value)}); }

bool Facts::proves_present(SlotIndex slot) const {
  const std::string key = slot_key(slot.value);
  return std::any_of(present_.begin(), present_.end(), [&](const std::string& path) {
    return path.starts_with(key) && (path.size() == key.size() || path[key.size()] == '\n');
  });
}

void Checker::push_facts(Facts more) {
  fact_marks_.emplace_back(facts_.present_.size(), facts_.not_null_.size());
  for (auto& key : more.present_) facts_.present_.push_back(std::move(key));
  for (auto& key : more.not_null_) facts_.not_null_.push_back(std::move(key));
}

void Checker::pop_facts() {
  facts_.present_.resize(fact_marks_.back().first);
  facts_.not_null_.resize(fact_marks_.back().second);
  fact_marks_.pop_back();
}

}  // namespace switchyard::expression
