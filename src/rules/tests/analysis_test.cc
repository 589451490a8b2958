// What the analysis claims of random tables, against trying all that can matter.
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <random>
#include <set>

#include "switchyard/types/json.h"
#include "tables.h"

namespace switchyard::rules {
namespace {

using testing::compile_text;
using testing::decide;
using testing::report;

/// Facts a (a number from 0 to 4), n (an integer), s (text), b (a boolean), o (a number that may be absent),
/// z (text that may be null): every value that tables made here can tell apart is among these.
struct Point {
  double a;
  int64_t n;
  const char* s;
  bool b;
  std::optional<double> o;
  const char* z;  ///< nullptr: null
};

constexpr const char* kSchema =
    "{ type: object, required: [a, n, s, b, z], properties: { a: { type: number, minimum: 0, maximum: 4 }, "
    "n: { type: integer, minimum: -1, maximum: 3 }, s: { type: string, enum: [x, y, w] }, b: { type: boolean "
    "}, "
    "o: { type: number }, z: { type: [string, 'null'] } } }";

std::vector<Point> all_points() {
  std::vector<Point> points;
  for (double a = 0; a <= 4; a += 0.5)
    for (int64_t n = -1; n <= 3; ++n)
      for (const char* s : {"x", "y", "w"})
        for (const bool b : {false, true})
          for (const std::optional<double> o :
               {std::optional<double>(), std::optional(2.0), std::optional(3.0), std::optional(7.0)})
            for (const char* z : {static_cast<const char*>(nullptr), "x", "other"})
              points.push_back({a, n, s, b, o, z});
  return points;
}

/// One condition in both notations, and what it means.
struct Condition {
  std::string key, unary, cel;
  std::function<bool(const Point&)> holds;
};

class Maker {
 public:
  explicit Maker(uint32_t seed) : random_(seed) {}
  int pick(int count) { return static_cast<int>(random_() % static_cast<uint32_t>(count)); }

  Condition condition() {
    const int c = pick(5), d = c + 1 + pick(2);
    const std::string text = std::to_string(c), real = text + ".0", last = std::to_string(d);
    const std::string word = std::vector<std::string>{"x", "y", "w"}[static_cast<size_t>(pick(3))];
    switch (pick(12)) {
      case 0:
        return {"a", "\"< " + text + "\"", "facts.a < " + real, [=](const Point& p) { return p.a < c; }};
      case 1:
        return {"a", "\">= " + text + "\"", real + " <= facts.a", [=](const Point& p) { return p.a >= c; }};
      case 2:
        return {"a", "\"" + text + ".." + last + "\"",
                "facts.a >= " + real + " && !(facts.a >= " + last + ".0)",
                [=](const Point& p) { return p.a >= c && p.a < d; }};
      case 3:
        return {"a", "\"!= " + text + "\"", "facts.a != " + real, [=](const Point& p) { return p.a != c; }};
      case 4:
        return {"n", "\"> " + text + "\"", "facts.n > " + text, [=](const Point& p) { return p.n > c; }};
      case 5:
        return {"n", "[-1, " + text + "]", "facts.n in [-1, " + text + "]",
                [=](const Point& p) { return p.n == -1 || p.n == c; }};
      case 6: return {"s", word, "facts.s == '" + word + "'", [=](const Point& p) { return p.s == word; }};
      case 7:
        return {"s", "\"!= " + word + "\"", "!(facts.s in ['" + word + "'])",
                [=](const Point& p) { return p.s != word; }};
      case 8: return {"b", "true", "facts.b", [](const Point& p) { return p.b; }};
      case 9:
        return {"o", "{ is: \"<= 2\", absent: true }", "(!has(facts.o) || facts.o <= 2.0)",
                [](const Point& p) { return !p.o.has_value() || *p.o <= 2; }};
      case 10: {
        const std::string limit = c < 2 ? "2" : "4";
        return {"o", "{ is: \"> " + limit + "\", absent: false }",
                "has(facts.o) && facts.o > " + limit + ".0",
                [=](const Point& p) { return p.o.has_value() && *p.o > (c < 2 ? 2 : 4); }};
      }
      default:
        return {"z", "{ is: \"x\", absent: true }", "(facts.z == null || facts.z == 'x')",
                [](const Point& p) { return p.z == nullptr || std::string_view(p.z) == "x"; }};
    }
  }

