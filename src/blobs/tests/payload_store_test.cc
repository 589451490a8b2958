#include "switchyard/blobs/payload_store.h"

#include <gtest/gtest.h>

#include "switchyard/testing/simulated_disk.h"
#include "switchyard/types/value_codec.h"

namespace switchyard::blobs {
namespace {

class Payloads : public ::testing::Test {
 protected:
  void reopen() { store = *PayloadStore::open(disk, "/payloads"); }
  void SetUp() override { reopen(); }

  testing::SimulatedDisk disk{1};
  std::unique_ptr<PayloadStore> store;
};

TEST_F(Payloads, AreDurableAfterSyncAndReadableBefore) {
  const std::string content(300'000, 'x');
  const Sha256 name = store->stage(content);
  EXPECT_EQ(*store->load(name, content.size()), content);
  ASSERT_TRUE(store->sync().ok());
  EXPECT_FALSE(store->has_staged());
  disk.crash();
  reopen();
  EXPECT_EQ(*store->load(name, content.size()), content);
}

TEST_F(Payloads, ShareOneFile) {
  store->stage("same");
  ASSERT_TRUE(store->sync().ok());
  store->stage("same");
  ASSERT_TRUE(store->sync().ok());
  EXPECT_EQ(store->stats().written, 1u);
  EXPECT_EQ(store->stats().shared, 1u);
}

TEST_F(Payloads, StayStagedWhileTheDiskIsFull) {
  disk.set_capacity_bytes(disk.used_bytes());
  const Sha256 name = store->stage("content");
  EXPECT_EQ(store->sync().error().kind, ErrorKind::kNoSpace);
  EXPECT_TRUE(store->has_staged());
  disk.set_capacity_bytes(1 << 20);
  ASSERT_TRUE(store->sync().ok());
  reopen();
  EXPECT_EQ(*store->load(name, 7), "content");
}

TEST_F(Payloads, SayWhichFileIsMissingOrDamaged) {
  const Sha256 name = store->stage("content");
  ASSERT_TRUE(store->sync().ok());
  disk.flip_bit(store->path_of(name), 3, 0);
  auto damaged = store->load(name, 7);
  ASSERT_FALSE(damaged.ok());
  EXPECT_EQ(damaged.error().code, "blobs.damaged");
  EXPECT_NE(damaged.error().message.find(to_hex(name)), std::string::npos);
  ASSERT_TRUE(disk.remove(store->path_of(name)).ok());
  EXPECT_EQ(store->load(name, 7).error().code, "blobs.missing");
}

TEST_F(Payloads, SweepsOnlyWhatNobodyNeeds) {
  const Sha256 needed = store->stage("needed"), old = store->stage("old"), again = store->stage("again");
  ASSERT_TRUE(store->sync().ok());
  store->begin_mark();
  store->stage("again");
  const Sha256 waiting = store->stage("waiting");
  EXPECT_EQ(*store->sweep({needed}), 1u);
  ASSERT_TRUE(store->sync().ok());
  EXPECT_FALSE(store->load(old, 3).ok());
  EXPECT_TRUE(store->load(needed, 6).ok());
  EXPECT_TRUE(store->load(again, 5).ok());
  EXPECT_TRUE(store->load(waiting, 7).ok());
}

TEST_F(Payloads, StandInForLargeValuesOfEventsOnly) {
  Arena arena;
  LargeValues large(*store, 1000);
  Event event;
  event.run = RunId::make(1, 2, 3);
  RunStarted body;
  body.pipeline = "a/b";
  body.input = Value::string(arena.copy(std::string(5000, 'y')));
  MapBuilder search(arena);
  search.add("n", Value::integer(1));
  body.search = search.build();
  event.body = body;
  std::string text;
  encode_event_body(event, text, &large);
  EXPECT_LT(text.size(), 300u);
  auto whole = decode_event(EventType::kRunStarted, 1, event.run, kNoStep, 0, text, arena, store.get());
  ASSERT_TRUE(whole.ok());
  EXPECT_EQ(std::get<RunStarted>(whole->body).input.as_string(), std::string(5000, 'y'));
  EXPECT_EQ(std::get<RunStarted>(whole->body).search.find("n")->as_integer(), 1);
  auto without = decode_event(EventType::kRunStarted, 1, event.run, kNoStep, 0, text, arena);
  EXPECT_EQ(without.error().code, "types.no_payloads");
  auto references = payload_references(EventType::kRunStarted, 1, text);
  ASSERT_TRUE(references.ok());
  EXPECT_EQ(references->size(), 1u);
}

}  // namespace
}  // namespace switchyard::blobs
