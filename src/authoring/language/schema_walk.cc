#include "schema_walk.h"

#include <algorithm>

#include "switchyard/base/check.h"
#include "switchyard/types/json.h"

namespace switchyard::authoring::language {
namespace {

constexpr int kMaxExpansions = 12;  ///< of references within references

std::string text_of(const Value& node, std::string_view name) {
  const Value* value = node.find(name);
  return value != nullptr && value->is(Kind::kString) ? std::string(value->as_string()) : std::string();
}

bool is_closed(const Value& node) {
  const Value* more = node.find("additionalProperties");
  return more != nullptr && more->is(Kind::kBool) && !more->as_bool();
}

bool requires_key(const Value& node, std::string_view key) {
  const Value* list = node.find("required");
  if (list == nullptr) return false;
  return std::any_of(list->items().begin(), list->items().end(),
                     [&](const Value& item) { return item.as_string() == key; });
}

/// Of several shapes that a mapping may have, those that allow what it has; of these, those that need
/// something of it (a step of the kind that is written already).
std::vector<const Value*> narrowed(const std::vector<const Value*>& nodes,
                                   const std::vector<std::string>& siblings) {
  std::vector<const Value*> fitting, needing;
  for (const Value* node : nodes) {
    const Value* properties = node->find("properties");
    if (properties == nullptr) continue;
    const bool fits =
        !is_closed(*node) || std::all_of(siblings.begin(), siblings.end(),
                                         [&](const auto& key) { return properties->find(key) != nullptr; });
    if (!fits) continue;
    fitting.push_back(node);
    const bool needs = std::any_of(siblings.begin(), siblings.end(),
                                   [&](const auto& key) { return requires_key(*node, key); });
    if (needs) needing.push_back(node);
  }
  return needing.empty() ? fitting : needing;
}

}  // namespace

SchemaWalk::SchemaWalk(std::string_view text) : schema_(parse_json_document(text).value()) {}

void SchemaWalk::expand(const Value& node, Step& out, int depth) const {
  if (!node.is(Kind::kMap) || depth > kMaxExpansions) return;
  if (std::string description = text_of(node, "description"); !description.empty() && out.description.empty())
    out.description = std::move(description);
  if (const std::string ref = text_of(node, "$ref"); ref.starts_with("#/$defs/")) {
    const std::string name = ref.substr(8);
    out.parts.insert(name);
    const Value* definitions = schema_.root().find("$defs");
    if (const Value* target = definitions == nullptr ? nullptr : definitions->find(name))
      expand(*target, out, depth + 1);
  }
  for (const std::string_view word : {"anyOf", "oneOf", "allOf"}) {
    const Value* list = node.find(word);
    if (list == nullptr) continue;
    for (const Value& item : list->items()) expand(item, out, depth + 1);
  }
  out.nodes.push_back(&node);
}

SchemaWalk::Step SchemaWalk::descend(const Step& from, const std::string& key) const {
  Step to;
  for (const Value* node : from.nodes) {
    if (key == "[]") {
      if (const Value* items = node->find("items")) expand(*items, to, 0);
      continue;
    }
    const Value* properties = node->find("properties");
    const Value* named = properties == nullptr ? nullptr : properties->find(key);
    const Value* more = node->find("additionalProperties");
    if (named != nullptr) {
      expand(*named, to, 0);
    } else if (more != nullptr && more->is(Kind::kMap)) {
      expand(*more, to, 0);
    }
  }
  // Inside a template everything is a template.
  for (const char* word : {"template", "template_map"})
    if (to.nodes.empty() && from.parts.contains(word)) to = from;
  return to;
}

SchemaPlace SchemaWalk::at(const std::vector<std::string>& path,
                           const std::vector<std::string>& siblings) const {
  Step step;
  expand(schema_.root(), step, 0);
  for (const std::string& key : path) step = descend(step, key);
  SchemaPlace place;
  place.known = !step.nodes.empty();
  place.parts = step.parts;
  place.description = step.description;
  for (const Value* node : step.nodes) {
    if (const Value* list = node->find("enum"))
      for (const Value& item : list->items())
        if (item.is(Kind::kString)) place.values.emplace_back(item.as_string());
    if (text_of(*node, "type") == "boolean") place.values.insert(place.values.end(), {"true", "false"});
  }
  for (const Value* node : narrowed(step.nodes, siblings)) {
    for (const Member& member : node->find("properties")->members()) {
      const std::string name(member.key.as_string());
      const bool known = std::any_of(place.entries.begin(), place.entries.end(),
                                     [&](const auto& entry) { return entry.name == name; });
      if (known || std::find(siblings.begin(), siblings.end(), name) != siblings.end()) continue;
      Step target;
      expand(member.value, target, 0);
      std::string description = target.description;
      // Of the entry that makes the kind of a step, what the step does says more.
      if (requires_key(*node, name) && !text_of(*node, "description").empty())
        description = text_of(*node, "description");
      place.entries.push_back({name, std::move(description), requires_key(*node, name)});
    }
  }
  return place;
}

}  // namespace switchyard::authoring::language
