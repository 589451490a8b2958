#include "switchyard/privacy/policy.h"

#include <gtest/gtest.h>

namespace switchyard::privacy {
namespace {

PolicyOutcome outcome_of(const std::string& text) {
  const auto parsed = document::parse(text, "p.yaml");
  return compile(*parsed.root, "p.yaml");
}

/// "line:column code path" of each mistake.
std::string mistakes(const std::string& text) {
  const auto outcome = outcome_of(text);
  EXPECT_EQ(outcome.policy, nullptr);
  std::string all;
  for (const auto& d : outcome.diagnostics) {
    EXPECT_FALSE(d.mend.empty());
    all += (all.empty() ? "" : "; ") + std::to_string(d.line) + ":" + std::to_string(d.column) + " " +
           d.code + " " + d.path;
  }
  return all;
}

const Treatment& of(const Policy& policy, Kind kind) { return policy.detect[static_cast<size_t>(kind)]; }

TEST(PrivacyPolicy, TreatsEachKindAsTheMostSpecialLineSays) {
  const auto outcome = outcome_of(R"(
privacy: vendors@1.0.0
detect:
  us_ssn: drop
  card: mask
  all: hash
  national_id: { action: mask, first: 1, last: 2, character: "#" }
  ip: keep
)");
  ASSERT_NE(outcome.policy, nullptr);
  EXPECT_TRUE(outcome.diagnostics.empty());
  const Policy& policy = *outcome.policy;
  EXPECT_EQ(of(policy, Kind::kUsSsn), (Treatment{Action::kDrop, 0, 0, '*'}));
  EXPECT_EQ(of(policy, Kind::kCard), (Treatment{Action::kMask, 0, 4, '*'}));
  EXPECT_EQ(of(policy, Kind::kPlPesel), (Treatment{Action::kMask, 1, 2, '#'}));
  EXPECT_EQ(of(policy, Kind::kEmail), (Treatment{Action::kHash, 0, 0, '*'}));
  EXPECT_EQ(of(policy, Kind::kIp).action, Action::kKeep);
  EXPECT_TRUE(policy.needs_key());
}

TEST(PrivacyPolicy, IsClosedWhereItSaysNothing) {
  const auto outcome = outcome_of("privacy: a@1.0.0\n");
  ASSERT_NE(outcome.policy, nullptr);
  for (size_t i = 0; i < kKinds; ++i) EXPECT_EQ(outcome.policy->detect[i].action, Action::kToken);
  EXPECT_FALSE(outcome.policy->allow.has_value());
  EXPECT_FALSE(outcome.policy->needs_key());
}

TEST(PrivacyPolicy, TellsNamesOfFieldsFromPlaces) {
  const auto outcome = outcome_of(R"(
privacy: a@1.0.0
allow: [question, "messages[*].content", "**.country", "[*].x", "rows[*][*]"]
fields: { date_of_birth: drop, "customer.name": token, "orders[*]": mask, "*": keep }
)");
  ASSERT_NE(outcome.policy, nullptr);
  EXPECT_EQ(outcome.policy->allow->size(), 5u);
  ASSERT_EQ(outcome.policy->names.size(), 1u);
  EXPECT_EQ(outcome.policy->names.at("dateofbirth").label, "date_of_birth");
  EXPECT_EQ(outcome.policy->places.size(), 3u);
}

TEST(PrivacyPolicy, ReportsEveryMistakeWithItsPlace) {
  EXPECT_EQ(
      mistakes(R"(privacy: a@1.0.0
alow: [x]
allow: []
fields:
  email: tokn
  e_mail: drop
  E-Mail: drop
  "a..b": drop
  name: { last: 4 }
  note: { action: token, last: 4 }
  iban: { action: mask, last: 99, character: "0", lst: 3 }
detect:
  cards: mask
  card: 4
)"),
      "2:1 privacy.unknown_field alow; 3:8 privacy.bad_allow allow; 5:10 privacy.bad_action fields.email; "
      "7:3 privacy.two_of_a_name fields.E-Mail; 8:3 privacy.bad_path fields.a..b; "
      "9:9 privacy.bad_action fields.name.action; 10:32 privacy.not_of_a_mask fields.note.last; "
      "11:31 privacy.bad_mask fields.iban.last; 11:46 privacy.bad_mask fields.iban.character; "
      "11:51 privacy.unknown_field fields.iban.lst; 13:3 privacy.unknown_field detect.cards; "
      "14:9 privacy.bad_action detect.card");
  EXPECT_EQ(mistakes("[1]"), "1:1 privacy.not_a_mapping ");
  EXPECT_EQ(mistakes("privacy: a@1.0.0\nfields: [x]\ndetect: token\nallow: [a., \"a[0]\", \"**\"]\n"),
            "2:9 privacy.bad_fields fields; 3:9 privacy.bad_detect detect; 4:9 privacy.bad_path allow[0]; "
            "4:13 privacy.bad_path allow[1]; 4:21 privacy.bad_path allow[2]");
}

TEST(PrivacyPolicy, WarnsOfOneThatRemovesNothing) {
  const auto outcome = outcome_of("privacy: a@1.0.0\ndetect: { all: keep }\n");
  ASSERT_NE(outcome.policy, nullptr);
  ASSERT_EQ(outcome.diagnostics.size(), 1u);
  EXPECT_EQ(outcome.diagnostics[0].code, "privacy.removes_nothing");
  EXPECT_EQ(outcome.diagnostics[0].severity, Diagnostic::Severity::kWarning);
}

}  // namespace
}  // namespace switchyard::privacy
