// What the templates mean.
#include <gtest/gtest.h>

#include "prompts.h"

namespace switchyard::prompts {
namespace {

using testing::compile_text;
using testing::prompt_of;
using testing::report;
using testing::told;

const std::string kInput =
    "input:\n"
    "  type: object\n"
    "  required: [name, count, share, tags, turns, sure, any]\n"
    "  properties:\n"
    "    name: { type: string }\n"
    "    count: { type: integer }\n"
    "    share: { type: number }\n"
    "    sure: { type: boolean }\n"
    "    note: { type: string }\n"
    "    nick: { type: [string, 'null'] }\n"
    "    tags: { type: array, items: { type: string } }\n"
    "    any: {}\n"
    "    turns:\n"
    "      type: array\n"
    "      items: { type: object, required: [who, text], properties: { who: { type: string }, text: { type: "
    "string } } }\n";

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out + "\"";
}

std::string document(const std::string& content) {
  return "prompt: t@1.0.0\n" + kInput + "messages: [{ role: user, content: " + quoted(content) + " }]\n";
}

const std::string kAda =
    R"({"name":"Ada","count":3,"share":0.5,"sure":true,"tags":["a","b"],"turns":[{"who":"user","text":"hi"},{"who":"assistant","text":"ho"}],"any":{"x":[1,2.5]}})";

/// What the template gives for Ada.
std::string shown(const std::string& content, const std::string& input = kAda) {
  const auto prompt = prompt_of(document(content));
  if (prompt == nullptr) return "no prompt";
  std::string text = told(*prompt, input);
  if (text.starts_with("user: ")) text = text.substr(6, text.size() - 7);
  return text;
}

/// The codes of the mistakes, each with its column within the template.
std::string mistakes(const std::string& content) {
  const std::string text =
      "prompt: t@1.0.0\n" + kInput + "messages:\n  - role: user\n    content: |-\n      " + content + "\n";
  std::string out;
  for (const auto& d : compile_text(text).diagnostics)
    out += (out.empty() ? "" : " ") + d.code + ":" + std::to_string(d.column - 6);
  return out;
}

TEST(Templates, ShowScalarsAsPlainText) {
  EXPECT_EQ(shown("{{ input.name }}, {{input.count}}, {{ input.share }}, {{ input.sure }}"),
            "Ada, 3, 0.5, true");
  EXPECT_EQ(shown("{{ input.share * 6.0 }} {{ input.count + 1 }}"), "3 4");
  EXPECT_EQ(shown("{{ timestamp('2026-01-02T03:04:05Z') }} {{ duration('90s') }}"),
            "2026-01-02T03:04:05Z 90s");
  EXPECT_EQ(shown("no tags at all } }} %} #}"), "no tags at all } }} %} #}");
  EXPECT_EQ(shown(""), "");
}

TEST(Templates, ExpressionsMayHoldBracketsOfTheirOwn) {
  EXPECT_EQ(shown("{{ {'a': {'b': 'deep'}}.a.b }}"), "deep");
  EXPECT_EQ(shown("{{ '}}' + \"%}\" + r'\\' }}|"), "}}%}\\|");
  EXPECT_EQ(shown("{{ 'it\\'s }}' }}"), "it's }}");
  EXPECT_EQ(shown("{{ '''a'b}}''' }}"), "a'b}}");
  EXPECT_EQ(shown("{{ input.sure || false ? 'yes' : 'no' }}"), "yes");
}

TEST(Templates, FiltersGiveJsonAndEscape) {
  EXPECT_EQ(shown("{{ input.tags | json }}"), R"(["a","b"])");
  EXPECT_EQ(shown("{{ input.any | json }}"), R"({"x":[1,2.5]})");
  EXPECT_EQ(shown("{{ input.tags | pretty }}"), "[\n  \"a\",\n  \"b\"\n]");
  EXPECT_EQ(shown("{{ '<a b=\"c\">&\\'' | escape }}"), "&lt;a b=&quot;c&quot;&gt;&amp;&#39;");
  EXPECT_EQ(shown("{{ input.tags|json|escape }}"), "[&quot;a&quot;,&quot;b&quot;]");
  EXPECT_EQ(shown("{{ 'a|b' | json }}"), "\"a|b\"");
}

TEST(Templates, BranchesTakeTheFirstThatHolds) {
  const std::string text =
      "{% if input.count > 5 %}many{% elif input.count > 2 %}some{% else %}few{% endif %}";
  const auto with = [](int count) {
    std::string input = kAda;
    input.replace(input.find(":3"), 2, ":" + std::to_string(count));
    return input;
  };
  EXPECT_EQ(shown(text, with(9)), "many");
  EXPECT_EQ(shown(text, with(3)), "some");
  EXPECT_EQ(shown(text, with(0)), "few");
  EXPECT_EQ(shown("{% if input.count > 5 %}many{% endif %}"), "");
}

TEST(Templates, AConditionProvesWhatStandsWithinItsBranch) {
  std::string noted = kAda;
  noted.insert(1, R"("note":"careful",)");
  const std::string text = "{% if has(input.note) %}Note: {{ input.note }}{% else %}no note{% endif %}";
  EXPECT_EQ(shown(text, noted), "Note: careful");
  EXPECT_EQ(shown(text), "no note");
  EXPECT_EQ(shown("{% if !has(input.note) %}none{% else %}{{ input.note }}{% endif %}", noted), "careful");
  EXPECT_EQ(shown("{{ input.?note.orValue('-') }}"), "-");
  // After the block nothing is known of it any more.
  EXPECT_EQ(mistakes("{% if has(input.note) %}x{% endif %}{{ input.note }}"), "expression.may_be_absent:40");
}

TEST(Templates, LoopsSeeTheirItemAndTheirPlace) {
  EXPECT_EQ(shown("{% for tag in input.tags %}{{ round.number }}{{ tag }}{% if !round.last %}, {% endif %}{% "
                  "endfor %}"),
            "1a, 2b");
  EXPECT_EQ(shown("{% for t in input.turns %}{{ t.who }}={{ t.text }};{% endfor %}"),
            "user=hi;assistant=ho;");
  EXPECT_EQ(
      shown("{% for a in input.tags %}{% for b in input.tags %}{{ a }}{{ b }}{{ round.index }} {% endfor "
            "%}{{ round.count }}{{ round.first }};{% endfor %}"),
      "aa0 ab1 2true;ba0 bb1 2false;");
  EXPECT_EQ(shown("{% for x in input.tags.filter(t, t == 'z') %}{{ x }}{% else %}nothing{% endfor %}"),
            "nothing");
  // Siblings may use the same name.
  EXPECT_EQ(shown("{% for x in [1] %}{{ x }}{% endfor %}{% for x in ['b'] %}{{ x }}{% endfor %}"), "1b");
}

TEST(Templates, BlanksGoWhereADashSaysSo) {
  EXPECT_EQ(shown("a\n  {%- if true -%}\n  b\n  {%- endif %}\nc"), "ab\nc");
  EXPECT_EQ(shown("a {{- ' b' -}} c"), "a bc");
  EXPECT_EQ(shown("a {#- gone -#} b"), "ab");
  EXPECT_EQ(shown("a {# gone #} b"), "a  b");
  // One line break at the end belongs to the file.
  EXPECT_EQ(shown("a\n"), "a");
  EXPECT_EQ(shown("a\n\n"), "a\n");
  EXPECT_EQ(shown("{{ 'a\\n' }}"), "a\n");
  EXPECT_EQ(shown("{{ -1 }} {{ -input.count }}"), "-1 -3");
}

TEST(Templates, RawTextIsLeftAlone) {
  EXPECT_EQ(shown("{% raw %}{{ x }} {% if %}{# c #}{% endraw %}!"), "{{ x }} {% if %}{# c #}!");
  EXPECT_EQ(shown("{%- raw -%} {{ {%- endraw -%} x"), "{{x");
  EXPECT_EQ(shown("{% raw %}a\n{% endraw %}"), "a\n");
}

TEST(Templates, EveryMistakeIsToldWithItsPlace) {
  EXPECT_EQ(mistakes("Dear {{ input.nam }}"), "expression.no_such_field:15");
  EXPECT_EQ(mistakes("{{ name }}"), "expression.undeclared:4");
  EXPECT_EQ(mistakes("{{ input.note }}"), "expression.may_be_absent:4");
  EXPECT_EQ(mistakes("{{ input.nick }}"), "expression.may_be_absent:4");
  EXPECT_EQ(mistakes("{{ input.?note }}"), "prompt.may_be_absent:4");
  EXPECT_EQ(mistakes("{{ has(input.note) ? null : 'x' }}"), "prompt.not_text:4");
  EXPECT_EQ(mistakes("{{ input.tags }} {{ input.turns[0] }}"), "prompt.not_text:4 prompt.not_text:21");
  EXPECT_EQ(mistakes("{{ input.name | upper }}"), "prompt.unknown_filter:17");
  EXPECT_EQ(mistakes("{{ }} {{ | json }}"), "prompt.no_expression:1 prompt.no_expression:7");
  EXPECT_EQ(mistakes("{% if input.name %}x{% endif %}"), "expression.wrong_result:7");
  EXPECT_EQ(mistakes("{% if true %}x"), "prompt.unclosed_block:1");
  EXPECT_EQ(mistakes("{% for x in input.tags %}{% if true %}{% endfor %}{% endif %}"),
            "prompt.unclosed_block:26 prompt.misplaced_tag:51");
  EXPECT_EQ(mistakes("x {% endif %} {% else %}"), "prompt.misplaced_tag:3 prompt.misplaced_tag:15");
  EXPECT_EQ(mistakes("{% set x = 1 %}{% %}"), "prompt.unknown_tag:1 prompt.unknown_tag:16");
  EXPECT_EQ(mistakes("{% for x of input.tags %}{% endfor %}"), "prompt.bad_for:8");
  EXPECT_EQ(mistakes("{% for input in input.tags %}{% endfor %}"), "prompt.name_taken:8");
  EXPECT_EQ(mistakes("{% for round in input.tags %}{% endfor %}"), "prompt.name_taken:8");
  EXPECT_EQ(mistakes("{% for x in input.name %}{{ x }}{% endfor %}"), "expression.wrong_result:13");
  EXPECT_EQ(mistakes("{% for x in [1] %}{% endfor %}{{ x }}"), "expression.undeclared:34");
  EXPECT_EQ(mistakes("a {{ b"), "prompt.unclosed_tag:3");
  EXPECT_EQ(mistakes("a {# b"), "prompt.unclosed_tag:3");
  EXPECT_EQ(mistakes("a {% raw %} {{ b"), "prompt.unclosed_block:3");
  EXPECT_EQ(mistakes("{% if true %}{% else x %}{% endif %}"), "prompt.unknown_tag:22");
}

TEST(Templates, MistakesInBlocksHaveTheirOwnLine) {
  const auto outcome =
      compile_text("prompt: t@1.0.0\n" + kInput +
                   "messages:\n  - role: user\n    content: |\n      Dear \xc3\xa9 {{ input.x }},\n\n"
                   "        moved {{ input.y }}\n  - { role: user, content: \"a {{ input.z }}\" }\n");
  ASSERT_EQ(outcome.diagnostics.size(), 3u) << report(outcome.diagnostics);
  const uint32_t first = 16;
  EXPECT_EQ(outcome.diagnostics[0].line, first + 4);
  EXPECT_EQ(outcome.diagnostics[0].column, 23u);
  EXPECT_EQ(outcome.diagnostics[1].line, first + 6);
  EXPECT_EQ(outcome.diagnostics[1].column, 24u);
  EXPECT_EQ(outcome.diagnostics[2].line, first + 7);
  EXPECT_EQ(outcome.diagnostics[2].column, 40u);
}

TEST(Templates, WhatIsAbsentWhenItRunsIsAnErrorNeverEmptyText) {
  const auto prompt = prompt_of(document("{{ input.any }}"));
  EXPECT_EQ(told(*prompt, kAda), "error prompt.not_text at messages[0].content");
  const auto index = prompt_of(document("{{ input.tags[5] }}"));
  EXPECT_EQ(told(*index, kAda), "error expression.bad_index at messages[0].content");
  EXPECT_EQ(told(*index, R"({"name":"Ada"})"), "error prompt.bad_input at input");
}

TEST(Templates, WorkAndSizeAreBounded) {
  const std::string big = "{% for a in input.tags %}{% for b in input.tags %}{{ b }}{% endfor %}{% endfor %}";
  const auto prompt = prompt_of(document(big));
  const auto tags = [](int count, size_t bytes) {
    std::string list;
    for (int i = 0; i < count; ++i) list += (i == 0 ? "\"" : ",\"") + std::string(bytes, 'x') + "\"";
    std::string input = kAda;
    const std::string own = R"(["a","b"])";
    return input.replace(input.find(own), own.size(), "[" + list + "]");
  };
  EXPECT_EQ(told(*prompt, tags(200, 1)), "error prompt.too_much_work at messages[0].content");
  EXPECT_EQ(told(*prompt, tags(40, 1000)), "error prompt.too_large at messages[0].content");
  EXPECT_EQ(told(*prompt, tags(40, 10)).size(), 40u * 40 * 10 + 7);
  std::string deep;
  for (int i = 0; i < 20; ++i) deep += "{% if true %}";
  EXPECT_NE(mistakes(deep).find("prompt.too_deep"), std::string::npos);
  std::string loops;
  for (int i = 0; i < 9; ++i) loops += "{% for x" + std::to_string(i) + " in [1] %}";
  for (int i = 0; i < 9; ++i) loops += "{% endfor %}";
  EXPECT_EQ(mistakes(loops), "prompt.too_deep:160");
}

}  // namespace
}  // namespace switchyard::prompts
