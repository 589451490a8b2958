#include "format.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iomanip>
#include <sstream>

#include "log_test_util.h"
#include "switchyard/base/hash.h"

namespace switchyard::log {
namespace {

// The example of docs/formats/log.md: the bytes in the document are the bytes that are written.
TEST(LogFormat, WritesTheWorkedExampleOfItsDocument) {
  RecordBatch batch;
  RecordHeader header;
  header.version = 1;
  header.type = 7;
  header.step = 2;
  header.run = RunId::parse("01912d68-783e-7a3b-8f1e-0123456789ab").value();
  header.time_us = 1'767'225'600'000'000;
  EXPECT_EQ(batch.add(header, "hello").value(), 64u);
  BatchAccess::close(batch);
  std::string& frame = BatchAccess::buffer(batch);
  seal_frame(frame, FrameKind::kBatch, 1,
             {LogOffset{128}, kSegmentHeaderBytes + 128, Epoch{1}, LogOffset{128}, 0x1122334455667788});

  std::ifstream in(SWITCHYARD_SOURCE_DIR "/docs/formats/log.md");
  ASSERT_TRUE(in.good());
  std::string line, documented;
  bool inside = false;
  while (std::getline(in, line)) {
    if (line == "```hex")
      inside = true;
    else if (line == "```")
      inside = false;
    else if (inside) {
      const std::string bytes = line.substr(6, line.find("  |") - 6);
      for (const char c : bytes) {
        if (c != ' ') documented.push_back(c);
      }
    }
  }
  const std::string written = to_hex(std::span(reinterpret_cast<const uint8_t*>(frame.data()), frame.size()));
  std::ostringstream dump;
  for (size_t at = 0; at < written.size(); at += 32) {
    dump << std::setw(4) << std::setfill('0') << std::hex << at / 2 << "  ";
    for (size_t i = at; i < at + 32; i += 8) dump << written.substr(i, 8) << ' ';
    dump << '\n';
  }
  EXPECT_EQ(documented, written) << dump.str();
}

TEST(RecordBatch, GivesEachRecordItsPlaceBeforeItIsWritten) {
  RecordBatch batch;
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(batch.begin(header_of(1)), 64u);
  batch.payload() += "abc";
  EXPECT_EQ(batch.open_payload_bytes(), 3u);
  batch.end().value();
  EXPECT_EQ(batch.add(header_of(2), "").value(), 64u + 56);
  EXPECT_EQ(batch.begin(header_of(3)), 64u + 56 + 48);
  batch.abandon();
  EXPECT_EQ(batch.add(header_of(3), "12345678").value(), 64u + 56 + 48);
  EXPECT_EQ(batch.record_count(), 3u);
  EXPECT_EQ(batch.log_bytes(), 256u);
  batch.clear();
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(batch.add(header_of(1), "x").value(), 64u);
}

TEST(RecordBatch, RefusesARecordOverTheLimitAndStaysAsItWas) {
  Limits limits;
  limits.payload_bytes = 100;
  limits.batch_bytes = 512;
  RecordBatch batch(limits);
  batch.add(header_of(1), std::string(100, 'x')).value();
  const auto large = batch.add(header_of(2), std::string(101, 'x'));
  ASSERT_FALSE(large.ok());
  EXPECT_EQ(large.error().kind, ErrorKind::kTooLarge);
  EXPECT_EQ(large.error().code, "log.payload_too_large");
  EXPECT_NE(large.error().message.find("log.payload_bytes of 100"), std::string::npos);
  EXPECT_TRUE(batch.add(header_of(2), std::string(100, 'x')).ok());
  const auto full = batch.add(header_of(3), std::string(100, 'x'));
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().code, "log.batch_too_large");
  EXPECT_EQ(batch.record_count(), 2u);
  EXPECT_LE(batch.log_bytes(), 512u);
}

TEST(LogFormat, TellsEveryFlippedBitOfAFrameHeader) {
  std::string frame =
      control_frame(FrameKind::kEpoch, {LogOffset{640}, 4096 + 640, Epoch{9}, LogOffset{640}, 42});
  FrameHeader header;
  ASSERT_EQ(decode_frame_header(frame.data(), header), HeaderState::kGood);
  EXPECT_EQ(header.offset, LogOffset{640});
  EXPECT_EQ(header.epoch, Epoch{9});
  EXPECT_EQ(header.log_id, 42u);
  for (size_t bit = 0; bit < kFrameHeaderBytes * 8; ++bit) {
    frame[bit / 8] = static_cast<char>(frame[bit / 8] ^ (1 << bit % 8));
    EXPECT_EQ(decode_frame_header(frame.data(), header), HeaderState::kBad) << bit;
    frame[bit / 8] = static_cast<char>(frame[bit / 8] ^ (1 << bit % 8));
  }
}

TEST(LogFormat, TellsAShortHeaderFromADamagedOne) {
  const std::string frame =
      control_frame(FrameKind::kEpoch, {LogOffset{0}, 4096, Epoch{1}, LogOffset{0}, 42});
  FrameHeader header;
  for (size_t written = 0; written < kFrameHeaderBytes; ++written) {
    std::string torn = frame.substr(0, written);
    torn.resize(kFrameHeaderBytes, '\0');
    EXPECT_EQ(decode_frame_header(torn.data(), header),
              written == 0 ? HeaderState::kUnwritten : HeaderState::kTorn);
  }
}

TEST(LogFormat, CountsOnlyWholeZeroSectors) {
  std::string frame(4096, '\0');
  EXPECT_EQ(count_zero_sectors(frame, 0), 8u);
  EXPECT_EQ(count_zero_sectors(frame, 64), 7u);
  frame[1000] = 1;
  EXPECT_EQ(count_zero_sectors(frame, 0), 7u);
  EXPECT_EQ(count_zero_sectors(frame.substr(0, 448), 64), 0u);
}

TEST(LogFormat, KeepsSegmentHeadersAndNames) {
  const SegmentHeader header{PartitionId{5}, 77, LogOffset{1 << 20}, Epoch{4}, 123};
  std::string bytes = header.encode();
  SegmentHeader back;
  ASSERT_TRUE(decode_segment_header(bytes, back));
  EXPECT_EQ(back.partition, header.partition);
  EXPECT_EQ(back.log_id, header.log_id);
  EXPECT_EQ(back.base, header.base);
  EXPECT_EQ(back.epoch, header.epoch);
  EXPECT_EQ(back.created_us, header.created_us);
  for (size_t bit = 0; bit < 56 * 8; ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(decode_segment_header(bytes, back)) << bit;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
  }
}

}  // namespace
}  // namespace switchyard::log
