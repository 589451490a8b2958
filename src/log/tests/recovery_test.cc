// Crashes, torn tails, full disks and failing syncs, by the thousand, each from a seed.

#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>

#include "format.h"
#include "log_test_util.h"
#include "switchyard/log/check.h"

namespace switchyard::log {
namespace {

/// One life of a log under a seed. run() returns what went wrong, if anything.
class RandomLife {
 public:
  explicit RandomLife(uint64_t seed) : world_(seed), random_(seed ^ 0x5DEECE66D) {
    world_.options.segment_bytes = 8192 + 512 * random_.below(40);
    world_.options.first_segment_bytes = 8192 + 512 * random_.below(20);
    world_.options.limits.payload_bytes = 4000;
    world_.options.limits.batch_bytes = 16'000;
    world_.options.limits.group_bytes = 1000 + random_.below(30'000);
    world_.options.limits.queued_bytes = 60'000;
  }

  testing::SimulatedDisk& disk() { return world_.disk; }
  uint64_t acknowledged() const { return acknowledged_total_; }

  std::optional<std::string> run() {
    if (auto wrong = reopen()) return wrong;
    for (int i = 0; i < 60; ++i) {
      if (auto wrong = act()) return wrong;
    }
    if (auto wrong = orderly_end()) return wrong;
    world_.crash();
    return reopen();
  }

 private:
  struct Batch {
    std::vector<Stored> records;
    bool acknowledged = false;
  };

  std::optional<std::string> act() {
    switch (random_.below(20)) {
      case 0: world_.crash(); return reopen();
      case 1:
        world_.disk.kill_process();
        world_.drop();
        return reopen();
      case 2:
        if (random_.one_in(3)) return orderly_end();
        return std::nullopt;
      case 3:
        if (random_.one_in(3)) trim();
        return std::nullopt;
      case 4:
        world_.disk.set_capacity_bytes(random_.one_in(2) ? UINT64_MAX
                                                         : world_.disk.used_bytes() + random_.below(20'000));
        return std::nullopt;
      case 5:
        if (random_.one_in(4)) world_.disk.fail_sync_after(1 + random_.below(4));
        return std::nullopt;
      case 6:
      case 7:
      case 8:
      case 9:
      case 10:
      case 11: append_batch(); return std::nullopt;
      default:
        if (world_.log->step() == StepResult::kFailed) {
          world_.crash();
          return reopen();
        }
        return std::nullopt;
    }
  }

  std::string payload() {
    std::string text(random_.one_in(3) ? random_.below(4000) : random_.below(300), '\0');
    switch (random_.below(4)) {
      case 0: break;  // zeros, which look like what was never written
      case 1:
        // Two bits: a lost sector of which a single bit was set reads like a flipped bit and is reported.
        if (!text.empty()) text[random_.below(text.size())] = 3;
        break;
      default:
        for (auto& c : text) c = static_cast<char>(random_.next_u64());
    }
    return text;
  }

  void append_batch() {
    RecordBatch batch(world_.options.limits);
    auto remembered = std::make_shared<Batch>();
    const LogOffset base = world_.log->next_offset();
    for (uint64_t n = 1 + random_.below(3); n > 0; --n) {
      const RecordHeader header = header_of(random_.next_u64() >> 20);
      const std::string text = payload();
      const uint32_t at = batch.add(header, text).value();
      remembered->records.push_back({record_offset(base, at), world_.log->epoch(), header, text});
    }
    const Status taken =
        world_.log->append(std::move(batch), [this, remembered](const Status& status, LogOffset) {
          if (!status.ok()) return;
          remembered->acknowledged = true;
          ++acknowledged_total_;
        });
    if (taken.ok()) batches_.push_back(std::move(remembered));
  }

  void trim() {
    if (batches_.empty()) return;
    (void)world_.log->trim(batches_[random_.below(batches_.size())]->records[0].offset).ok();
  }

  std::optional<std::string> orderly_end() {
    world_.disk.set_capacity_bytes(UINT64_MAX);
    world_.disk.fail_sync_after(0);
    if (const Status closed = world_.log->close(); !closed.ok())
      return "close: " + closed.error().to_string();
    for (const auto& batch : batches_) {
      if (!batch->acknowledged) return "close() did not acknowledge everything";
    }
    if (random_.one_in(2)) world_.crash();
    return reopen();
  }

  /// Opens, possibly with more crashes in the middle of it, and compares.
  std::optional<std::string> reopen() {
    world_.drop();
    if (random_.one_in(4)) {
      world_.disk.fail_sync_after(1 + random_.below(4));
      (void)world_.open().ok();
      world_.crash();
    }
    world_.disk.fail_sync_after(0);
    if (world_.disk.counters().crashes % 2 == 0) world_.disk.set_capacity_bytes(UINT64_MAX);
    Status opened = world_.open();
    if (!opened.ok() && opened.error().kind == ErrorKind::kNoSpace) {
      world_.disk.set_capacity_bytes(UINT64_MAX);
      opened = world_.open();
    }
    if (!opened.ok()) return "open: " + opened.error().to_string();
    return compare();
  }

  std::optional<std::string> compare() {
    const auto found = read_all(*world_.log, 1 + random_.below(10'000));
    if (!found.ok()) return "read: " + found.error().to_string();
    size_t at = 0;
    const LogOffset first = world_.log->first_offset();
    std::vector<std::shared_ptr<Batch>> kept;
    bool ended = false;
    for (const auto& batch : batches_) {
      if (batch->records[0].offset < first) continue;  // trimmed
      const bool here = at < found->size() && (*found)[at] == batch->records[0];
      if (batch->acknowledged && !here) {
        return "lost the acknowledged record at " + std::to_string(batch->records[0].offset.value);
      }
      if (here && ended) return "kept a batch after a lost one";
      if (!here) {
        ended = true;
        continue;
      }
      for (const auto& record : batch->records) {
        if (at >= found->size() || !((*found)[at] == record)) {
          return "a batch is not whole at " + std::to_string(record.offset.value);
        }
        ++at;
      }
      batch->acknowledged = true;  // it has been read: it must never go away again
      kept.push_back(batch);
    }
    if (at != found->size()) return "invented a record at " + std::to_string((*found)[at].offset.value);
    batches_ = std::move(kept);
    return std::nullopt;
  }

  SimulatedLog world_;
  testing::SeededRandom random_;
  std::vector<std::shared_ptr<Batch>> batches_;  // shared with callbacks; in the order of append
  uint64_t acknowledged_total_ = 0;
};

uint64_t seeds() {
  const char* wanted = std::getenv("SWITCHYARD_LOG_SEEDS");
  return wanted ? std::strtoull(wanted, nullptr, 10) : 2000;
}

TEST(LogRecovery, LosesNothingAcknowledgedAndInventsNothingWhateverTheSeed) {
  uint64_t acknowledged = 0, crashes = 0;
  for (uint64_t seed = 1; seed <= seeds(); ++seed) {
    RandomLife life(seed);
    const auto wrong = life.run();
    ASSERT_FALSE(wrong) << "seed " << seed << ": " << *wrong;
    acknowledged += life.acknowledged();
    crashes += life.disk().counters().crashes;
  }
  EXPECT_GT(acknowledged, seeds() * 5);
  EXPECT_GT(crashes, seeds() * 3);
}

TEST(LogRecovery, IsShownToBreakOnADiskThatLiesAboutSyncs) {
  int noticed = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    RandomLife life(seed);
    life.disk().set_ignore_syncs(true);
    noticed += life.run().has_value();
  }
  EXPECT_GT(noticed, 50);
}

/// The files of a log, to be put on as many disks as there are ways to damage them.
using Image = std::map<std::string, std::string>;

Image image_of(const testing::SimulatedDisk& disk) {
  Image image;
  for (const auto& path : disk.files()) image[path] = disk.content(path);
  return image;
}

struct Verdict {
  bool reported = false;
  std::string message;
  std::vector<Stored> records;
};

/// Opens and reads the image. Anything but success or a corruption error fails the test.
Verdict open_image(const Image& image) {
  SimulatedLog world(99);
  world.options.manual = true;
  for (const auto& [path, content] : image) world.disk.put(path, content);
  Status opened = world.open();
  Verdict verdict;
  if (opened.ok()) {
    auto records = read_all(*world.log);
    if (records.ok()) {
      verdict.records = std::move(records).value();
      return verdict;
    }
    opened = Status(std::move(records).error());
  }
  verdict.reported = opened.error().kind == ErrorKind::kCorruption;
  verdict.message = opened.error().message;
  EXPECT_TRUE(verdict.reported) << opened.error().to_string();
  return verdict;
}

bool is_healthy(const Image& image) {
  testing::SimulatedDisk disk(1);
  for (const auto& [path, content] : image) disk.put(path, content);
  return check(disk, kLogPath).value().healthy();
}

enum class Ending { kCrash, kClose };

class BitFlips : public ::testing::TestWithParam<Ending> {};

TEST_P(BitFlips, AreReportedOrHarmlessButNeverDropARecord) {
  uint64_t reported = 0, harmless = 0;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SimulatedLog world(seed);
    world.options.segment_bytes = world.options.first_segment_bytes = 8192;
    world.open().value();
    for (int i = 0; i < 12; ++i) {
      std::string text(world.random.below(1500), '\0');
      if (i % 3 == 1 && !text.empty()) text[world.random.below(text.size())] = 4;
      if (i % 3 == 2)
        for (auto& c : text) c = static_cast<char>(world.random.next_u64());
      append(*world.log, {text, "next"});
      if (world.random.one_in(3)) world.settle();
    }
    world.settle();
    const auto expected = read_all(*world.log).value();
    ASSERT_EQ(expected.size(), 24u);
    if (GetParam() == Ending::kClose) world.log->close().value();
    const Image image = image_of(world.disk);
    for (const auto& [path, content] : image) {
      const size_t used = content.find_last_not_of('\0') + 1;
      if (used == 0) continue;  // a prepared segment
      for (int n = 0; n < 150; ++n) {
        Image damaged = image;
        const uint64_t bit = world.random.below(used * 8);
        damaged[path][bit / 8] = static_cast<char>(damaged[path][bit / 8] ^ (1 << bit % 8));
        const Verdict verdict = open_image(damaged);
        ++(verdict.reported ? reported : harmless);
        if (verdict.reported) {
          EXPECT_NE(verdict.message.find(path), std::string::npos) << verdict.message;
          EXPECT_NE(verdict.message.find("offset "), std::string::npos) << verdict.message;
          EXPECT_NE(verdict.message.find("switchyard log check"), std::string::npos) << verdict.message;
        } else {
          ASSERT_EQ(verdict.records, expected) << "seed " << seed << " " << path << " bit " << bit;
        }
        // Only the unused rest of a file's header block means nothing.
        const bool unused = bit / 8 >= 56 && bit / 8 < 4096;
        ASSERT_EQ(is_healthy(damaged), unused) << "seed " << seed << " " << path << " bit " << bit;
      }
    }
  }
  EXPECT_GT(reported, 500u);
  EXPECT_GT(harmless, 10u);
}

INSTANTIATE_TEST_SUITE_P(After, BitFlips, ::testing::Values(Ending::kCrash, Ending::kClose),
                         [](const auto& ending) {
                           return ending.param == Ending::kCrash ? "ACrash" : "AnOrderlyEnd";
                         });

TEST(LogRecovery, TellsALostBitFromASectorThatWasNeverWritten) {
  SimulatedLog world(5);
  world.open().value();
  std::string text(3000, '\0');
  text[1500] = 16;
  append(*world.log, {text});
  world.settle();
  Image image = image_of(world.disk);
  const std::string path = image.begin()->first.find(".log") != std::string::npos ? image.begin()->first : "";
  ASSERT_FALSE(path.empty());
  const size_t at = image[path].find('\x10', 4096 + 128 + 64 + 48);
  image[path][at] = 0;
  const Verdict verdict = open_image(image);
  EXPECT_TRUE(verdict.reported);
  EXPECT_NE(verdict.message.find("checksum"), std::string::npos) << verdict.message;
}

TEST(LogRecovery, TruncatesABatchOfWhichASectorIsMissing) {
  SimulatedLog world(5);
  world.open().value();
  const auto kept = append(*world.log, {"kept"});
  world.settle();
  append(*world.log, {std::string(3000, 'x')});
  world.log->step();  // written, not synced
  Image image = image_of(world.disk);
  const std::string path = image.begin()->first;
  for (const size_t sector : {5120u, 5632u, 6144u}) {
    Image torn = image;
    torn[path].replace(sector, 512, std::string(512, '\0'));
    const Verdict verdict = open_image(torn);
    EXPECT_FALSE(verdict.reported) << verdict.message;
    EXPECT_EQ(verdict.records, kept);
  }
}

TEST(LogRecovery, RefusesAHoleBelowWhatWasDurable) {
  SimulatedLog world(5);
  world.open().value();
  for (int i = 0; i < 5; ++i) {
    append(*world.log, {std::string(1000, 'x')});
    world.settle();
  }
  Image image = image_of(world.disk);
  const std::string path = image.begin()->first;
  image[path].replace(6144, 512, std::string(512, '\0'));
  const Verdict verdict = open_image(image);
  EXPECT_TRUE(verdict.reported);
  EXPECT_NE(verdict.message.find("was durable"), std::string::npos) << verdict.message;
  EXPECT_NE(verdict.message.find(path), std::string::npos);
}

TEST(LogRecovery, NamesASegmentThatIsMissing) {
  SimulatedLog world(5);
  world.options.segment_bytes = world.options.first_segment_bytes = 8192;
  world.open().value();
  for (int i = 0; i < 40; ++i) append(*world.log, {std::string(1000, 'x')});
  world.settle();
  Image image = image_of(world.disk);
  ASSERT_GE(image.size(), 4u);
  image.erase(std::next(image.begin()));
  const Verdict verdict = open_image(image);
  EXPECT_TRUE(verdict.reported);
  EXPECT_NE(verdict.message.find("a segment is missing before"), std::string::npos) << verdict.message;
}

TEST(LogRecovery, TruncatesAWriteThatWasCutShortAnywhere) {
  SimulatedLog world(5);
  world.open().value();
  const auto kept = append(*world.log, {"kept"});
  world.settle();
  const uint64_t from = kSegmentHeaderBytes + world.log->durable_end().value;
  append(*world.log, {std::string(600, 'x'), std::string(500, '\0')});
  world.log->step();  // written, not synced
  const Image image = image_of(world.disk);
  const std::string path = image.begin()->first;
  const uint64_t to = kSegmentHeaderBytes + world.log->next_offset().value;
  for (uint64_t end = from; end < to; ++end) {
    Image torn = image;
    torn[path].replace(end, to - end, std::string(to - end, '\0'));
    const Verdict verdict = open_image(torn);
    ASSERT_FALSE(verdict.reported) << end - from << ": " << verdict.message;
    ASSERT_EQ(verdict.records, kept);
  }
}

// The local log never lets it happen; every ordered log obeys the same rule, so the readers do.
TEST(LogRecovery, IgnoresWhatAFencedOwnerWroteAfterItsSuccessorBegan) {
  SimulatedLog world(5);
  world.open().value();
  const auto first = append(*world.log, {"first"});
  world.settle();
  world.open().value();  // epoch 2
  const LogOffset base = world.log->durable_end();
  Image image = image_of(world.disk);
  std::string& file = image.begin()->second;
  SegmentHeader segment;
  ASSERT_TRUE(decode_segment_header(file, segment));
  LogOffset at = base;
  for (const auto& [epoch, text] : {std::pair(1u, "late"), std::pair(2u, "rightful")}) {
    RecordBatch batch;
    batch.add(header_of(epoch), text).value();
    BatchAccess::close(batch);
    std::string& frame = BatchAccess::buffer(batch);
    const uint64_t position = kSegmentHeaderBytes + at.value;
    seal_frame(frame, FrameKind::kBatch, 1, {at, position, Epoch{epoch}, base, segment.log_id});
    file.replace(position, frame.size(), frame);
    at = LogOffset{at.value + frame.size()};
  }
  const Verdict verdict = open_image(image);
  ASSERT_EQ(verdict.records.size(), 2u) << verdict.message;
  EXPECT_EQ(verdict.records[0], first[0]);
  EXPECT_EQ(verdict.records[1].payload, "rightful");
}

// Found by the simulator: a process that died between naming a segment and syncing its folder left names that
// the next one trusted, and a loss of power took the segment with all that it had acknowledged.
TEST(LogRecovery, WhatIsAcknowledgedAfterADeathWhileOpeningSurvivesALossOfPower) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    for (uint64_t death = 1; death <= 12; ++death) {
      SimulatedLog world(seed);
      world.disk.die_after(death);
      (void)world.open();
      world.drop();
      world.disk.kill_process();
      world.open().value();
      const auto stored = append(*world.log, {"acknowledged"});
      world.settle();
      world.crash();
      world.open().value();
      const auto found = read_all(*world.log).value();
      ASSERT_EQ(found.size(), 1u) << "seed " << seed << ", death at change " << death;
      EXPECT_EQ(found[0], stored[0]);
    }
  }
}

}  // namespace
}  // namespace switchyard::log
