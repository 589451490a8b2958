#include "switchyard/schema/compatibility.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "checker.h"
#include "compiler.h"
#include "wording.h"

namespace switchyard::schema {
namespace {

using Answer = Compatibility::Answer;

/// Bound on the pairs of subschemas compared; past it the answer is kUndecided.
constexpr size_t kMaxPairs = 100'000;

Compatibility yes() { return {Answer::kYes, "", ""}; }

/// Compares subschemas of two programs: is all that `a` accepts accepted by `b`?
class Comparison {
 public:
  Comparison(const Program& from, const Program& to) : from_(from), to_(to) {}

  Compatibility compare(NodeIndex a_index, NodeIndex b_index) {
    a_index = follow_references(from_, a_index);
    b_index = follow_references(to_, b_index);
    // A pair that is being compared further up is taken as compatible: values are finite, so a difference
    // shows elsewhere (coinduction).
    if (!seen_.emplace(a_index, b_index).second) return yes();
    const Node& a = from_.nodes[a_index];
    const Node& b = to_.nodes[b_index];
    if (++pairs_ > kMaxPairs) return undecided(b, "the schemas are too large to compare");
    if (a.never) return yes();
    if (b.never) return no(b, "nothing is accepted any more");
    if (a.has_enum) return compare_values(a, a_index, b, b_index);
    if (b.combinators != nullptr || a.combinators != nullptr) {
      const auto before = seen_;
      const Compatibility combined = compare_combined(a, b, b_index);
      // Pairs taken as compatible on the way to a failure prove nothing.
      if (combined.answer != Answer::kYes) seen_ = before;
      if (b.combinators != nullptr || combined.answer == Answer::kYes) return combined;
      // What `a` says beside its combinators already suffices, or nothing does: only a yes counts.
      const Compatibility own = compare_own(a, b);
      return own.answer == Answer::kYes ? own : combined;
    }
    return compare_own(a, b);
  }

 private:
  static Compatibility no(const Node& at, std::string reason) {
    return {Answer::kNo, std::move(reason), at.pointer};
  }
  static Compatibility undecided(const Node& at, std::string reason) {
    return {Answer::kUndecided, std::move(reason), at.pointer};
  }

  /// With an enum every value can be tried.
  Compatibility compare_values(const Node& a, NodeIndex a_index, const Node&, NodeIndex b_index) {
    for (const Value& value : a.enum_values) {
      if (!Checker(from_).run(a_index, value)) continue;
      std::vector<Violation> violations;
      if (!Checker(to_, &violations).run(b_index, value)) {
        return no(to_.nodes[b_index], "the value " + shown(value) + " is no longer accepted");
      }
    }
    return yes();
  }

  Compatibility compare_combined(const Node& a, const Node& b, NodeIndex b_index) {
    // The same words mean the same, unless they refer to something else in each document.
    if (equal(a.source, b.source) && equal(*from_.document, *to_.document)) return yes();
    if (a.combinators != nullptr && only(a, a.combinators->any_of, a.combinators->one_of)) {
      const auto& forms = a.combinators->any_of.empty() ? a.combinators->one_of : a.combinators->any_of;
      for (const NodeIndex form : forms) {
        Compatibility part = compare(form, b_index);
        if (part.answer == Answer::kYes) continue;
        // A value of one of several `oneOf` forms may be excluded by another one.
        if (a.combinators->any_of.empty()) part.answer = Answer::kUndecided;
        return part;
      }
      return yes();
    }
    if (b.combinators != nullptr && b.combinators->one_of.empty() &&
        only(b, b.combinators->any_of, b.combinators->any_of)) {
      for (const NodeIndex form : b.combinators->any_of) {
        const auto before = seen_;
        const NodeIndex a_index = index_of(from_, a);
        if (compare(a_index, form).answer == Answer::kYes) return yes();
        seen_ = before;
      }
      return undecided(b, "no single form of anyOf accepts all that was accepted");
    }
    return undecided(b, "combinations of schemas (allOf, oneOf, not, if) cannot be compared");
  }

