#include "switchyard/document/document.h"

#include <gtest/gtest.h>

#include <cmath>

#include "switchyard/document/reporter.h"
#include "switchyard/types/json.h"

namespace switchyard::document {
namespace {

using Kind = Node::Kind;

std::unique_ptr<Node> good(std::string_view text) {
  auto outcome = parse(text, "f.yaml");
  for (const auto& d : outcome.diagnostics) ADD_FAILURE() << d.to_string();
  return std::move(outcome.root);
}

std::string json(std::string_view text) {
  const auto root = good(text);
  if (root == nullptr) return "<none>";
  Arena arena;
  return to_json(to_value(*root, arena));
}

/// "line:column code path" of every diagnostic; requires that there is no root.
std::string bad(std::string_view text) {
  const auto outcome = parse(text);
  EXPECT_EQ(outcome.root, nullptr) << text;
  std::string all;
  for (const auto& d : outcome.diagnostics) {
    if (!all.empty()) all += "; ";
    all += std::to_string(d.line) + ":" + std::to_string(d.column) + " " + d.code;
    if (!d.path.empty()) all += " " + d.path;
    EXPECT_FALSE(d.mend.empty());
  }
  return all;
}

TEST(DocumentScalars, FollowTheCoreSchemaAndNothingElse) {
  EXPECT_EQ(json("[true, True, FALSE, null, ~, NULL]"), "[true,true,false,null,null,null]");
  EXPECT_EQ(json("[on, off, yes, no, y, n, Yes]"), R"(["on","off","yes","no","y","n","Yes"])");
  EXPECT_EQ(json("[0, -7, +7, 007, 0x1F, 0o17, 1_000, 1e]"), R"([0,-7,7,7,31,15,"1_000","1e"])");
  EXPECT_EQ(json("[1.5, -.5, 1., 1e3, 1.3.0, 12:30, 2026-01-01]"),
            R"([1.5,-0.5,1.0,1000.0,"1.3.0","12:30","2026-01-01"])");
  EXPECT_EQ(json("['5', \"true\", !!str 5]"), R"(["5","true","5"])");
  EXPECT_EQ(json("a:\nb: ''\nc: |\n  5\n"), R"({"a":null,"b":"","c":"5\n"})");
  EXPECT_TRUE(std::isinf(good(".inf")->real));
  EXPECT_TRUE(std::isnan(good(".NaN")->real));
}

TEST(DocumentScalars, RefuseNumbersThatWouldLoseDigits) {
  EXPECT_EQ(json("9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(bad("a: 9223372036854775808"), "1:4 document.number_range a");
  EXPECT_EQ(bad("a: 1e999"), "1:4 document.number_range a");
}

TEST(DocumentParse, ReadsJsonAsWritten) {
  EXPECT_EQ(json("{\"a\":1,\"b\":[1.0,\"x\",null],\n\t\"c\":{\"d\":true}}"),
            R"({"a":1,"b":[1.0,"x",null],"c":{"d":true}})");
  EXPECT_EQ(json(R"({"face":"\ud83d\ude00","slash":"\/","escaped":"\\ud83d\\ude00"})"),
            "{\"face\":\"\xF0\x9F\x98\x80\",\"slash\":\"/\",\"escaped\":\"\\\\ud83d\\\\ude00\"}");
}

TEST(DocumentParse, TakesQuestionMarksInsidePlainTextEverywhere) {
  EXPECT_EQ(json("{ a: input.?b, c: [http://x?y=1, d?], 'e?': \"f?\" }"),
            R"({"a":"input.?b","c":["http://x?y=1","d?"],"e?":"f?"})");
  EXPECT_EQ(json("a: b?c # why?\nd: >-\n  e?\n"), R"({"a":"b?c","d":"e?"})");
  EXPECT_EQ(json("? a\n: b?"), R"({"a":"b?"})");
  EXPECT_EQ(json("a: \"\\x1D x?y\""), R"({"a":"\u001d x?y"})");
}

TEST(DocumentParse, KeepsTheOrderOfEntries) {
  EXPECT_EQ(json("z: 1\na: 2\nm: {y: 1, b: 2}"), R"({"z":1,"a":2,"m":{"y":1,"b":2}})");
}

TEST(DocumentParse, ReportsEveryDuplicateKeyWithItsPlace) {
  EXPECT_EQ(bad("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n"),
            "4:3 document.duplicate_key b; 5:1 document.duplicate_key");
}

TEST(DocumentParse, RefusesKeysThatAreNoWords) {
  EXPECT_EQ(bad("[a]: 1"), "1:1 document.bad_key");
  EXPECT_EQ(bad("a: {? {b: 1} : 2}"), "1:7 document.bad_key a");
  EXPECT_EQ(bad("~: 1"), "1:1 document.bad_key");
  EXPECT_EQ(json("on: 1\n1: 2\ntrue: 3"), R"({"on":1,"1":2,"true":3})");
}

TEST(DocumentParse, ExpandsAliasesAndRefusesMergeKeys) {
  EXPECT_EQ(json("a: &x {n: 1}\nb: *x\nc: [*x, *x]"), R"({"a":{"n":1},"b":{"n":1},"c":[{"n":1},{"n":1}]})");
  EXPECT_EQ(bad("a: &x {n: 1}\nb:\n  <<: *x\n"), "3:3 document.merge_key b");
  EXPECT_EQ(bad("a: &x [*x]"), "1:8 document.alias_cycle a[0]");
  EXPECT_EQ(bad("a: *nobody"), "1:4 document.syntax");
}

TEST(DocumentParse, BoundsWhatAliasesExpandTo) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string previous = "*a" + std::to_string(i - 1);
    const std::string name = "a" + std::to_string(i);
    text += name + ": &" + name + " [";
    for (int k = 0; k < 10; ++k) text += (k > 0 ? ", " : "") + previous;
    text += "]\n";
  }
  EXPECT_NE(bad(text).find("document.too_many_nodes"), std::string::npos);
}

TEST(DocumentParse, BoundsNesting) {
  const auto nested = [](int depth) { return std::string(depth, '[') + "1" + std::string(depth, ']'); };
  EXPECT_NE(good(nested(64)), nullptr);
  EXPECT_EQ(
      bad(nested(65)), "1:65 document.too_deep" + [] {
        std::string path = " ";
        for (int i = 0; i < 64; ++i) path += "[0]";
        return path;
      }());
  EXPECT_NE(bad(nested(100'000)).find("document.too_deep"), std::string::npos);
  // An alias cannot carry a document past the limit either.
  EXPECT_NE(bad("a: &a " + nested(40) + "\nb: " + std::string(30, '[') + "*a" + std::string(30, ']'))
                .find("document.too_deep"),
            std::string::npos);
}

TEST(DocumentParse, ReportsSyntaxMistakesWithTheirPlace) {
  EXPECT_EQ(bad("a: 1\nb: [1, 2\n"), "3:1 document.syntax");
  EXPECT_EQ(bad("a: 'open"), "1:9 document.syntax");
  EXPECT_EQ(bad(""), "1:1 document.empty");
  EXPECT_EQ(bad("a: 1\n---\nb: 2\n"), "1:1 document.several");
  EXPECT_EQ(bad("a: !custom 1"), "1:4 document.tag a");
}

TEST(DocumentParse, RefusesTextThatIsNotUtf8) {
  EXPECT_EQ(bad("a: 1\nb: \xC3\x28"), "2:4 document.encoding");
  EXPECT_EQ(bad(std::string("a: \0", 4)), "1:4 document.encoding");
  EXPECT_EQ(bad("a: \xED\xA0\x80"), "1:4 document.encoding");
  EXPECT_EQ(json("\xEF\xBB\xBF"
                 "a: \xC3\xA9"),
            "{\"a\":\"\xC3\xA9\"}");
  EXPECT_EQ(bad(std::string(3 << 20, ' ')), "0:0 document.too_large");
}

TEST(DocumentPositions, CountCharactersFromOne) {
  const auto root = good("\"\xC3\xA9\": { k: v }\nlist:\n  - one\n  - two: 2\n");
  EXPECT_EQ(root->entries[0].value.entries[0].position.column, 8u);
  EXPECT_EQ(root->entries[0].value.entries[0].value.position.column, 11u);
  const auto two = position_of(*root, "list[1].two");
  EXPECT_EQ(two.line, 4u);
  EXPECT_EQ(two.column, 10u);
}

TEST(DocumentPositions, AreRightFarAlongALineAndGoingBack) {
  std::string text = "[";
  for (int i = 0; i < 100000; ++i) text += "\xC3\xA9, ";
  const auto root = good(text + "{ a: 1, b: [2] }, last]");
  EXPECT_EQ(root->items[99999].position.column, 2 + 3 * 99999u);
  EXPECT_EQ(root->items[100000].entries[1].value.items[0].position.column, 2 + 300000u + 12);
  EXPECT_EQ(root->items.back().position.column, 2 + 300000u + 18);
}

TEST(DocumentPositions, FindTheNearestExistingParent) {
  const auto root = good("steps:\n  light:\n    model: m\n  a.b:\n    - x\n");
  EXPECT_EQ(position_of(*root, "steps.light.nothing.at.all").line, 3u);
  EXPECT_EQ(position_of(*root, "steps.a.b[0]").line, 5u);
  EXPECT_EQ(position_of_pointer(*root, "/steps/light/model").column, 12u);
  EXPECT_EQ(position_of_pointer(*root, "/steps/a.b/0").column, 7u);
  EXPECT_EQ(position_of_pointer(*root, "/steps/a.b/9").line, 5u);
}

uint32_t column_in(std::string_view text, size_t offset) {
  const auto root = good(text);
  return position_in(root->entries[0].value, offset).column;
}

TEST(DocumentPositions, MapOffsetsInsideScalarsWhileTheTextIsWrittenAsIs) {
  EXPECT_EQ(column_in("a: one two", 4), 8u);
  EXPECT_EQ(column_in("a: 'one two'", 4), 9u);
  EXPECT_EQ(column_in("a: \"one two\"", 7), 12u);
  EXPECT_EQ(column_in("a: \"\xC3\xA9 two\"", 3), 7u);
  // After an escape the place of the scalar is the best that is known.
  EXPECT_EQ(column_in("a: 'it''s two'", 2), 7u);
  EXPECT_EQ(column_in("a: 'it''s two'", 6), 4u);
  EXPECT_EQ(column_in("a: \"x\\\\y two\"", 4), 4u);
  EXPECT_EQ(column_in("a: >-\n  one\n  two\n", 5), 4u);
}

TEST(DocumentNearest, SuggestsOnlyWhatIsClose) {
  const std::vector<std::string> names = {"light", "heavy", "verdict", "on_error"};
  EXPECT_EQ(nearest("ligth", names), "light");
  EXPECT_EQ(nearest("verdcit", names), "verdict");
  EXPECT_EQ(nearest("onerror", names), "on_error");
  EXPECT_EQ(nearest("zebra", names), "");
  EXPECT_EQ(nearest("", names), "");
}

TEST(DocumentReporter, SortsByPlaceAndDropsRepetitions) {
  Reporter reporter("a.yaml", 3);
  reporter.error({2, 1}, "b", "x.two", "second", "mend");
  reporter.error({1, 5}, "a", "x.one", "first", "mend");
  reporter.error({1, 5}, "a", "x.one", "first", "mend");
  reporter.error({9, 9}, "z", "x.many", "too many", "mend");
  EXPECT_EQ(reporter.errors(), 4u);
  const auto all = reporter.take();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].code, "x.one");
  EXPECT_EQ(all[1].code, "x.two");
  EXPECT_EQ(all[2].code, "document.more_mistakes");
  EXPECT_EQ(child_path(child_path("rows", 2), "when"), "rows[2].when");
}

TEST(DocumentParse, SurvivesEveryTruncationAndByteChange) {
  const std::string text =
      "pipeline: a/b@1.0.0\nx: &x { a: [1, 2.5, 'three', \"fo\\u00fcr\"], b: ~ }\ny: [*x, | \n  block\n]\n"
      "z: >-\n  folded\n  text\nq: ? a\n";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    const auto outcome = parse(std::string_view(text).substr(0, cut));
    EXPECT_NE(outcome.root == nullptr, outcome.diagnostics.empty());
  }
  for (size_t at = 0; at < text.size(); ++at) {
    for (const char c : {'\t', '[', '}', ':', '"', '&', '*', '\n', '-', '?', '%', '!'}) {
      std::string changed = text;
      changed[at] = c;
      const auto outcome = parse(changed);
      EXPECT_NE(outcome.root == nullptr, outcome.diagnostics.empty());
    }
  }
}

}  // namespace
}  // namespace switchyard::document
