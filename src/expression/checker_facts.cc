// What a condition proves about the presence of values, for the part of the text that it guards.
#include <algorithm>

#include "checker.h"

namespace switchyard::expression {
namespace {

bool is_null_literal(const Node& node) { return node.kind == NodeKind::kLiteral && node.literal.is_null(); }

void unite(std::vector<std::string>& all, const std::vector<std::string>& more) {
  for (const auto& one : more)
    if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
}

void intersect(std::vector<std::string>& all, const std::vector<std::string>& other) {
  std::erase_if(
      all, [&](const std::string& one) { return std::find(other.begin(), other.end(), one) == other.end(); });
}

}  // namespace

/// The same text for two nodes that mean the same variable or field; empty for anything that is not a plain
/// path.
std::string Checker::key_of(const Node& node) const {
  const NodeInfo& about = info(node);
  if (about.ref == Ref::kSlot) return "slot " + std::to_string(about.index);
  if (about.ref == Ref::kLocal) return "local " + std::to_string(about.index);
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
    const std::string key = key_of(*at);
    if (key.empty()) return;
    out.push_back(key);
    if (at->kind == NodeKind::kIdent || info(*at).ref == Ref::kSlot) return;
  }
}

/// What holds where `node` came out as `when`.
Checker::Facts Checker::facts(const Node& node, bool when) const {
  Facts out;
  switch (node.kind) {
    case NodeKind::kHas:
      if (when) add_path(*node.children[0], out.present);
      break;
    case NodeKind::kUnary:
      if (node.op == Operator::kNot) return facts(*node.children[0], !when);
      break;
    case NodeKind::kAnd:
    case NodeKind::kOr: {
      // Of `a && b` being true both hold; of its being false only what either failure implies.
      const bool all = (node.kind == NodeKind::kAnd) == when;
      bool first = true;
      for (const Node* child : node.children) {
        const Facts part = facts(*child, when);
        if (all || first) {
          unite(out.present, part.present);
          unite(out.not_null, part.not_null);
        } else {
          intersect(out.present, part.present);
          intersect(out.not_null, part.not_null);
        }
        first = false;
      }
      break;
    }
    case NodeKind::kBinary: {
      const Node& left = *node.children[0];
      const Node& right = *node.children[1];
      const bool differs = node.op == Operator::kNotEqual;
      if ((differs || node.op == Operator::kEqual) && differs == when) {
        const Node* subject = is_null_literal(right) ? &left : is_null_literal(left) ? &right : nullptr;
        if (subject != nullptr)
          if (std::string key = key_of(*subject); !key.empty()) out.not_null.push_back(std::move(key));
      }
      if (node.op == Operator::kIn && when && left.kind == NodeKind::kLiteral &&
          left.literal.is(Kind::kString)) {
        if (const std::string of = key_of(right); !of.empty())
          out.present.push_back(of + "\n" + std::string(left.literal.as_string()));
      }
      break;
    }
    case NodeKind::kCall:
      // input.?country.hasValue()
      if (when && node.has_target && node.name == "hasValue" && node.children[0]->kind != NodeKind::kIdent)
        add_path(*node.children[0], out.present);
      break;
    default: break;
  }
  return out;
}

void Checker::push_facts(Facts more) {
  fact_marks_.emplace_back(facts_.present.size(), facts_.not_null.size());
  for (auto& key : more.present) facts_.present.push_back(std::move(key));
  for (auto& key : more.not_null) facts_.not_null.push_back(std::move(key));
}

void Checker::pop_facts() {
  facts_.present.resize(fact_marks_.back().first);
  facts_.not_null.resize(fact_marks_.back().second);
  fact_marks_.pop_back();
}

}  // namespace switchyard::expression