  /// Whether the node says nothing but one of these two lists of forms.
  static bool only(const Node& node, const std::vector<NodeIndex>& forms,
                   const std::vector<NodeIndex>& others) {
    const size_t expected = &forms == &others ? forms.size() : forms.size() + others.size();
    return expected > 0 && (&forms == &others || forms.empty() != others.empty()) && !node.typed &&
           node.numbers == nullptr && node.strings == nullptr && node.arrays == nullptr &&
           node.objects == nullptr && same_value_nodes(node).size() == expected;
  }

  static NodeIndex index_of(const Program& program, const Node& node) {
    for (NodeIndex i = 0; i < program.nodes.size(); ++i) {
      if (&program.nodes[i] == &node) return i;
    }
    return kNoNode;
  }

  Compatibility compare_own(const Node& a, const Node& b) {
    const uint8_t lost = a.types & static_cast<uint8_t>(~b.types);
    if (lost != 0) {
      const bool fractions = lost == kNumberBit && (b.types & kIntegerBit) != 0;
      return no(b, fractions ? "numbers with a fraction are no longer accepted"
                             : describe_types(lost) + " is no longer accepted");
    }
    if (!a.typed && b.typed && b.types != kAllTypes) return no(b, "values of every type were accepted");
    if (b.has_enum) {
      const bool finite = (a.types & static_cast<uint8_t>(~(kNullBit | kBooleanBit))) == 0;
      return finite ? undecided(b, "an enum was added") : no(b, "an enum was added");
    }
    Compatibility worst = yes();
    const auto take = [&](Compatibility part) {
      if (worst.answer == Answer::kNo || part.answer == Answer::kYes) return;
      if (worst.answer == Answer::kYes || part.answer == Answer::kNo) worst = std::move(part);
    };
    if ((a.types & (kIntegerBit | kNumberBit)) != 0 && b.numbers != nullptr)
      take(compare_numbers_rules(a, b));
    if ((a.types & kStringBit) != 0 && b.strings != nullptr) take(compare_strings(a, b));
    if ((a.types & kArrayBit) != 0 && b.arrays != nullptr) take(compare_lists(a, b));
    if ((a.types & kObjectBit) != 0 && b.objects != nullptr) take(compare_objects(a, b));
    return worst;
  }

  Compatibility compare_numbers_rules(const Node& a, const Node& b) {
    static const NumberRules kNone;
    const NumberRules& x = a.numbers == nullptr ? kNone : *a.numbers;
    const NumberRules& y = *b.numbers;
    // `sign` turns upper bounds into lower ones.
    const auto weaker = [](const Value& bound, const Value& than, int sign) {
      const auto order = compare_numbers(bound, than);
      return sign > 0 ? order <= 0 : order >= 0;
    };
    const auto implied = [&](const Value& wanted, bool exclusive, const Value& inclusive_have,
                             const Value& exclusive_have, int sign) {
      if (wanted.is_null()) return true;
      if (!exclusive_have.is_null() && weaker(wanted, exclusive_have, sign)) return true;
      if (inclusive_have.is_null() || !weaker(wanted, inclusive_have, sign)) return false;
      return !exclusive || compare_numbers(wanted, inclusive_have) != 0;
    };
    if (!implied(y.minimum, false, x.minimum, x.exclusive_minimum, 1))
      return bound_answer(a, b, "minimum", y.minimum);
    if (!implied(y.exclusive_minimum, true, x.minimum, x.exclusive_minimum, 1)) {
      return bound_answer(a, b, "exclusiveMinimum", y.exclusive_minimum);
    }
    if (!implied(y.maximum, false, x.maximum, x.exclusive_maximum, -1))
      return bound_answer(a, b, "maximum", y.maximum);
    if (!implied(y.exclusive_maximum, true, x.maximum, x.exclusive_maximum, -1)) {
      return bound_answer(a, b, "exclusiveMaximum", y.exclusive_maximum);
    }
    if (y.multiple_of.is_null() || (!x.multiple_of.is_null() && equal(x.multiple_of, y.multiple_of)))
      return yes();
    if (y.multiple_of.to_double() == 1 && (a.types & kNumberBit) == 0) return yes();
    return undecided(b, "multipleOf has changed");
  }

