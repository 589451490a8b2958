#include "switchyard/review/item.h"

#include <gtest/gtest.h>

namespace switchyard::review {
namespace {

constexpr int64_t kNow = 1'767'225'600'000'000;
constexpr int64_t kMinute = 60'000'000;

template <typename Body>
Event event_of(int64_t at_us, Body body) {
  return Event{RunId::make(1, 2, 3), 4, at_us, std::move(body)};
}

/// An open item, made and changed only by events.
class ItemTest : public ::testing::Test {
 protected:
  void claim(const std::string& who, int64_t at_us, int64_t until_us) {
    apply(item, event_of(at_us, ReviewClaimed{item.id, who, until_us}));
  }
  static Item made() {
    ReviewRequested request;
    request.review = RunId::make(5, 6, 7);
    request.queue = "desk";
    request.title = "Amount 12";
    request.form = "{}";
    request.due_us = kNow + 30 * kMinute;
    request.priority = 80;
    request.pipeline = "shop/pay";
    request.step_name = "opinion";
    return make_item(event_of(kNow, request), request);
  }
  Item item = made();
};

using Claiming = ItemTest;
using Answering = ItemTest;
using Releasing = ItemTest;
using Folding = ItemTest;
using Storing = ItemTest;
using Urgency = ItemTest;

TEST_F(Claiming, AnOpenItemIsAnybodysAndAClaimedOneItsHoldersAlone) {
  EXPECT_TRUE(can_claim(item, "ann", kNow).ok());
  claim("ann", kNow, kNow + kMinute);
  EXPECT_TRUE(can_claim(item, "ann", kNow).ok()) << "one's own claim may be extended";
  const Status other = can_claim(item, "bob", kNow);
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(other.error().code, "review.claimed");
  EXPECT_NE(other.error().message.find("ann"), std::string::npos) << other.error().message;
}

TEST_F(Claiming, AnExpiredClaimIsNoObstacle) {
  claim("ann", kNow, kNow + kMinute);
  EXPECT_FALSE(can_claim(item, "bob", kNow + kMinute - 1).ok());
  EXPECT_TRUE(can_claim(item, "bob", kNow + kMinute).ok());
}

TEST_F(Claiming, AnAssignedItemIsForOnePerson) {
  apply(item, event_of(kNow, ReviewReassigned{item.id, "olaf", "bob"}));
  EXPECT_EQ(can_claim(item, "ann", kNow).error().code, "review.assigned");
  EXPECT_TRUE(can_claim(item, "bob", kNow).ok());
}

TEST_F(Claiming, AnEndedItemSaysHowItEnded) {
  claim("ann", kNow, kNow + kMinute);
  apply(item, event_of(kNow, ReviewAnswered{item.id, "ann", Value::boolean(true), kNow}));
  for (const Status& status : {can_claim(item, "bob", kNow), can_answer(item, "ann", kNow),
                               can_release(item, "ann", true, kNow), can_change(item)}) {
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, "review.ended");
    EXPECT_EQ(status.error().message, "the review is over: answered by ann");
  }
}

TEST_F(Answering, NeedsTheClaimAndAnExpiredOneNobodyTookStillCounts) {
  EXPECT_EQ(can_answer(item, "ann", kNow).error().code, "review.not_claimed");
  claim("ann", kNow, kNow + kMinute);
  EXPECT_TRUE(can_answer(item, "ann", kNow).ok());
  EXPECT_EQ(can_answer(item, "bob", kNow).error().code, "review.claimed");
  EXPECT_TRUE(can_answer(item, "ann", kNow + 2 * kMinute).ok());
  EXPECT_EQ(can_answer(item, "bob", kNow + 2 * kMinute).error().code, "review.not_claimed");
  claim("bob", kNow + 2 * kMinute, kNow + 3 * kMinute);
  EXPECT_EQ(can_answer(item, "ann", kNow + 2 * kMinute).error().code, "review.claimed");
}

TEST_F(Releasing, IsForTheHolderAnOperatorAndAfterTheLeaseForAnybody) {
  EXPECT_EQ(can_release(item, "ann", false, kNow).error().code, "review.not_claimed");
  claim("ann", kNow, kNow + kMinute);
  EXPECT_TRUE(can_release(item, "ann", false, kNow).ok());
  EXPECT_EQ(can_release(item, "bob", false, kNow).error().kind, ErrorKind::kPermissionDenied);
  EXPECT_TRUE(can_release(item, "olaf", true, kNow).ok());
  EXPECT_TRUE(can_release(item, "bob", false, kNow + kMinute).ok());
}

TEST_F(Folding, ExtendingOnesOwnClaimKeepsTheTimeItBegan) {
  claim("ann", kNow, kNow + kMinute);
  claim("ann", kNow + 10, kNow + 2 * kMinute);
  EXPECT_EQ(item.claimed_us, kNow);
  EXPECT_EQ(item.claim_until_us, kNow + 2 * kMinute);
  claim("bob", kNow + 5 * kMinute, kNow + 6 * kMinute);
  EXPECT_EQ(item.claimed_us, kNow + 5 * kMinute);
}

TEST_F(Folding, EscalationFreesTheItemForItsNewQueueWithItsNewDeadline) {
  apply(item, event_of(kNow, ReviewReassigned{item.id, "olaf", "ann"}));
  claim("ann", kNow, kNow + kMinute);
  apply(item, event_of(kNow + 1, ReviewEscalated{item.id, "", "leads", "", 0}));
  EXPECT_EQ(item.status, ItemStatus::kOpen);
  EXPECT_EQ(item.queue, "leads");
  EXPECT_EQ(item.due_us, 0);
  EXPECT_EQ(item.escalations, 1);
  EXPECT_TRUE(item.claimed_by.empty());
  EXPECT_TRUE(can_claim(item, "carla", kNow).ok()) << "the assignment ended with the queue";
}

TEST_F(Folding, AClosedItemSaysWhyAndByNobody) {
  apply(item, event_of(kNow + 3, ReviewClosed{item.id, "the decision was cancelled"}));
  EXPECT_EQ(item.status, ItemStatus::kClosed);
  EXPECT_EQ(item.ended_us, kNow + 3);
  EXPECT_EQ(can_change(item).error().message, "the review is over: the decision was cancelled");
}

TEST_F(Storing, AnItemReadsBackAsItWasWritten) {
  claim("ann", kNow, kNow + kMinute);
  apply(item, event_of(kNow + 1, ReviewCommented{item.id, "bob", "look at the country"}));
  apply(item, event_of(kNow + 2, ReviewAnswered{item.id, "ann", Value::string("yes"), kNow}));
  std::string bytes;
  encode_item(item, bytes);
  const auto read = decode_item(item.id, bytes);
  ASSERT_TRUE(read.ok()) << read.error().to_string();
  EXPECT_EQ(read->status, ItemStatus::kAnswered);
  EXPECT_EQ(read->run, item.run);
  EXPECT_EQ(read->step, item.step);
  EXPECT_EQ(read->title, "Amount 12");
  EXPECT_EQ(read->priority, 80);
  ASSERT_EQ(read->comments.size(), 1u);
  EXPECT_EQ(read->comments[0].text, "look at the country");
  EXPECT_EQ(read->comments[0].at_us, kNow + 1);
  EXPECT_EQ(read->answer.root().as_string(), "yes");
  std::string again;
  encode_item(*read, again);
  EXPECT_EQ(again, bytes);
}

TEST_F(Storing, NoPrefixOfAnItemIsTakenForOne) {
  std::string bytes;
  encode_item(item, bytes);
  for (size_t length = 0; length < bytes.size(); ++length) {
    const auto read = decode_item(item.id, std::string_view(bytes).substr(0, length));
    ASSERT_FALSE(read.ok()) << length << " of " << bytes.size() << " bytes";
    EXPECT_EQ(read.error().code, "review.corrupt_item");
  }
}

TEST_F(Urgency, PriorityComesFirstThenTheDeadlineThenAge) {
  Item later = item, undated = item, younger = item, minor = item;
  later.due_us += 1;
  undated.due_us = 0;
  younger.created_us += 1;
  minor.priority = 79;
  minor.due_us = kNow;
  EXPECT_LT(urgency_key(item), urgency_key(younger));
  EXPECT_LT(urgency_key(younger), urgency_key(later));
  EXPECT_LT(urgency_key(later), urgency_key(undated));
  EXPECT_LT(urgency_key(undated), urgency_key(minor));
}

}  // namespace
}  // namespace switchyard::review
