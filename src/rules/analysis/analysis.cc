#include "analysis.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "../limits.h"
#include "space.h"

namespace switchyard::rules {
namespace {

class Analysis {
 public:
  Analysis(const Table& table, const Place& rows, Context& context)
      : table_(table), rows_(rows), context_(context), space_(table) {}

  void run() {
    if (!space_.usable()) return not_finished();
    find_dead_rules();
    if (table_.policy() == HitPolicy::kUnique || table_.policy() == HitPolicy::kAny) find_conflicts();
    if (table_.policy() == HitPolicy::kFirst || table_.policy() == HitPolicy::kPriority) find_shadowed();
    if (table_.no_match() == NoMatch::kError) find_gap();
    if (gave_up_) not_finished();
  }

 private:
  Place when_of(size_t rule) const {
    const Place row = rows_.item(rule);
    for (const auto& entry : row.node->entries)
      if (entry.key == "when") return row.entry(entry);
    return row;
  }
  const std::string& id(size_t rule) const { return table_.rules()[rule].id; }
  const Coverage& coverage(size_t rule) const { return space_.rules()[rule]; }
  size_t count() const { return table_.rules().size(); }

  void not_finished() {
    context_.warning(rows_, "not_analysed", "the table is too large to look for all overlaps and gaps",
                     "split it where certainty matters; it decides all the same");
  }

  bool hits(size_t rule, const Value& facts) {
    Arena arena;
    const auto hit = table_.hits(table_.rules()[rule], facts, arena);
    return hit.ok() && *hit;
  }

  void find_dead_rules() {
    size_t found = 0;
    for (size_t rule = 0; rule < count(); ++rule) {
      if (!coverage(rule).regions.empty()) continue;
      dead_.insert(rule);
      if (++found > kMaxFindings) continue;
      context_.warning(when_of(rule), "never_hits",
                       "rule '" + id(rule) + "' can never hit: no facts fit its condition",
                       "correct the condition, or remove the rule");
    }
  }

  // --- unique and any ---
  void find_conflicts() {
    size_t found = 0;
    for (size_t b = 1; b < count() && found < kMaxFindings; ++b)
      for (size_t a = 0; a < b && found < kMaxFindings; ++a) {
        if (!coverage(a).exact || !coverage(b).exact) continue;
        const auto column = table_.policy() == HitPolicy::kAny ? contradiction(a, b) : std::string();
        if (table_.policy() == HitPolicy::kAny && column.empty()) continue;
        found += report_conflict(a, b, column) ? 1 : 0;
        if (gave_up_) return;
      }
  }

  /// A column for which both rules give constants that differ.
  std::string contradiction(size_t a, size_t b) const {
    const auto &left = table_.rules()[a].cells, &right = table_.rules()[b].cells;
    for (size_t i = 0; i < left.size(); ++i)
      if (!left[i].program.has_value() && !right[i].program.has_value() &&
          !equal(left[i].constant, right[i].constant))
        return table_.columns()[i].name;
    return {};
  }

  bool report_conflict(size_t a, size_t b, const std::string& column) {
    for (const auto& left : coverage(a).regions)
      for (const auto& right : coverage(b).regions) {
        if (work_ == 0) {
          gave_up_ = true;
          return false;
        }
        --work_;
        if (!Space::overlap(left, right)) continue;
        const Region both = Space::meet(left, right);
        Arena arena;
        const auto facts = space_.example(both, arena);
        if (!facts.has_value() || !hits(a, *facts) || !hits(b, *facts)) {
          if (++failed_examples_ < kMaxExamplesTried) continue;
          gave_up_ = true;
          return false;
        }
        const std::string pair = "the rules '" + id(a) + "' and '" + id(b) +
                                 "' hit together, for example with " + space_.describe(both);
        if (column.empty()) {
          context_.error(when_of(b), "overlap", pair + "; the hit policy `unique` forbids it",
                         "make their conditions exclude each other, or choose hit: first");
        } else {
          context_.error(when_of(b), "contradiction",
                         pair + ", and differ in '" + column + "'; the hit policy `any` forbids it",
                         "give them equal outputs, or choose another hit policy");
        }
        return true;
      }
    return false;
  }

