// A run of many events: its record stays small, and every event is still found.
#include <gtest/gtest.h>

#include "switchyard/store/keys.h"
#include "tests/rig.h"

namespace switchyard::partition {
namespace {

using testing::Pipelines;
using testing::Rig;
using testing::start_of;

class LongRun : public ::testing::Test {
 protected:
  LongRun() {
    catalog->add("asks",
                 "steps:\n  a: { review: { queue: desk, form: { type: object, properties: { ok: { type: "
                 "boolean } }, required: [ok] }, show: { n: input.n } } }\noutput: { ok: a.ok }\n");
    id = rig->start_run(start_of(*catalog, "asks", 1, "card"), now)->id;
    review = rig->reviews({}, now)->at(0).id;
  }
  /// Each pair is two events, and wakes and parks the run twice.
  void claim_and_release(int times) {
    for (int i = 0; i < times; ++i) {
      ASSERT_TRUE(rig->claim({review, "ann", 60'000'000}, ++now).ok());
      ASSERT_TRUE(rig->release({review, "ann", false}, ++now).ok());
    }
  }
  size_t record_bytes() {
    std::string key, bytes;
    store::KeyWriter(key).tag('R').id(id);
    EXPECT_TRUE(*rig.store->get(key, bytes));
    return bytes.size();
  }
  std::vector<uint64_t> offsets() {
    std::vector<uint64_t> all;
    while (true) {
      const auto part = rig->offsets(id, all.size());
      EXPECT_TRUE(part.ok());
      if (!part.ok() || part->empty()) return all;
      all.insert(all.end(), part->begin(), part->end());
    }
  }
  /// The rig numbers events one after another, and there are no others.
  void expect_every_event(size_t events) {
    const auto all = offsets();
    ASSERT_EQ(all.size(), events);
    for (size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], i);
  }

  std::shared_ptr<Pipelines> catalog = std::make_shared<Pipelines>();
  Rig rig{catalog};
  int64_t now = rig.now_us;
  RunId id, review;
};

TEST_F(LongRun, HasARecordThatDoesNotGrowWithIt) {
  claim_and_release(1000);
  const size_t early = record_bytes();
  claim_and_release(4000);
  EXPECT_EQ(rig->run(id)->summary.events(), 10'002u);
  EXPECT_LE(record_bytes(), early + 4 * kOffsetsPerChunk);
  EXPECT_LE(rig->run(id)->summary.offsets.size(), kOffsetsPerChunk);
}

TEST_F(LongRun, FindsEveryEventAlsoAfterARestart) {
  claim_and_release(2500);
  expect_every_event(5002);
  EXPECT_EQ(*rig->digest(), rig.folded_digest());
  rig.restart(now);
  expect_every_event(5002);
  claim_and_release(300);
  expect_every_event(5602);
  EXPECT_EQ(rig->offsets(id, 4000)->front(), 4000u);
  EXPECT_TRUE(rig->offsets(id, 5602)->empty());
  EXPECT_TRUE(rig->offsets(id, UINT64_MAX)->empty());
}

TEST_F(LongRun, LeavesNothingWhenItIsDeleted) {
  claim_and_release(2000);
  ASSERT_TRUE(rig->cancel_run(id, "ops", "enough", now).ok());
  EXPECT_EQ(*rig->delete_runs({"house@1.0.0", "all", "ops", {{id, "", {review}}}}, now), 1u);
  size_t left = 0;
  ASSERT_TRUE(rig.store
                  ->scan(store::Range::prefix("O"),
                         [&](std::string_view, std::string_view) {
                           ++left;
                           return true;
                         })
                  .ok());
  EXPECT_EQ(left, 0u);
  EXPECT_EQ(*rig->digest(), rig.folded_digest());
}

}  // namespace
}  // namespace switchyard::partition
