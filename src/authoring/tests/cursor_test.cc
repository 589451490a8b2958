#include "../language/cursor.h"

#include <gtest/gtest.h>

#include <random>

#include "../language/schema_walk.h"
#include "../language/text_map.h"
#include "../pipeline_schema.h"

namespace switchyard::authoring::language {
namespace {

/// The cursor stands where the text has a '|'.
Cursor at(std::string text) {
  const size_t offset = text.find('|');
  EXPECT_NE(offset, std::string::npos);
  text.erase(offset, 1);
  return find_cursor(text, offset);
}

std::string path(const Cursor& cursor) {
  std::string out;
  for (const auto& key : cursor.path) out += (out.empty() ? "" : ".") + key;
  return out + (cursor.in_value ? ":" : "/") + cursor.key + "=" + cursor.typed;
}

TEST(Cursor, KnowsWhereItStandsInBlocks) {
  EXPECT_EQ(path(at("pip|")), "/=pip");
  EXPECT_EQ(path(at("a: 1\nsteps:\n  one:\n    mod|\n")), "steps.one/=mod");
  EXPECT_EQ(path(at("steps:\n  one:\n    model: fr|\n")), "steps.one:model=fr");
  EXPECT_EQ(path(at("steps:\n  one:\n    model: x\n    |\n")), "steps.one/=");
  EXPECT_EQ(path(at("steps:\n  one:\n    model: x\n  |\n")), "steps/=");
  EXPECT_EQ(path(at("rows:\n- id: a\n  wh|")), "rows.[]/=wh");
  EXPECT_EQ(path(at("after:\n  - o|")), "after.[]:=o");
  EXPECT_EQ(path(at("steps:\n  s:\n    sequence:\n      - one: { set: { a: in|")),
            "steps.s.sequence.[].one.set:a=in");
}

TEST(Cursor, KnowsWhereItStandsInBraces) {
  EXPECT_EQ(path(at("steps:\n  one: { model: x, inp| }\n")), "steps.one/=inp");
  EXPECT_EQ(path(at("steps:\n  one: { model: x, input: { a: inp| } }\n")), "steps.one.input:a=inp");
  EXPECT_EQ(path(at("show: [input, li|]")), "show.[]:=li");
  EXPECT_EQ(path(at("a: { b: [1, 2],\n     c: x| }")), "a:c=x");
  EXPECT_EQ(path(at("a: { when: \"input.a, |\" }")), "a:when=input.a, ");
}

TEST(Cursor, KnowsQuotesCommentsAndTextBlocks) {
  EXPECT_TRUE(at("a: \"in|\"").quoted);
  EXPECT_EQ(at("a: 'in|'").typed, "in");
  EXPECT_TRUE(at("a: 1 # co|").in_comment);
  EXPECT_TRUE(at("# co|").in_comment);
}

TEST(Cursor, KnowsTheOtherKeys) {
  EXPECT_EQ(at("one:\n  model: x\n  |\n  when: y\nnext: 1\n").siblings,
            (std::vector<std::string>{"model", "when"}));
  EXPECT_EQ(at("one: { model: x, |, when: y }").siblings, (std::vector<std::string>{"model", "when"}));
}

TEST(Cursor, NeverFailsOnAnyText) {
  std::mt19937 random(7);
  const std::string alphabet = "ab:{}[],'\"#-|> \n\n  \\?";
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    const size_t length = random() % 60;
    for (size_t i = 0; i < length; ++i) text += alphabet[random() % alphabet.size()];
    const auto cursor = find_cursor(text, random() % (text.size() + 2));
    EXPECT_LE(cursor.begin, text.size());
  }
}

TEST(TextMap, CountsAsEditorsDo) {
  const TextMap map("a\xC3\xA4\xF0\x9F\x98\x80z\r\nsecond");
  EXPECT_EQ(map.editor_position(map.text().find('z')).character, 4u);  // the emoji is two UTF-16 units
  EXPECT_EQ(map.position(map.text().find('z')).column, 4u);
  EXPECT_EQ(map.offset_of(EditorPosition{0, 4}), map.text().find('z'));
  EXPECT_EQ(map.offset_of(document::Position{1, 4}), map.text().find('z'));
  EXPECT_EQ(map.offset_of(EditorPosition{0, 99}), map.text().find('\r'));
  EXPECT_EQ(map.offset_of(EditorPosition{9, 9}), map.text().size());
  EXPECT_EQ(map.line(1), "second");
}

bool offers(const SchemaPlace& place, const std::string& name) {
  for (const auto& entry : place.entries)
    if (entry.name == name) return true;
  return false;
}

TEST(SchemaWalk, NarrowsAStepToItsKind) {
  const SchemaWalk walk(pipeline_schema_text());
  EXPECT_TRUE(offers(walk.at({}, {}), "steps"));
  EXPECT_FALSE(offers(walk.at({}, {"steps"}), "steps"));
  const auto any = walk.at({"steps", "one"}, {"when"});
  EXPECT_TRUE(offers(any, "model") && offers(any, "review"));
  const auto model = walk.at({"steps", "one"}, {"model"});
  EXPECT_TRUE(offers(model, "timeout") && offers(model, "input"));
  EXPECT_FALSE(offers(model, "review"));
  EXPECT_TRUE(walk.at({"steps", "one", "when"}, {}).parts.contains("expression"));
  EXPECT_TRUE(walk.at({"steps", "one", "set", "a", "b"}, {}).parts.contains("template"));
  EXPECT_TRUE(walk.at({"steps", "one", "model"}, {}).parts.contains("artefact"));
  const auto effects = walk.at({"steps", "one", "http", "effect"}, {}).values;
  EXPECT_NE(std::find(effects.begin(), effects.end(), "idempotent"), effects.end());
  EXPECT_FALSE(walk.at({"nonsense", "x"}, {}).known);
}

TEST(SchemaWalk, KnowsTables) {
  const SchemaWalk walk(rules_schema_text());
  EXPECT_TRUE(offers(walk.at({"rows", "[]"}, {}), "when"));
  EXPECT_TRUE(walk.at({"rows", "[]", "then", "x"}, {}).parts.contains("expression"));
}

}  // namespace
}  // namespace switchyard::authoring::language
