#include "checker.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>

#include "suggest.h"
#include "switchyard/schema/limits.h"
#include "wording.h"

namespace switchyard::schema {
namespace {

constexpr size_t kSeenWords = kMaxProperties / 64;

}  // namespace

bool Checker::run(NodeIndex node, const Value& value) {
  const Path root{nullptr, {}, kNoIndex};
  const bool accepted = check(node, value, root);
  if (!exhausted_) return accepted;
  if (violations_ != nullptr) {
    report(
        root, "limit",
        "checking the value takes more than " + std::to_string(kMaxChecks) + " steps; simplify the schema");
  }
  return false;
}

bool Checker::check(NodeIndex index, const Value& value, const Path& path) {
  if (++checks_ > kMaxChecks) {
    exhausted_ = true;
    return false;
  }
  const Node& node = program_.nodes[index];
  if (node.never) return fail(path, "false", [&] { return name_of(path) + " is not allowed here"; });
  bool ok = true;
  if (node.typed) {
    if (!check_type(node, value, path)) return false;
    ok = !node.has_enum || check_enum(node, value, path);
  }
  const auto go_on = [&] { return ok || collecting(); };
  switch (value.kind()) {
    case Kind::kInteger:
    case Kind::kUnsigned:
    case Kind::kDouble:
      if (node.numbers != nullptr && go_on()) ok &= check_number(*node.numbers, value, path);
      break;
    case Kind::kString:
      if (node.strings != nullptr && go_on()) ok &= check_string(*node.strings, value, path);
      break;
    case Kind::kList:
      if (node.arrays != nullptr && go_on()) ok &= check_list(*node.arrays, value, path);
      break;
    case Kind::kMap:
      if (node.objects != nullptr && go_on()) ok &= check_object(*node.objects, value, path);
      break;
    default: break;
  }
  if (node.combinators != nullptr && go_on()) ok &= check_combinators(*node.combinators, value, path);
  return ok;
}

bool Checker::check_type(const Node& node, const Value& value, const Path& path) {
  const uint8_t types = types_of(value);
  if ((types & node.types) == 0) {
    return fail(path, "type", [&] {
      const bool too_large = value.is_number() && (node.types & kIntegerBit) != 0 &&
                             value.to_double() == std::trunc(value.to_double());
      return name_of(path) + " must be " + describe_types(node.types) + (too_large ? " of 64 bits" : "") +
             ", got " + shown(value);
    });
  }
  if ((node.types & kNumberBit) != 0)
    may_change_ |= value.is(Kind::kInteger) || value.is(Kind::kUnsigned);
  else
    may_change_ |= value.is(Kind::kDouble) || value.is(Kind::kUnsigned);
  return true;
}

bool Checker::check_enum(const Node& node, const Value& value, const Path& path) {
  if (!node.enum_lookup.is_null()) {
    if (node.enum_lookup.find(value) != nullptr) return true;
  } else if (std::any_of(node.enum_values.begin(), node.enum_values.end(),
                         [&](const Value& allowed) { return equal(allowed, value); })) {
    return true;
  }
  return fail(path, node.is_const ? "const" : "enum", [&] {
    std::string allowed;
    std::vector<std::string_view> texts;
    for (size_t i = 0; i < node.enum_values.size() && i < 12; ++i) {
      allowed += (i == 0 ? "" : ", ") + shown(node.enum_values[i]);
      if (node.enum_values[i].is(Kind::kString)) texts.push_back(node.enum_values[i].as_string());
    }
    if (node.enum_values.size() > 12) allowed += ", ...";
    const std::string_view near =
        value.is(Kind::kString) ? nearest(value.as_string(), texts) : std::string_view();
    return name_of(path) + " must be " + (node.enum_values.size() == 1 ? "" : "one of ") + allowed +
           ", got " + shown(value) + (near.empty() ? "" : "; did you mean \"" + std::string(near) + "\"?");
  });
}

bool Checker::check_list(const ArrayRules& rules, const Value& value, const Path& path) {
  bool ok = true;
  const auto count_rule = [&](bool holds, std::string_view keyword, std::string_view words, uint64_t limit) {
    if (holds || (!ok && !collecting())) return;
    ok = fail(path, keyword, [&] {
      return name_of(path) + " must have " + std::string(words) + " " + counted(limit, "item") + ", got " +
             std::to_string(value.size());
    });
  };
  count_rule(value.size() >= rules.min_items, "minItems", "at least", rules.min_items);
  count_rule(value.size() <= rules.max_items, "maxItems", "at most", rules.max_items);
  for (uint32_t i = 0; i < value.size() && (ok || collecting()) && !exhausted_; ++i) {
    const NodeIndex node = i < rules.prefix.size() ? rules.prefix[i] : rules.items;
    if (node == kNoNode) break;
    ok &= check(node, value.items()[i], Path{&path, {}, i});
  }
  if (rules.contains != kNoNode && (ok || collecting())) {
    const auto fits = [&](const Value& item) { return matches(rules.contains, item, path); };
    if (std::none_of(value.items().begin(), value.items().end(), fits)) {
      ok = fail(path, "contains", [&] { return name_of(path) + " must contain an item of the wanted form"; });
    }
  }
  if (rules.unique && (ok || collecting())) ok &= check_unique(value, path);
  return ok;
}

bool Checker::check_unique(const Value& value, const Path& path) {
  const auto items = value.items();
  const auto repeated = [&](size_t first, size_t second) {
    return fail(path, "uniqueItems", [&] {
      return name_of(path) + " must not repeat items, but items " + std::to_string(first) + " and " +
             std::to_string(second) + " are both " + shown(items[second]);
    });
  };
  // Items are compared only with those of the same hash.
  std::vector<std::pair<uint64_t, uint32_t>> hashes;
  hashes.reserve(items.size());
  for (uint32_t i = 0; i < items.size(); ++i) hashes.emplace_back(hash_value(items[i]), i);
  std::sort(hashes.begin(), hashes.end());
  for (size_t i = 1; i < hashes.size(); ++i) {
    for (size_t j = i; j-- > 0 && hashes[j].first == hashes[i].first;) {
      if (++checks_ > kMaxChecks) {
        exhausted_ = true;
        return false;
      }
      if (equal(items[hashes[j].second], items[hashes[i].second]))
        return repeated(hashes[j].second, hashes[i].second);
    }
  }
  return true;
}

bool Checker::check_object(const ObjectRules& rules, const Value& value, const Path& path) {
  bool ok = true;
  const auto count_rule = [&](bool holds, std::string_view keyword, std::string_view words, uint64_t limit) {
    if (holds || (!ok && !collecting())) return;
    ok = fail(path, keyword, [&] {
      return name_of(path) + " must have " + std::string(words) + " " + counted(limit, "member") + ", got " +
             std::to_string(value.size());
    });
  };
  count_rule(value.size() >= rules.min_properties, "minProperties", "at least", rules.min_properties);
  count_rule(value.size() <= rules.max_properties, "maxProperties", "at most", rules.max_properties);

  std::array<uint64_t, kSeenWords> seen;
  std::fill_n(seen.begin(), rules.must_look.size(), 0);
  size_t guess = 0;
  for (const Member& member : value.members()) {
    if ((!ok && !collecting()) || exhausted_) return false;
    if (!member.key.is(Kind::kString)) {
      return fail(path, "type",
                  [&] { return name_of(path) + " must have texts as keys, got " + shown(member.key); });
    }
    const int64_t place = rules.find(member.key.as_string(), guess);
    if (place >= 0) {
      seen[static_cast<size_t>(place) / 64] |= 1ull << (place % 64);
      guess = static_cast<size_t>(place) + 1;
    }
    ok &= check_member(rules, place, member, Path{&path, member.key.as_string(), kNoIndex});
  }
  if (ok || collecting()) ok &= check_missing(rules, seen.data(), path);
  if (ok || collecting()) ok &= check_names(rules, value, path);
  return ok;
}

bool Checker::check_member(const ObjectRules& rules, int64_t place, const Member& member, const Path& path) {
  bool ok = true;
  bool known = place >= 0;
  if (known) ok = check(rules.properties[static_cast<size_t>(place)].node, member.value, path);
  for (const PatternProperty& property : rules.patterns) {
    if (!ok && !collecting()) return false;
    if (!property.pattern.matches(member.key.as_string())) continue;
    known = true;
    ok &= check(property.node, member.value, path);
  }
  if (known || rules.additional == kNoNode) return ok;
  if (!program_.nodes[rules.additional].never) return check(rules.additional, member.value, path);
  return fail(path, "additionalProperties", [&] {
    std::vector<std::string_view> names;
    for (const Property& property : rules.properties) names.push_back(property.name);
    const std::string_view near = nearest(member.key.as_string(), names);
    return name_of(path) + " is not a member that is known here" +
           (near.empty() ? "; remove it" : "; did you mean \"" + std::string(near) + "\"?");
  });
}

bool Checker::check_missing(const ObjectRules& rules, const uint64_t* seen, const Path& path) {
  bool ok = true;
  for (size_t word = 0; word < rules.must_look.size(); ++word) {
    for (uint64_t missing = rules.must_look[word] & ~seen[word]; missing != 0; missing &= missing - 1) {
      const Property& property = rules.properties[word * 64 + static_cast<size_t>(std::countr_zero(missing))];
      if (!property.required) {
        may_change_ = true;
        continue;
      }
      ok = fail(path, "required", [&] {
        return name_of(Path{&path, property.name, kNoIndex}) + " is required but missing";
      });
      if (!collecting()) return false;
    }
  }
  return ok;
}

bool Checker::check_names(const ObjectRules& rules, const Value& value, const Path& path) {
  bool ok = true;
  const auto need = [&](std::string_view name, std::string_view keyword, std::string_view because) {
    if (value.find(name) != nullptr || (!ok && !collecting())) return;
    ok = fail(path, keyword, [&] {
      return name_of(Path{&path, name, kNoIndex}) + " is required" + std::string(because) + " but missing";
    });
  };
  for (const std::string_view name : rules.required_elsewhere) need(name, "required", "");
  for (const DependentRequired& rule : rules.dependent) {
    if (value.find(rule.name) == nullptr) continue;
    for (const std::string_view name : rule.needs) {
      need(name, "dependentRequired", collecting() ? " beside " + std::string(rule.name) : std::string());
    }
  }
  if (rules.names == kNoNode) return ok;
  for (const Member& member : value.members()) {
    if (!ok && !collecting()) return false;
    const Path at{&path, member.key.as_string(), kNoIndex};
    if (matches(rules.names, member.key, path)) continue;
    ok = fail(at, "propertyNames", [&] { return name_of(at) + " has a name that is not allowed here"; });
  }
  return ok;
}

bool Checker::check_combinators(const Combinators& rules, const Value& value, const Path& path) {
  bool ok = rules.ref == kNoNode || check(rules.ref, value, path);
  for (const NodeIndex node : rules.all_of) {
    if (!ok && !collecting()) return false;
    ok &= check(node, value, path);
  }
  if (ok || collecting()) ok &= check_alternatives(rules, value, path);
  if (rules.negated != kNoNode && (ok || collecting()) && matches(rules.negated, value, path)) {
    ok = fail(path, "not",
              [&] { return name_of(path) + " has a form that is not allowed, got " + shown(value); });
  }
  if (rules.condition != kNoNode && (ok || collecting())) {
    const NodeIndex branch = matches(rules.condition, value, path) ? rules.then : rules.otherwise;
    if (branch != kNoNode) ok &= check(branch, value, path);
  }
  return ok;
}

bool Checker::check_alternatives(const Combinators& rules, const Value& value, const Path& path) {
  bool ok = true;
  if (!rules.any_of.empty()) {
    const auto fits = [&](NodeIndex node) { return matches(node, value, path); };
    if (std::none_of(rules.any_of.begin(), rules.any_of.end(), fits)) {
      ok = fail(path, "anyOf", [&] {
        return name_of(path) + " has none of the " + std::to_string(rules.any_of.size()) +
               " allowed forms; nearest: " + nearest_reason(rules.any_of, value, path);
      });
    }
  }
  if (rules.one_of.empty() || (!ok && !collecting())) return ok;
  size_t matching = 0;
  for (const NodeIndex node : rules.one_of) {
    matching += matches(node, value, path) ? 1 : 0;
    if (matching > 1) break;
  }
  if (matching == 1) return ok;
  return fail(path, "oneOf", [&] {
    if (matching > 1)
      return name_of(path) + " has more than one of the forms of which exactly one is allowed";
    return name_of(path) + " has none of the " + std::to_string(rules.one_of.size()) +
           " allowed forms; nearest: " + nearest_reason(rules.one_of, value, path);
  });
}

bool Checker::matches(NodeIndex index, const Value& value, const Path& path) {
  std::vector<Violation>* const violations = std::exchange(violations_, nullptr);
  const bool matched = check(index, value, path);
  violations_ = violations;
  return matched;
}

std::string Checker::nearest_reason(const std::vector<NodeIndex>& nodes, const Value& value,
                                    const Path& path) {
  std::vector<Violation>* const violations = violations_;
  const std::string here = pointer_of(path);
  std::vector<Violation> best;
  for (const NodeIndex node : nodes) {
    std::vector<Violation> found;
    violations_ = &found;
    (void)check(node, value, path);
    if (found.empty()) continue;
    // A form for another type of value is far, whatever else.
    const auto far = [&](const std::vector<Violation>& list) {
      return list[0].keyword == "type" && list[0].pointer == here;
    };
    if (best.empty() || std::pair(far(found), found.size()) < std::pair(far(best), best.size()))
      best = std::move(found);
  }
  violations_ = violations;
  return best.empty() ? "none" : best[0].message;
}

void Checker::report(const Path& path, std::string_view keyword, std::string message) {
  if (violations_->size() >= kMaxViolations) return;
  violations_->push_back({pointer_of(path), std::string(keyword), std::move(message)});
}

std::string Checker::pointer_of(const Path& path) {
  if (path.parent == nullptr) return {};
  return child_pointer(pointer_of(*path.parent),
                       path.index == kNoIndex ? std::string(path.key) : std::to_string(path.index));
}

std::string Checker::name_of(const Path& path) {
  if (path.parent == nullptr) return "the value";
  const bool at_root = path.parent->parent == nullptr;
  const std::string parent = at_root ? "" : name_of(*path.parent);
  if (path.index != kNoIndex)
    return (at_root ? "item " + std::to_string(path.index) : parent + "[" + std::to_string(path.index) + "]");
  return parent + (at_root ? "" : ".") + std::string(path.key);
}

}  // namespace switchyard::schema