 private:
  std::mt19937 random_;
};

struct RandomTable {
  std::string rows;
  std::vector<std::vector<Condition>> conditions;
  std::vector<int> outputs;

  bool hits(size_t rule, const Point& point) const {
    for (const auto& condition : conditions[rule])
      if (!condition.holds(point)) return false;
    return true;
  }
};

RandomTable random_table(uint32_t seed) {
  Maker maker(seed);
  RandomTable table;
  const int count = 1 + maker.pick(5);
  for (int i = 0; i < count; ++i) {
    std::vector<Condition> conditions;
    std::set<std::string> keys;
    for (int left = maker.pick(4); left > 0; --left) {
      Condition next = maker.condition();
      if (keys.insert(next.key).second) conditions.push_back(std::move(next));
    }
    std::string when = "true";
    if (!conditions.empty() && maker.pick(2) == 0) {
      when = "{ ";
      for (const auto& condition : conditions) when += condition.key + ": " + condition.unary + ", ";
      when += "}";
    } else if (!conditions.empty()) {
      when = "\"";
      for (const auto& condition : conditions) when += (when.size() > 1 ? " && " : "") + condition.cel;
      when += "\"";
    }
    table.outputs.push_back(maker.pick(2));
    table.rows += "  - { id: r" + std::to_string(i) + ", when: " + when + ", then: { k: \"'" +
                  (table.outputs.back() == 0 ? "low" : "high") + "'\" } }\n";
    table.conditions.push_back(std::move(conditions));
  }
  return table;
}

std::string text_of(const RandomTable& table, const std::string& policy) {
  return "rules: a@1.0.0\nfacts: { schema: " + std::string(kSchema) + " }\nhit: " + policy +
         "\noutputs: { k: { type: string, enum: [high, low] } }\nrows:\n" + table.rows;
}

std::string json_of(const Point& p) {
  return "{\"a\": " + std::to_string(p.a) + ", \"n\": " + std::to_string(p.n) + ", \"s\": \"" + p.s +
         "\", \"b\": " + (p.b ? "true" : "false") +
         (p.o.has_value() ? ", \"o\": " + std::to_string(*p.o) : "") +
         ", \"z\": " + (p.z == nullptr ? "null" : "\"" + std::string(p.z) + "\"") + "}";
}

/// Ids that the messages of one sort name, in quotes: {"'r0'", "'r1'"} as "r0 r1".
std::set<std::string> named(const Diagnostics& diagnostics, const std::string& code) {
  std::set<std::string> found;
  for (const auto& d : diagnostics) {
    if (d.code != code) continue;
    const auto names_two = code == "rules.overlap" || code == "rules.contradiction";
    std::string ids;
    size_t at = 0;
    for (int i = 0; i < (names_two ? 2 : 1); ++i) {
      at = d.message.find("'r", at);
      const size_t end = d.message.find('\'', at + 1);
      ids += (i > 0 ? " " : "") + d.message.substr(at + 1, end - at - 1);
      at = end + 1;
    }
    found.insert(ids);
  }
  return found;
}

bool has_code(const Diagnostics& diagnostics, const std::string& code) {
  for (const auto& d : diagnostics)
    if (d.code == code) return true;
  return false;
}

TEST(Analysis, FindsExactlyTheOverlapsTheContradictionsTheGapsAndTheDeadRulesThatTryingEverythingFinds) {
  const auto points = all_points();
  int overlaps = 0, gaps = 0, dead_rules = 0, clean = 0;
  for (uint32_t seed = 0; seed < 250; ++seed) {
    const RandomTable table = random_table(seed);
    const size_t count = table.outputs.size();
    std::set<std::string> pairs, contradictions, dead;
    for (size_t b = 0; b < count; ++b) {
      bool ever = false;
      for (const auto& point : points) ever |= table.hits(b, point);
      if (!ever) dead.insert("r" + std::to_string(b));
      for (size_t a = 0; a < b; ++a)
        for (const auto& point : points) {
          if (!table.hits(a, point) || !table.hits(b, point)) continue;
          const std::string pair = "r" + std::to_string(a) + " r" + std::to_string(b);
          pairs.insert(pair);
          if (table.outputs[a] != table.outputs[b]) contradictions.insert(pair);
          break;
        }
    }
    bool gap = false;
    for (const auto& point : points) {
      bool covered = false;
      for (size_t rule = 0; rule < count; ++rule) covered |= table.hits(rule, point);
      gap |= !covered;
    }
    const auto unique = compile_text(text_of(table, "unique"));
    EXPECT_EQ(named(unique.diagnostics, "rules.overlap"), pairs)
        << text_of(table, "unique") << report(unique.diagnostics);
    EXPECT_EQ(unique.table == nullptr, !pairs.empty());
    EXPECT_EQ(has_code(unique.diagnostics, "rules.gap"), gap)
        << text_of(table, "unique") << report(unique.diagnostics);
    EXPECT_EQ(named(unique.diagnostics, "rules.never_hits"), dead) << text_of(table, "unique");
    const auto any = compile_text(text_of(table, "any"));
    EXPECT_EQ(named(any.diagnostics, "rules.contradiction"), contradictions) << text_of(table, "any");
    overlaps += pairs.empty() ? 0 : 1;
    gaps += gap ? 1 : 0;
    dead_rules += dead.empty() ? 0 : 1;
    clean += pairs.empty() && !gap ? 1 : 0;
  }
  // The tables above must have all sorts among them, or the test shows nothing.
  EXPECT_GT(overlaps, 40);
  EXPECT_GT(gaps, 40);
  EXPECT_GT(dead_rules, 3);
  EXPECT_GT(clean, 3);
}

/// How many of `truth` were not claimed; a claim that is not true fails the test.
int missed_of(const std::set<std::string>& claimed, const std::set<std::string>& truth) {
  for (const auto& rule : claimed) EXPECT_TRUE(truth.contains(rule)) << rule << " does decide";
  return static_cast<int>(truth.size() - claimed.size());
}

TEST(Analysis, ClaimsOnlyRulesThatNeverDecideAndNearlyAllOfThem) {
  const auto points = all_points();
  int found = 0, missed = 0;
  for (uint32_t seed = 1000; seed < 1250; ++seed) {
    const RandomTable table = random_table(seed);
    const size_t count = table.outputs.size();
    std::set<std::string> never_first, never_priority;
    for (size_t rule = 0; rule < count; ++rule) {
      bool hits = false, decides_first = false, decides_priority = false;
      for (const auto& point : points) {
        if (!table.hits(rule, point)) continue;
        hits = true;
        bool first = true, priority = true;
        for (size_t other = 0; other < count; ++other) {
          if (other == rule || !table.hits(other, point)) continue;
          if (other < rule) first = false;
          // high (1) goes before low (0)
          if (table.outputs[other] > table.outputs[rule] ||
              (table.outputs[other] == table.outputs[rule] && other < rule))
            priority = false;
        }
        decides_first |= first;
        decides_priority |= priority;
      }
      if (hits && !decides_first) never_first.insert("r" + std::to_string(rule));
      if (hits && !decides_priority) never_priority.insert("r" + std::to_string(rule));
    }
    // What is claimed is true; that nearly everything is claimed is counted below.
    missed +=
        missed_of(named(compile_text(text_of(table, "first")).diagnostics, "rules.shadowed"), never_first);
    missed += missed_of(named(compile_text(text_of(table, "priority")).diagnostics, "rules.shadowed"),
                        never_priority);
    found += never_first.empty() ? 0 : 1;
  }
  EXPECT_LT(missed, found / 10 + 1);
  EXPECT_GT(found, 30);
}

TEST(Evaluation, GivesWhatANaiveReadingOfTheConditionsGives) {
  const auto points = all_points();
  for (uint32_t seed = 2000; seed < 2060; ++seed) {
    const RandomTable table = random_table(seed);
    const auto outcome = compile_text(text_of(table, "collect"));
    ASSERT_NE(outcome.table, nullptr) << report(outcome.diagnostics) << text_of(table, "collect");
    for (size_t i = seed % 7; i < points.size(); i += 7) {
      std::string hits, matched;
      for (size_t rule = 0; rule < table.outputs.size(); ++rule) {
        if (!table.hits(rule, points[i])) continue;
        const std::string comma = hits.empty() ? "" : ",";
        hits += comma + "{\"k\":\"" + (table.outputs[rule] == 0 ? "low" : "high") + "\"}";
        matched += comma + "\"r" + std::to_string(rule) + "\"";
      }
      ASSERT_EQ(decide(*outcome.table, json_of(points[i])),
                "{\"hits\":[" + hits + "],\"matched\":[" + matched + "]}")
          << json_of(points[i]) << "\n"
          << text_of(table, "collect");
    }
  }
}

TEST(Analysis, MakesNoClaimAboutConditionsItDoesNotUnderstand) {
  const std::string head = "rules: a@1.0.0\nfacts: { schema: " + std::string(kSchema) +
                           " }\nhit: unique\noutputs: { k: { type: integer } }\nrows:\n";
  for (const char* opaque : {"facts.a * 2.0 < 1.0", "facts.s.startsWith('x')", "facts.a < double(facts.n)",
                             "facts.a < 3.0 && facts.s.size() == 1", "facts.b == (facts.a < 1.0)"}) {
    const auto outcome = compile_text(head + "  - { id: a, when: \"" + opaque + "\", then: { k: 1 } }\n" +
                                      "  - { id: b, when: facts.a > 2.0, then: { k: 2 } }\n");
    EXPECT_TRUE(outcome.diagnostics.empty()) << opaque << "\n" << report(outcome.diagnostics);
  }
}

TEST(Analysis, MakesNoClaimAboutFactsThatTheSchemaForbidsInWaysItDoesNotRead) {
  // Text of five digits: the example would be a word.
  const auto outcome = compile_text(R"(
rules: a@1.0.0
facts: { schema: { type: object, required: [code], properties: { code: { type: string, pattern: "^[0-9]{5}$" } } } }
hit: unique
outputs: { k: { type: integer } }
rows: [ { id: a, when: { code: ["12345"] }, then: { k: 1 } } ]
)");
  EXPECT_TRUE(outcome.diagnostics.empty()) << report(outcome.diagnostics);
}

TEST(Analysis, EndsWhereTheSchemaOfTheFactsContainsItself) {
  const auto outcome = compile_text(R"(
rules: a@1.0.0
facts:
  schema:
    type: object
    required: [a, left, right]
    properties: { a: { type: number }, left: { $ref: "#" }, right: { $ref: "#" } }
outputs: { k: { type: integer } }
rows: [ { id: a, when: { a: "< 5" }, then: { k: 1 } }, { id: b, when: { left.a: "< 5" }, then: { k: 1 } } ]
)");
  EXPECT_NE(outcome.table, nullptr) << report(outcome.diagnostics);
  EXPECT_TRUE(outcome.diagnostics.empty()) << report(outcome.diagnostics);
}

TEST(Analysis, EndsOnLargeTablesAndSaysWhenItDidNotLookAtAll) {
  std::string rows;
  for (int i = 0; i < 2000; ++i) {
    rows += "  - { id: r" + std::to_string(i) + ", when: { a: \"" + std::to_string(i) + ".." +
            std::to_string(i + 2) + "\", n: \"!= " + std::to_string(i * 7 % 1999) +
            "\" }, then: { k: " + std::to_string(i) + " } }\n";
  }
  const std::string head =
      "rules: a@1.0.0\nfacts: { schema: { type: object, required: [a, n], properties: { a: { type: number }, "
      "n: { type: "
      "integer } } } }\noutputs: { k: { type: integer } }\n";
  const auto unique = compile_text(head + "hit: unique\nrows:\n" + rows);
  EXPECT_EQ(named(unique.diagnostics, "rules.overlap").size(), 20u);
  const auto first = compile_text(head + "hit: first\nrows:\n" + rows);
  EXPECT_NE(first.table, nullptr);
  EXPECT_FALSE(has_code(first.diagnostics, "rules.shadowed"));
}

}  // namespace
}  // namespace switchyard::rules
