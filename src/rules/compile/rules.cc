// The rules of a table: conditions and what they give.
#include <cmath>
#include <utility>

#include "../limits.h"
#include "compiler.h"
#include "names.h"
#include "switchyard/types/json.h"
#include "unary.h"

namespace switchyard::rules {

using document::Node;
using expression::Type;
using expression::TypeKind;

void Compiler::read_rules(const Place& place) {
  if (!place.node->is(Node::Kind::kSequence)) {
    context_.error(place, "not_a_list", "`rows` must be a list, and this is " + place.node->describe(),
                   "write one rule per item: - { id: ..., when: ..., then: ... }");
    return;
  }
  const size_t count = place.node->items.size();
  if (count == 0 || count > kMaxRules) {
    context_.error(
        place, count == 0 ? "no_rules" : "too_many_rules",
        "a table has 1 to " + std::to_string(kMaxRules) + " rules, and this has " + std::to_string(count),
        count == 0 ? "write at least one rule" : "split the table");
    return;
  }
  table_->rules_.reserve(count);
  for (size_t i = 0; i < count; ++i) read_rule(place.item(i));
}

void Compiler::read_rule(const Place& place) {
  Fields fields(context_, place, "a rule");
  Rule& rule = table_->rules_.emplace_back();
  rule.path = place.path;
  if (const auto id = fields.require("id", "give every rule its name: id: huge-amount")) read_id(*id, rule);
  if (const auto when =
          fields.require("when", "say when the rule hits: when: facts.amount > 5000.0, or when: true"))
    read_condition(*when, rule);
  const std::string whose = rule.id.empty() ? "this rule" : "rule '" + rule.id + "'";
  const auto then = fields.find("then");
  fields.finish();
  if (then.has_value()) {
    read_cells(*then, whose, rule);
  } else if (fields.is_mapping() && columns_known_ && !table_->columns_.empty()) {
    context_.error(place, "missing_field", whose + " needs 'then'",
                   "say what it gives: then: { " + table_->columns_[0].name + ": ... }");
  }
}

void Compiler::read_id(const Place& place, Rule& rule) {
  // An id such as 17 needs no quotes; what it is called must survive, so it is the text that counts.
  if (!place.node->is_scalar() || place.node->is(Node::Kind::kNull)) {
    context_.error(place, "bad_id", "an id must be a word, and this is " + place.node->describe(),
                   "write a word such as huge-amount");
    return;
  }
  rule.id = place.node->text;
  if (!is_rule_id(rule.id)) {
    context_.error(place, "bad_id", "'" + rule.id + "' is no id of a rule",
                   "use at most 64 letters, digits, '-', '_' and '.'");
  } else if (!ids_.insert(rule.id).second) {
    context_.error(place, "duplicate_id", "another rule has the id '" + rule.id + "' too",
                   "give every rule an id of its own");
  }
}

void Compiler::read_condition(const Place& place, Rule& rule) {
  switch (place.node->kind) {
    case Node::Kind::kBool: rule.never = !place.node->boolean; return;
    case Node::Kind::kString: {
      auto program = context_.expression(place, Type::boolean(), "`when`");
      if (!program.has_value()) return;
      if (const auto constant = program->constant(); constant.has_value() && constant->is(Kind::kBool))
        rule.never = !constant->as_bool();
      else
        rule.when = std::move(program);
      return;
    }
    case Node::Kind::kMapping:
      for (const auto& entry : place.node->entries) read_test(entry, place.entry(entry), rule);
      return;
    default:
      context_.error(place, "bad_condition",
                     "`when` must be an expression or tests, and this is " + place.node->describe(),
                     "write when: facts.amount > 5000.0, or when: { amount: \"> 5000.0\" }");
  }
}

void Compiler::read_test(const document::Entry& entry, const Place& place, Rule& rule) {
  if (!facts_known_) return;
  const auto found = table_->facts_->find(entry.key);
  if (found.index.has_value()) {
    auto predicate = read_unary_test(context_, place, (*table_->facts_)[*found.index]);
    if (!predicate.has_value()) return;
    const bool any =
        predicate->kind == Predicate::Kind::kAnything && predicate->passes_absent && predicate->passes_null;
    if (!any) rule.tests.push_back({*found.index, std::move(*predicate)});
    return;
  }
  if (found.known) {
    context_.error_at(
        entry.position, place.path, "not_comparable",
        "'" + entry.key + "' is " + found.type + ", and only numbers, text and booleans are tested so",
        "write the condition as an expression: when: facts." + entry.key + " ...");
    return;
  }
  const auto names = table_->facts_->names();
  context_.error_at(entry.position, place.path, "unknown_fact", "there is no fact '" + entry.key + "'",
                    did_you_mean(entry.key, names, "the schema of the facts has " + word_list(names)));
}

void Compiler::read_cells(const Place& place, const std::string& whose, Rule& rule) {
  if (!place.node->is(Node::Kind::kMapping)) {
    context_.error(place, "not_a_mapping",
                   "the outputs of " + whose + " must be a mapping, and this is " + place.node->describe(),
                   "write one entry per output: outcome: \"'decline'\"");
    return;
  }
  if (!columns_known_) return;
  std::vector<std::string> names;
  for (const auto& column : table_->columns_) names.push_back(column.name);
  rule.cells.resize(table_->columns_.size());
  for (size_t i = 0; i < table_->columns_.size(); ++i) {
    const Column& column = table_->columns_[i];
    const document::Entry* given = nullptr;
    for (const auto& entry : place.node->entries)
      if (entry.key == column.name) given = &entry;
    if (given != nullptr) {
      read_cell(place.entry(*given), column, whose, rule.cells[i]);
    } else {
      context_.error(place, "missing_output", whose + " does not say '" + column.name + "'",
                     "add " + column.name + ": <an expression of type " + column.type.to_string() + ">");
    }
  }
  for (const auto& entry : place.node->entries) {
    bool known = false;
    for (const auto& name : names) known |= name == entry.key;
    if (known) continue;
    context_.error_at(entry.position, document::child_path(place.path, entry.key), "unknown_output",
                      "the table has no output '" + entry.key + "'",
                      did_you_mean(entry.key, names, "add it to `outputs`, or remove it here"));
  }
}

void Compiler::read_cell(const Place& place, const Column& column, const std::string& whose, Cell& cell) {
  const Node& node = *place.node;
  if (!node.is_scalar()) {
    context_.error(
        place, "not_an_expression",
        "output '" + column.name + "' of " + whose + " must be an expression, and this is " + node.describe(),
        "write it as an expression, as in \"['a', 'b']\" or \"{'name': facts.name}\"");
    return;
  }
  if (!node.is(Node::Kind::kString)) {
    Arena arena(64);
    keep_constant(place, column, whose, document::to_value(node, arena), cell);
    return;
  }
  auto program = context_.expression(place, column.type, "output '" + column.name + "' of " + whose);
  if (!program.has_value()) return;
  if (const auto constant = program->constant()) {
    keep_constant(place, column, whose, *constant, cell);
  } else {
    cell.program = std::move(program);
  }
}

void Compiler::keep_constant(const Place& place, const Column& column, const std::string& whose,
                             const Value& value, Cell& cell) {
  if (value.is(Kind::kDouble) && !std::isfinite(value.as_double())) {
    context_.error(place, "bad_output", "output '" + column.name + "' of " + whose + " is no finite number",
                   "write a finite number");
    return;
  }
  auto normalized = column.schema->normalize(value, table_->constants_);
  if (normalized.ok()) {
    cell.constant = copy_value(*normalized, table_->constants_);
    return;
  }
  std::vector<std::string> allowed;
  for (const auto& one : column.schema->type().enum_values)
    if (one.is(Kind::kString)) allowed.emplace_back(one.as_string());
  std::string mend = "correct the value, or the schema of '" + column.name + "'";
  if (!allowed.empty()) mend = "use one of: " + word_list(allowed);
  if (!allowed.empty() && value.is(Kind::kString)) mend = did_you_mean(value.as_string(), allowed, mend);
  context_.error(
      place, "bad_output",
      "output '" + column.name + "' of " + whose + " does not fit its column: " + normalized.error().message,
      std::move(mend));
}

}  // namespace switchyard::rules
