#include "compiler.h"

#include <algorithm>
#include <utility>

#include "checker.h"
#include "normalizer.h"
#include "switchyard/schema/limits.h"
#include "wording.h"

namespace switchyard::schema {
namespace {

/// Enums of this many texts get a lookup.
constexpr size_t kLookupFrom = 8;

/// The narrowest set of types for these values: integer only when no number has a fraction.
uint8_t types_of_all(const std::vector<Value>& values) {
  uint8_t types = 0;
  for (const Value& value : values) {
    const uint8_t one = types_of(value);
    if (one == (kIntegerBit | kNumberBit))
      types |= kIntegerBit;
    else if (one == kNumberBit)
      types |= kIntegerBit | kNumberBit;
    else
      types |= one;
  }
  return types;
}

void add_if(NodeIndex node, std::vector<NodeIndex>& out) {
  if (node != kNoNode) out.push_back(node);
}

}  // namespace

std::vector<NodeIndex> same_value_nodes(const Node& node) {
  std::vector<NodeIndex> nodes;
  if (node.combinators == nullptr) return nodes;
  const Combinators& rules = *node.combinators;
  for (const auto* list : {&rules.all_of, &rules.any_of, &rules.one_of}) {
    nodes.insert(nodes.end(), list->begin(), list->end());
  }
  for (const NodeIndex one : {rules.ref, rules.negated, rules.condition, rules.then, rules.otherwise})
    add_if(one, nodes);
  return nodes;
}

std::vector<NodeIndex> changing_nodes(const Node& node) {
  std::vector<NodeIndex> nodes;
  if (node.combinators != nullptr) {
    const Combinators& rules = *node.combinators;
    add_if(rules.ref, nodes);
    for (const auto* list : {&rules.all_of, &rules.any_of, &rules.one_of}) {
      nodes.insert(nodes.end(), list->begin(), list->end());
    }
  }
  if (node.arrays != nullptr) {
    nodes.insert(nodes.end(), node.arrays->prefix.begin(), node.arrays->prefix.end());
    add_if(node.arrays->items, nodes);
  }
  if (node.objects != nullptr) {
    for (const Property& property : node.objects->properties) nodes.push_back(property.node);
    for (const PatternProperty& property : node.objects->patterns) nodes.push_back(property.node);
    add_if(node.objects->additional, nodes);
  }
  return nodes;
}

NodeIndex follow_references(const Program& program, NodeIndex index) {
  // Endless references were refused when the program was compiled.
  for (;;) {
    const Node& node = program.nodes[index];
    const bool only_reference = node.combinators != nullptr && node.combinators->ref != kNoNode &&
                                !node.typed && !node.never && node.numbers == nullptr &&
                                node.strings == nullptr && node.arrays == nullptr &&
                                node.objects == nullptr && same_value_nodes(node).size() == 1;
    if (!only_reference) return index;
    index = node.combinators->ref;
  }
}

void Compiler::run() {
  program_.root = compile(*program_.document, "", 0);
  resolve_references();
  if (has_errors(diagnostics_)) return;
  refuse_long_chains();
  if (has_errors(diagnostics_)) return;
  collect_defaults();
  mark_normalizing();
  check_defaults();
  find_conflicting_defaults();
}

NodeIndex Compiler::compile(const Value& schema, const std::string& pointer, uint32_t depth) {
  if (const auto known = by_pointer_.find(pointer); known != by_pointer_.end()) return known->second;
  const auto index = static_cast<NodeIndex>(program_.nodes.size());
  by_pointer_[pointer] = index;
  Node& node = program_.nodes.emplace_back();
  node.source = schema;
  node.pointer = pointer;
  if (schema.is(Kind::kBool)) {
    node.never = !schema.as_bool();
  } else if (!schema.is(Kind::kMap)) {
    error("schema.not_a_schema", pointer, "a schema is an object, true or false, got " + shown(schema),
          "write {\"type\": ...}");
  } else if (depth > kMaxSchemaDepth || index >= kMaxSubschemas) {
    error("schema.too_large", pointer,
          "the schema is nested over " + std::to_string(kMaxSchemaDepth) + " levels or has over " +
              std::to_string(kMaxSubschemas) + " subschemas",
          "split it with $defs and $ref");
  } else {
    const uint32_t outer_depth = std::exchange(depth_, depth);
    compile_keywords(node, schema, pointer);
    depth_ = outer_depth;
    finish_objects(node);
    finish_types(node, pointer);
    warn_about_unused(node, schema, pointer);
  }
  return index;
}

void Compiler::finish_objects(Node& node) {
  if (node.objects == nullptr) return;
  ObjectRules& rules = *node.objects;
  MapBuilder lookup(program_.arena);
  for (size_t i = 0; i < rules.properties.size(); ++i) {
    Property& property = rules.properties[i];
    lookup.add(property.name, Value::integer(static_cast<int64_t>(i)));
    const auto found =
        std::find(rules.required_elsewhere.begin(), rules.required_elsewhere.end(), property.name);
    if (found == rules.required_elsewhere.end()) continue;
    property.required = true;
    rules.required_elsewhere.erase(found);
  }
  rules.lookup = lookup.build();
}

void Compiler::finish_types(Node& node, const std::string& pointer) {
  if (node.combinators != nullptr) program_.has_combinators = true;
  if (!node.has_enum) return;
  const uint8_t possible = types_of_all(node.enum_values);
  if (!node.typed) {
    // As if type were given, so that numbers in these slots have one kind.
    node.types = possible;
    node.typed = true;
  } else if ((possible & node.types) == 0 && !node.enum_values.empty()) {
    warning("schema.accepts_nothing", pointer, "no value of the enum is " + describe_types(node.types),
            "correct type or enum");
  }
  const auto is_text = [](const Value& value) { return value.is(Kind::kString); };
  if (node.enum_values.size() < kLookupFrom ||
      !std::all_of(node.enum_values.begin(), node.enum_values.end(), is_text)) {
    return;
  }
  MapBuilder lookup(program_.arena);
  for (const Value& value : node.enum_values) lookup.add(value, Value::null());
  Value repeated;
  node.enum_lookup = lookup.build(&repeated);
}

void Compiler::warn_about_unused(const Node& node, const Value& schema, const std::string& pointer) {
  // A part of a combination may leave the type to the whole.
  const bool is_part = pointer.find("Of/") != std::string::npos || pointer.ends_with("/if") ||
                       pointer.ends_with("/then") || pointer.ends_with("/else") ||
                       pointer.ends_with("/not") || schema.find("$ref") != nullptr;
  const auto check = [&](bool has_rules, uint8_t types, std::string_view what, std::string_view type) {
    if (!has_rules) return;
    if (node.typed && (node.types & types) == 0) {
      warning("schema.rule_without_effect", pointer,
              "rules for " + std::string(what) + ", but type allows none",
              "correct type or remove the rules");
    } else if (!node.typed && !is_part) {
      warning("schema.no_type", pointer,
              "rules for " + std::string(what) + " without a type accept every value of another type",
              "add \"type\": \"" + std::string(type) + "\"");
    }
  };
  check(node.objects != nullptr, kObjectBit, "objects", "object");
  check(node.arrays != nullptr, kArrayBit, "lists", "array");
  check(node.strings != nullptr, kStringBit, "texts", "string");
  check(node.numbers != nullptr, kIntegerBit | kNumberBit, "numbers", "number");
  const bool idle = node.combinators != nullptr && node.combinators->condition == kNoNode &&
                    (node.combinators->then != kNoNode || node.combinators->otherwise != kNoNode);
  if (idle) warning("schema.rule_without_effect", pointer, "then or else without if has no effect", "add if");
}

void Compiler::resolve_references() {
  // Compiling a target may add references of its own.
  for (size_t i = 0; i < pending_.size(); ++i) {
    const PendingReference reference = pending_[i];
    const Value* target = program_.document->at_pointer(reference.target);
    if (target == nullptr) {
      error("schema.bad_reference", reference.pointer, "there is nothing at \"#" + reference.target + "\"",
            "define it under $defs");
      continue;
    }
    reference.node->combinators->ref = compile(*target, reference.target, 0);
  }
}

uint32_t Compiler::chain_length(NodeIndex index, std::vector<uint32_t>& known, uint32_t above) {
  // A cycle is a chain without end, so the bound on the recursion finds it too.
  if (known[index] != 0 || above > kMaxChain) return std::max(known[index], 1u);
  uint32_t below = 0;
  for (const NodeIndex next : same_value_nodes(program_.nodes[index])) {
    below = std::max(below, chain_length(next, known, above + 1));
    if (above + 1 + below > kMaxChain) return below + 1;
  }
  return known[index] = below + 1;
}

void Compiler::refuse_long_chains() {
  std::vector<uint32_t> known(program_.nodes.size(), 0);
  for (NodeIndex i = 0; i < program_.nodes.size(); ++i) {
    if (chain_length(i, known, 0) <= kMaxChain) continue;
    return error("schema.endless_reference", program_.nodes[i].pointer,
                 "over " + std::to_string(kMaxChain) +
                     " schemas refer to one another for the same value, perhaps without end",
                 "refer to itself only below properties or items");
  }
}

void Compiler::mark_normalizing() {
  for (Node& node : program_.nodes) {
    // A value of type number may come as an integer, one of type integer as 5.0.
    node.normalizes = node.typed && (node.types & (kIntegerBit | kNumberBit)) != 0;
    if (node.objects == nullptr) continue;
    for (const Property& property : node.objects->properties) node.normalizes |= property.has_default;
  }
  // Until nothing changes: the graph may have cycles.
  for (bool changed = true; changed;) {
    changed = false;
    for (Node& node : program_.nodes) {
      if (node.normalizes) continue;
      for (const NodeIndex next : changing_nodes(node)) {
        if (!program_.nodes[next].normalizes) continue;
        node.normalizes = changed = true;
        break;
      }
    }
  }
}

void Compiler::collect_defaults() {
  for (Node& node : program_.nodes) {
    if (node.objects == nullptr) continue;
    ObjectRules& rules = *node.objects;
    rules.must_look.assign((rules.properties.size() + 63) / 64, 0);
    for (size_t i = 0; i < rules.properties.size(); ++i) {
      Property& property = rules.properties[i];
      // The nearest default on the way along the references.
      for (NodeIndex at = property.node; at != kNoNode;) {
        const Node& from = program_.nodes[at];
        if (from.has_default) {
          property.has_default = true;
          property.default_value = from.default_value;
          break;
        }
        at = from.combinators == nullptr ? kNoNode : from.combinators->ref;
      }
      if (property.has_default && property.required) {
        warning("schema.rule_without_effect", child_pointer(node.pointer + "/properties", property.name),
                "the default of \"" + std::string(property.name) + "\" never applies, for it is required",
                "remove it from required, or the default");
        property.has_default = false;
      }
      if (property.has_default || property.required) rules.must_look[i / 64] |= 1ull << (i % 64);
    }
  }
}

void Compiler::check_defaults() {
  for (const Node& node : program_.nodes) {
    if (!node.has_default) continue;
    std::vector<Violation> violations;
    const auto index = by_pointer_.at(node.pointer);
    Checker checker(program_, &violations);
    if (!checker.run(index, node.default_value)) {
      error("schema.bad_default", node.pointer + "/default",
            "the default does not fit its own schema: " + violations[0].message,
            "correct the default or the schema");
      continue;
    }
    Arena scratch;
    Normalizer normalizer(program_, scratch);
    (void)normalizer.run_on_default(index, node.default_value);
    if (!normalizer.overflowed()) continue;
    error("schema.endless_default", node.pointer + "/default",
          "filling in this default leads to another without end",
          "remove the default of a property that contains itself");
  }
}

void Compiler::find_conflicting_defaults() {
  bool has_defaults = false;
  bool has_rules = program_.has_combinators;
  for (const Node& node : program_.nodes) {
    // Rules that look at a whole list or object, and may hold without a member but not with it.
    has_rules |= node.has_enum && (node.types & (kObjectBit | kArrayBit)) != 0;
    if (node.arrays != nullptr) has_rules |= node.arrays->unique || node.arrays->contains != kNoNode;
    if (node.objects == nullptr) continue;
    const ObjectRules& rules = *node.objects;
    has_rules |= !rules.patterns.empty() || rules.names != kNoNode || !rules.dependent.empty() ||
                 rules.max_properties != kUnlimited;
    for (const Property& property : rules.properties) has_defaults |= property.has_default;
  }
  program_.defaults_may_conflict = has_defaults && has_rules;
}

void Compiler::error(std::string code, const std::string& pointer, std::string message, std::string mend) {
  if (diagnostics_.size() >= kMaxDiagnostics && has_errors(diagnostics_)) return;
  diagnostics_.push_back({Diagnostic::Severity::kError, std::move(code), "", 0, 0, pointer,
                          std::move(message), std::move(mend)});
}

void Compiler::warning(std::string code, const std::string& pointer, std::string message, std::string mend) {
  diagnostics_.push_back({Diagnostic::Severity::kWarning, std::move(code), "", 0, 0, pointer,
                          std::move(message), std::move(mend)});
}

}  // namespace switchyard::schema