  /// A tighter bound refuses something, unless it lies between two integers or multiples.
  static Compatibility bound_answer(const Node& a, const Node& b, std::string_view keyword,
                                    const Value& bound) {
    const std::string reason = std::string(keyword) + " is now " + shown(bound);
    static const NumberRules kNone;
    const NumberRules& x = a.numbers == nullptr ? kNone : *a.numbers;
    const auto is_whole = [](const Value& v) { return v.is_null() || (types_of(v) & kIntegerBit) != 0; };
    const bool dense = (a.types & kNumberBit) != 0 && x.multiple_of.is_null();
    const bool whole = !keyword.starts_with("exclusive") && is_whole(bound) && is_whole(x.minimum) &&
                       is_whole(x.maximum) && x.exclusive_minimum.is_null() &&
                       x.exclusive_maximum.is_null() && x.multiple_of.is_null();
    return dense || whole ? no(b, reason) : undecided(b, reason);
  }

  Compatibility compare_strings(const Node& a, const Node& b) {
    static const StringRules kNone;
    const StringRules& x = a.strings == nullptr ? kNone : *a.strings;
    const StringRules& y = *b.strings;
    // Patterns and formats may imply lengths.
    const bool plain = x.pattern == nullptr && x.format == nullptr;
    const auto tightened = [&](std::string reason) {
      return plain ? no(b, std::move(reason)) : undecided(b, std::move(reason));
    };
    if (y.min_length > x.min_length) return tightened("minLength is now " + std::to_string(y.min_length));
    if (y.max_length < x.max_length) return tightened("maxLength is now " + std::to_string(y.max_length));
    if (y.pattern != nullptr && (x.pattern == nullptr || x.pattern->text != y.pattern->text)) {
      return undecided(b, "the pattern is now " + y.pattern->text);
    }
    if (y.format != nullptr && x.format != y.format) {
      const bool certain = plain && x.min_length == 0;  // the empty text has no format
      const std::string reason = "the format is now " + std::string(y.format->name);
      return certain ? no(b, reason) : undecided(b, reason);
    }
    return yes();
  }

  Compatibility compare_lists(const Node& a, const Node& b) {
    static const ArrayRules kNone;
    const ArrayRules& x = a.arrays == nullptr ? kNone : *a.arrays;
    const ArrayRules& y = *b.arrays;
    if (y.min_items > x.min_items && x.contains == kNoNode)
      return no(b, "minItems is now " + std::to_string(y.min_items));
    if (y.max_items < x.max_items && !x.unique)
      return no(b, "maxItems is now " + std::to_string(y.max_items));
    if (y.min_items > x.min_items || y.max_items < x.max_items)
      return undecided(b, "the number of items is limited further");
    if (y.unique && !x.unique && x.max_items > 1) return undecided(b, "items must now be unique");
    if (y.contains != kNoNode) {
      if (x.contains == kNoNode)
        return x.min_items == 0 ? no(b, "an item of a certain form is now required")
                                : undecided(b, "an item of a certain form is now required");
      const Compatibility contained = compare(x.contains, y.contains);
      if (contained.answer != Answer::kYes) return {Answer::kUndecided, contained.reason, contained.pointer};
    }
    const size_t places = std::max(x.prefix.size(), y.prefix.size()) + 1;
    for (size_t i = 0; i < places; ++i) {
      if (i >= x.max_items) break;
      const NodeIndex wanted = i < y.prefix.size() ? y.prefix[i] : y.items;
      const NodeIndex have = i < x.prefix.size() ? x.prefix[i] : x.items;
      if (wanted == kNoNode) continue;
      const Compatibility part = have == kNoNode ? compare_with_any(wanted) : compare(have, wanted);
      if (part.answer != Answer::kYes) return part;
    }
    return yes();
  }

  /// A slot about which `from` said nothing.
  Compatibility compare_with_any(NodeIndex b_index) {
    const Node& b = to_.nodes[follow_references(to_, b_index)];
    if (b.never) return no(b, "what was free is no longer accepted");
    if (b.typed && b.types != kAllTypes) return no(b, "what was free must now be " + describe_types(b.types));
    const bool free = !b.typed && b.numbers == nullptr && b.strings == nullptr && b.arrays == nullptr &&
                      b.objects == nullptr && b.combinators == nullptr;
    return free ? yes() : undecided(b, "what was free has rules now");
  }

