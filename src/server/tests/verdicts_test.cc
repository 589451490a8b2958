#include "verdicts.h"

#include <gtest/gtest.h>

#include "switchyard/types/json.h"

namespace switchyard::server {
namespace {

RunId id(uint8_t n) {
  RunId run{};
  run.bytes[15] = n;
  return run;
}

/// The events of a decision, and the documents that they point into.
class JudgedBy : public ::testing::Test {
 protected:
  Value value(const std::string& json) {
    documents_.push_back(parse_json_document(json).value());
    return documents_.back().root();
  }
  void add(EventBody body, uint16_t step = 0, uint32_t frame = 0) {
    partition::RecordedEvent recorded;
    recorded.event = Event{id(1), step, 0, std::move(body), frame};
    recorded.offset = LogOffset(history_.size());
    history_.push_back(std::move(recorded));
  }
  void completed(uint16_t step, const std::string& result, const std::string& meta, uint32_t frame = 0) {
    add(StepCompleted{1, 0, value(result), value(meta)}, step, frame);
  }
  void routed(uint16_t step, const std::string& candidate, const std::string& result, uint32_t frame = 0,
              const std::string& more = "") {
    completed(step, result,
              R"({"routing":{"route":"fraud/score@1.0.0","candidate":")" + candidate +
                  R"(","model":"m@1.0.0")" + more + "}}",
              frame);
  }
  /// Where the review ended.
  LogOffset reviewed(const std::string& answer, uint32_t frame = 0, std::string_view name = "opinion") {
    asked(name, frame);
    add(ReviewAnswered{id(reviews_), "ann", value(answer), 0}, 9, frame);
    return history_.back().offset;
  }
  void asked(std::string_view name, uint32_t frame = 0) {
    ReviewRequested body;
    body.review = id(++reviews_);
    body.step_name = name;
    add(body, 9, frame);
  }
  std::string told(LogOffset end) const {
    std::string all;
    for (const auto& each : judged_by(history_, end)) {
      all += std::string(each.route) + " " + std::string(each.candidate) + " " + std::string(each.model) +
             " " + std::string(each.review) + (each.by_person ? " " : " by nobody ") + to_json(each.answer) +
             " " + to_json(each.output) + "; ";
    }
    return all;
  }

  std::vector<Document> documents_;
  std::vector<partition::RecordedEvent> history_;
  uint8_t reviews_ = 0;
};

TEST_F(JudgedBy, NamesWhatWasRoutedBeforeTheAnswer) {
  routed(1, "main", R"({"fraud":true})");
  completed(2, "5", "null");
  completed(3, "6", R"({"model":"alone@1.0.0"})");
  const LogOffset end = reviewed(R"({"fraud":false})");
  routed(4, "later", "1");
  EXPECT_EQ(told(end), R"(fraud/score main m@1.0.0 opinion {"fraud":false} {"fraud":true}; )");
  EXPECT_EQ(told(LogOffset(100)), "") << "no review ended there";
}

TEST_F(JudgedBy, LooksAtTheSameRoundOfALoopAndAtThePipelineItself) {
  routed(1, "outer", "1");
  routed(2, "first", "2", 5);
  routed(2, "second", "3", 6);
  EXPECT_EQ(told(reviewed("{}", 5)),
            "fraud/score outer m@1.0.0 opinion {} 1; fraud/score first m@1.0.0 opinion {} 2; ");
}

TEST_F(JudgedBy, TakesTheLastAnswerOfAStep) {
  routed(1, "main", "1");
  routed(1, "main", "2");
  EXPECT_EQ(told(reviewed("{}")), "fraud/score main m@1.0.0 opinion {} 2; ");
}

TEST_F(JudgedBy, JudgesAnAnswerOnceByEachReviewStep) {
  routed(1, "outer", "1");
  EXPECT_NE(told(reviewed("{}", 0, "another")), "");
  routed(2, "first", "2", 5);
  EXPECT_EQ(told(reviewed("{}", 5)),
            "fraud/score outer m@1.0.0 opinion {} 1; fraud/score first m@1.0.0 opinion {} 2; ");
  routed(2, "second", "3", 6);
  EXPECT_EQ(told(reviewed("{}", 6)), "fraud/score second m@1.0.0 opinion {} 3; ");
}

TEST_F(JudgedBy, NamesTheDecisionThatACacheHasItsAnswerFrom) {
  routed(1, "main", "1", 0, R"(,"cache":{"hit":true,"kind":"exact","decision":"an-earlier-one"})");
  routed(2, "main", "2", 0, R"(,"cache":{"hit":false})");
  const auto judged = judged_by(history_, reviewed("{}"));
  ASSERT_EQ(judged.size(), 2u);
  EXPECT_EQ(judged[0].made_for, "an-earlier-one");
  EXPECT_EQ(judged[1].made_for, id(1).to_string());
}

TEST_F(JudgedBy, LeavesOutWhatWasTheAnswerToAnotherQuestion) {
  routed(1, "main", "1", 0, R"(,"cache":{"hit":true,"kind":"semantic","decision":"an-earlier-one"})");
  EXPECT_EQ(told(reviewed("{}")), "");
}

std::string member(const std::string& name, const std::string& candidate) {
  return "\"" + name + R"(":{"routing":{"route":"score@1.0.0","candidate":")" + candidate +
         R"(","model":"m@1.0.0"}})";
}

TEST_F(JudgedBy, TakesOfAnEnsembleWhatEachMemberSaid) {
  completed(1, R"({"members":{"one":{"p":0.9},"two":{"p":0.1}},"mean":0.5})",
            "{\"members\":{" + member("one", "main") + "," + member("two", "next") + "," +
                member("silent", "next") + R"(,"direct":{"model":"m@1.0.0"}}})");
  EXPECT_EQ(told(reviewed("{}")),
            R"(score main m@1.0.0 opinion {} {"p":0.9}; score next m@1.0.0 opinion {} {"p":0.1}; )");
}

TEST_F(JudgedBy, TakesOfACascadeWhatEachTierSaid) {
  completed(
      1,
      R"({"p":0.9,"tier":"large","tiers":[{"tier":"small","answer":{"p":0.4}},{"tier":"broken","code":"x"},)"
      R"({"tier":"large","answer":{"p":0.9}}]})",
      "{\"members\":{" + member("small", "main") + "," + member("broken", "main") + "," +
          member("large", "next") + "}}");
  EXPECT_EQ(told(reviewed("{}")),
            R"(score main m@1.0.0 opinion {} {"p":0.4}; score next m@1.0.0 opinion {} {"p":0.9}; )");
}

TEST_F(JudgedBy, TellsTheAnswerOfOnBreachFromAPersons) {
  routed(1, "main", "1");
  asked("opinion");
  add(ReviewClosed{id(reviews_), "the review was due"}, 9);
  const LogOffset closed = history_.back().offset;
  EXPECT_EQ(told(closed), "") << "nothing is known yet";
  completed(8, "5", "null");
  completed(9, R"({"fraud":true,"reviewer":"deadline"})", "null");
  EXPECT_EQ(told(closed),
            R"(fraud/score main m@1.0.0 opinion by nobody {"fraud":true,"reviewer":"deadline"} 1; )");
}

TEST_F(JudgedBy, SaysNothingWhereNobodyAnsweredInTime) {
  routed(1, "main", "1");
  asked("opinion");
  add(ReviewClosed{id(reviews_), "the review was due"}, 9);
  const LogOffset closed = history_.back().offset;
  add(StepFailed{}, 9);
  completed(9, "{}", "null");
  EXPECT_EQ(told(closed), "");
}

}  // namespace
}  // namespace switchyard::server
