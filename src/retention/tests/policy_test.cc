#include "switchyard/retention/policy.h"

#include <gtest/gtest.h>

namespace switchyard::retention {
namespace {

constexpr int64_t kDay = 86'400'000'000;

PolicyOutcome outcome_of(const std::string& text) {
  const auto parsed = document::parse(text, "r.yaml");
  return compile(*parsed.root, "r.yaml");
}

/// "line code path" of each mistake.
std::string mistakes(const std::string& text) {
  const auto outcome = outcome_of(text);
  EXPECT_EQ(outcome.policy, nullptr);
  std::string all;
  for (const auto& d : outcome.diagnostics) {
    EXPECT_FALSE(d.mend.empty());
    all += (all.empty() ? "" : "; ") + std::to_string(d.line) + " " + d.code + " " + d.path;
  }
  return all;
}

TEST(RetentionPolicy, TakesTheFirstClassThatFits) {
  const auto outcome = outcome_of(R"(
retention: house@1.0.0
idempotency_keys: 30d
classes:
  - { class: cards, pipelines: [payments/card, "fraud/*"], full: 90d, record: { input: hash, output: keep }, delete: 7y }
  - { class: rest, pipelines: ["*"], full: 4w }
)");
  ASSERT_NE(outcome.policy, nullptr);
  const Policy& policy = *outcome.policy;
  EXPECT_EQ(policy.idempotency_us, 30 * kDay);
  EXPECT_EQ(policy.class_of("payments/card")->name, "cards");
  EXPECT_EQ(policy.class_of("fraud/a/b")->name, "cards");
  EXPECT_EQ(policy.class_of("payments/cards")->name, "rest");
  EXPECT_EQ(policy.classes[0].drop, static_cast<uint32_t>(Part::kInput));
  EXPECT_EQ(policy.classes[0].delete_us, 7 * 365 * kDay);
  EXPECT_EQ(policy.classes[1].full_us, 28 * kDay);
  EXPECT_EQ(policy.classes[1].delete_us, 0);
}

TEST(RetentionPolicy, KeepsWhatFitsNoClass) {
  const auto outcome =
      outcome_of("retention: a@1.0.0\nclasses: [{ class: x, pipelines: [a/b], delete: 1d }]\n");
  ASSERT_NE(outcome.policy, nullptr);
  EXPECT_EQ(outcome.policy->class_of("a/c"), nullptr);
}

TEST(RetentionPolicy, ReportsEveryMistakeWithItsPlace) {
  EXPECT_EQ(mistakes("retention: a@1.0.0\n"), "1 retention.no_classes classes");
  EXPECT_EQ(
      mistakes(R"(retention: a@1.0.0
idempotency_key: 3d
classes:
  - { class: a, pipelines: [], full: 90 }
  - { class: a, pipelines: [A/b], full: 90d, delete: 30d }
  - { pipelines: [b], record: { inputs: hash, output: drop } }
)"),
      "2 retention.unknown_field idempotency_key; 4 retention.no_pipelines classes[0].pipelines; "
      "4 retention.bad_period classes[0].full; 5 retention.two_of_a_name classes[1].class; "
      "5 retention.bad_pattern classes[1].pipelines[0]; "
      "5 retention.delete_before_full classes[1].delete; 6 retention.no_name classes[2].class; "
      "6 retention.record_without_full classes[2].record; "
      "6 retention.unknown_field classes[2].record.inputs; 6 retention.bad_record classes[2].record.output");
}

TEST(RetentionPolicy, NeverDeletesADecisionBeforeItsIdempotencyKey) {
  EXPECT_EQ(mistakes("retention: a@1.0.0\nidempotency_keys: 30d\n"
                     "classes: [{ class: x, pipelines: [a/b], delete: 7d }]\n"),
            "3 retention.delete_before_keys classes[0].delete");
}

TEST(RetentionPattern, LetsAStarStandForAnyText) {
  EXPECT_TRUE(fits_pattern("payments/card", "*"));
  EXPECT_TRUE(fits_pattern("payments/card", "pay*/c*d"));
  EXPECT_TRUE(fits_pattern("payments/card", "payments/card*"));
  EXPECT_FALSE(fits_pattern("payments/card", "payments"));
  EXPECT_FALSE(fits_pattern("payments/card", "*x*"));
  EXPECT_TRUE(fits_pattern("", "*"));
}

}  // namespace
}  // namespace switchyard::retention