  Compatibility compare_objects(const Node& a, const Node& b) {
    static const ObjectRules kNone;
    const ObjectRules& x = a.objects == nullptr ? kNone : *a.objects;
    const ObjectRules& y = *b.objects;
    for (const std::string_view name : required_names(y)) {
      const auto have = required_names(x);
      if (std::find(have.begin(), have.end(), name) == have.end()) {
        return no(b, "\"" + std::string(name) + "\" is now required");
      }
    }
    for (const Property& property : y.properties) {
      const Compatibility part = compare_slot(x, property.name, property.node);
      if (part.answer != Answer::kYes) return part;
    }
    for (const Property& property : x.properties) {
      if (y.find(property.name, 0) >= 0 || !y.patterns.empty() || y.additional == kNoNode) continue;
      if (from_.nodes[property.node].never) continue;
      const Compatibility part = compare(property.node, y.additional);
      if (part.answer == Answer::kNo && to_.nodes[y.additional].never) {
        return no(b, "\"" + std::string(property.name) + "\" is no longer accepted");
      }
      if (part.answer != Answer::kYes) return part;
    }
    return compare_other_members(x, b, y);
  }

  /// The member `name`, which `to` checks with `wanted`.
  Compatibility compare_slot(const ObjectRules& x, std::string_view name, NodeIndex wanted) {
    const int64_t place = x.find(name, 0);
    if (place >= 0) return compare(x.properties[static_cast<size_t>(place)].node, wanted);
    if (!x.patterns.empty()) {
      const Compatibility part = compare_with_any(wanted);
      if (part.answer == Answer::kNo) return {Answer::kUndecided, part.reason, part.pointer};
      return part;
    }
    return x.additional == kNoNode ? compare_with_any(wanted) : compare(x.additional, wanted);
  }

  Compatibility compare_other_members(const ObjectRules& x, const Node& b, const ObjectRules& y) {
    const bool closed = x.additional != kNoNode && from_.nodes[x.additional].never && x.patterns.empty();
    if (y.min_properties > x.min_properties && y.min_properties > required_names(x).size()) {
      return undecided(b, "minProperties has risen");
    }
    if (y.max_properties < x.max_properties && !(closed && x.properties.size() <= y.max_properties)) {
      return undecided(b, "maxProperties has fallen");
    }
    const bool more_rules = !y.dependent.empty() || y.names != kNoNode || !y.patterns.empty();
    if (more_rules && !(closed && x.properties.empty())) {
      return undecided(b, "rules about names, patterns or dependent members cannot be compared");
    }
    if (y.additional == kNoNode || closed) return yes();
    if (!x.patterns.empty()) return undecided(b, "patternProperties cannot be compared");
    if (x.additional == kNoNode) return compare_with_any(y.additional);
    return compare(x.additional, y.additional);
  }

  static std::vector<std::string_view> required_names(const ObjectRules& rules) {
    std::vector<std::string_view> names = rules.required_elsewhere;
    for (const Property& property : rules.properties) {
      if (property.required) names.push_back(property.name);
    }
    return names;
  }

  const Program& from_;
  const Program& to_;
  std::set<std::pair<NodeIndex, NodeIndex>> seen_;
  size_t pairs_ = 0;  ///< compared so far, repetitions counted
};

}  // namespace

Compatibility check_compatible(const Schema& from, const Schema& to) {
  if (equal(from.document(), to.document())) return yes();
  return Comparison(from.program(), to.program()).compare(from.program().root, to.program().root);
}

Compatibility check_compatible(const Schema& older, const Schema& newer, Direction direction) {
  switch (direction) {
    case Direction::kNewReadsOld: return check_compatible(older, newer);
    case Direction::kOldReadsNew: return check_compatible(newer, older);
    case Direction::kBoth: break;
  }
  Compatibility forth = check_compatible(older, newer);
  Compatibility back = check_compatible(newer, older);
  if (forth.answer == Answer::kNo) return forth;
  if (back.answer == Answer::kNo) return back;
  return forth.answer == Answer::kYes ? back : forth;
}

}  // namespace switchyard::schema
