#include "switchyard/privacy/session.h"

#include <gtest/gtest.h>

#include "switchyard/types/json.h"

namespace switchyard::privacy {
namespace {

std::shared_ptr<const Session> session() {
  return std::make_shared<Session>(Session::Tokens{{"<EMAIL_1>", {"a@b.example", false}},
                                                   {"<EMAIL_12>", {"c@d.example", false}},
                                                   {"<NOTE_1>", {"say \"<EMAIL_1>\"\n\\", false}},
                                                   {"<AGE_1>", {"42", true}}});
}

TEST(Session, RestoresOnceAndOnlyItsOwnTokens) {
  EXPECT_EQ(session()->restore("<EMAIL_1>,<EMAIL_12>,<EMAIL_2>,<email_1>,EMAIL_1"),
            "a@b.example,c@d.example,<EMAIL_2>,<email_1>,EMAIL_1");
  EXPECT_EQ(session()->restore("<NOTE_1>"), "say \"<EMAIL_1>\"\n\\");
  EXPECT_EQ(session()->restore("<<EMAIL_1>> <EMAIL_<EMAIL_1>"), "<a@b.example> <EMAIL_a@b.example");
  EXPECT_EQ(session()->restore("\\u003cEMAIL_1>"), "\\u003cEMAIL_1>");
}

TEST(Session, EscapesWithinJsonText) {
  EXPECT_EQ(session()->restore_json(R"({"to":"<EMAIL_1>","n":"<NOTE_1>","x":"\u003cEMAIL_1\u003E"})"),
            R"({"to":"a@b.example","n":"say \"<EMAIL_1>\"\n\\","x":"a@b.example"})");
  // An escaped backslash before `u003c` makes it five letters.
  EXPECT_EQ(session()->restore_json(R"("\\u003cEMAIL_1> \\<EMAIL_1>")"),
            R"("\\u003cEMAIL_1> \\a@b.example")");
  EXPECT_EQ(session()->restore_json(R"("\u00e9\uZZZZ\)"), R"("\u00e9\uZZZZ\)");
}

TEST(Session, RestoresDocumentsWithTheArgumentsOfToolCalls) {
  const Document answer = *parse_json_document(
      R"({"<EMAIL_1>":["<AGE_1>","is <AGE_1>"],"arguments":"{\"note\":\"<NOTE_1>\",\"age\":\"<AGE_1>\"}"})");
  EXPECT_EQ(
      to_json(*session()->restore(answer.root())),
      R"({"a@b.example":[42,"is 42"],"arguments":"{\"note\":\"say \\\"<EMAIL_1>\\\"\\n\\\\\",\"age\":42}"})");
}

TEST(Restorer, HoldsBackOnlyWhatMayBecomeAToken) {
  Restorer restorer(session());
  EXPECT_EQ(restorer.feed("Hi <b>you</b> <EMA"), "Hi <b>you</b> ");
  EXPECT_EQ(restorer.held_bytes(), 4u);
  EXPECT_EQ(restorer.feed("IL"), "");
  EXPECT_EQ(restorer.feed("_1"), "");
  EXPECT_EQ(restorer.feed("2> <EMAIL_3"), "c@d.example <EMAIL_3");
  EXPECT_EQ(restorer.feed(" <EMAIL_1"), " ");
  EXPECT_EQ(restorer.finish(), "<EMAIL_1");
  EXPECT_EQ(restorer.feed("<EMAIL_1>"), "a@b.example");
}

TEST(Restorer, HoldsNothingWithoutTokens) {
  Restorer restorer(std::make_shared<Session>(), Restorer::Mode::kJson);
  EXPECT_EQ(restorer.feed("<EMAIL_"), "<EMAIL_");
  EXPECT_EQ(restorer.finish(), "");
}

}  // namespace
}  // namespace switchyard::privacy
