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
  void reviewed(uint8_t review, const std::string& answer, uint32_t frame = 0) {
    ReviewRequested asked;
    asked.review = id(review);
    asked.step_name = "opinion";
    add(asked, 9, frame);
    add(ReviewAnswered{id(review), "ann", value(answer), 0}, 9, frame);
  }
  std::string told(uint8_t review) const {
    std::string all;
    for (const Judged& each : judged_by(history_, id(review)))
      all += std::string(each.route) + " " + std::string(each.candidate) + " " + std::string(each.model) +
             " " + std::string(each.review) + " " + to_json(each.answer) + " " + to_json(each.output) + "; ";
    return all;
  }

  std::vector<Document> documents_;
  std::vector<partition::RecordedEvent> history_;
};

TEST_F(JudgedBy, NamesWhatWasRoutedBeforeTheAnswer) {
  routed(1, "main", R"({"fraud":true})");
  completed(2, "5", "null");
  completed(3, "6", R"({"model":"alone@1.0.0"})");
  reviewed(7, R"({"fraud":false})");
  routed(4, "later", "1");
  EXPECT_EQ(told(7), R"(fraud/score main m@1.0.0 opinion {"fraud":false} {"fraud":true}; )");
  EXPECT_EQ(told(8), "") << "another review";
}

TEST_F(JudgedBy, LooksAtTheSameRoundOfALoopAndAtThePipelineItself) {
  routed(1, "outer", "1");
  routed(2, "first", "2", 5);
  routed(2, "second", "3", 6);
  reviewed(7, "{}", 5);
  EXPECT_EQ(told(7), "fraud/score outer m@1.0.0 opinion {} 1; fraud/score first m@1.0.0 opinion {} 2; ");
}

TEST_F(JudgedBy, TakesTheLastAnswerOfAStep) {
  routed(1, "main", "1");
  routed(1, "main", "2");
  reviewed(7, "{}");
  EXPECT_EQ(told(7), "fraud/score main m@1.0.0 opinion {} 2; ");
}

TEST_F(JudgedBy, LeavesOutWhatACacheGave) {
  routed(1, "main", "1", 0, R"(,"cache":{"hit":true})");
  routed(2, "main", "2", 0, R"(,"cache":{"hit":false})");
  reviewed(7, "{}");
  EXPECT_EQ(told(7), "fraud/score main m@1.0.0 opinion {} 2; ");
}

}  // namespace
}  // namespace switchyard::server