  // --- first and priority ---
  /// Whether rule `a` decides wherever both hit.
  bool wins(size_t a, size_t b) const {
    if (table_.policy() == HitPolicy::kFirst) return a < b;
    const Cell &left = table_.rules()[a].cells[0], &right = table_.rules()[b].cells[0];
    if (a == b || left.program.has_value() || right.program.has_value()) return false;
    const size_t first = priority_of(table_.columns()[0], left.constant);
    const size_t second = priority_of(table_.columns()[0], right.constant);
    return first != second ? first < second : a < b;
  }

  void find_shadowed() {
    size_t found = 0;
    for (size_t rule = 0; rule < count() && found < kMaxFindings; ++rule) {
      if (dead_.contains(rule)) continue;
      std::vector<const Region*> covers;
      std::string alone;
      for (size_t other = 0; other < count() && !gave_up_; ++other) {
        if (!coverage(other).exact || !wins(other, rule)) continue;
        const size_t before = covers.size();
        add_touching(other, rule, covers);
        if (covers.size() > before && alone.empty() && holds_alone(other, rule)) alone = id(other);
      }
      if (gave_up_) return;
      if (alone.empty() && !is_covered(rule, covers)) continue;
      ++found;
      const std::string by = alone.empty() ? "other rules that go before it" : "rule '" + alone + "'";
      context_.warning(when_of(rule), "shadowed",
                       "rule '" + id(rule) + "' never decides: wherever it hits, " + by +
                           (alone.empty() ? " hit" : " hits") + " too and " +
                           (alone.empty() ? "win" : "wins"),
                       "move it before them, or remove it");
    }
  }

  void add_touching(size_t other, size_t rule, std::vector<const Region*>& covers) {
    for (const auto& cover : coverage(other).regions)
      for (const auto& region : coverage(rule).regions) {
        if (work_ == 0) {
          gave_up_ = true;
          return;
        }
        --work_;
        if (!Space::overlap(cover, region)) continue;
        covers.push_back(&cover);
        break;
      }
  }

  bool holds_alone(size_t other, size_t rule) const {
    const auto& covers = coverage(other).regions;
    return std::all_of(
        coverage(rule).regions.begin(), coverage(rule).regions.end(), [&](const Region& region) {
          return std::any_of(covers.begin(), covers.end(),
                             [&](const Region& cover) { return Space::contains(cover, region); });
        });
  }

  bool is_covered(size_t rule, const std::vector<const Region*>& covers) {
    for (const auto& region : coverage(rule).regions) {
      uint64_t work = std::min(work_, kMaxSearchWork);
      const uint64_t before = work;
      const auto answer = Space::covered(region, covers, work, [](const Region&) { return true; });
      work_ -= before - work;
      if (answer != Space::Answer::kYes) return false;
    }
    return true;
  }

  // --- gaps ---
  void find_gap() {
    std::vector<const Region*> covers;
    for (const auto& rule : space_.rules()) {
      if (!rule.exact) return;
      for (const auto& region : rule.regions) covers.push_back(&region);
    }
    size_t tried = 0;
    const auto report = [&](const Region& piece) {
      if (++tried > kMaxExamplesTried) return true;
      Arena arena;
      const auto facts = space_.example(piece, arena);
      if (!facts.has_value()) return false;
      for (size_t rule = 0; rule < count(); ++rule) {
        Arena scratch;
        const auto hit = table_.hits(table_.rules()[rule], *facts, scratch);
        if (!hit.ok() || *hit) return false;
      }
      context_.warning(
          rows_, "gap",
          "no rule hits, for example, with " + space_.describe(piece) + ", and the table has no `default`",
          "add a rule or a `default`, or say on_no_match: absent");
      return true;
    };
    if (Space::covered(space_.everything(), covers, work_, report) == Space::Answer::kTooMuch)
      gave_up_ = true;
  }

  const Table& table_;
  const Place& rows_;
  Context& context_;
  Space space_;
  std::set<size_t> dead_;
  uint64_t work_ = kMaxAnalysisWork;
  size_t failed_examples_ = 0;
  bool gave_up_ = false;
};

}  // namespace

void analyse(const Table& table, const Place& rows, Context& context) {
  Analysis(table, rows, context).run();
}

}  // namespace switchyard::rules
