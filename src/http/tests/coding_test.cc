#include "switchyard/http/coding.h"

#include <gtest/gtest.h>

namespace switchyard::http {
namespace {

std::string varied(size_t bytes) {
  std::string text;
  for (uint32_t i = 0; text.size() < bytes; ++i)
    text += "{\"number\":" + std::to_string(i * 2654435761u) + "},";
  return text;
}

TEST(Gzip, BringsBackWhatWasPacked) {
  for (const size_t bytes : {100, 5'000, 400'000}) {
    const std::string text = varied(bytes);
    const auto packed = gzip(text);
    ASSERT_TRUE(packed) << bytes;
    EXPECT_LT(packed->size(), text.size());
    EXPECT_EQ(gunzip(*packed, text.size()).value(), text);
    EXPECT_EQ(gunzip(*packed + *packed, 2 * text.size()).value(), text + text);  // two members
  }
}

TEST(Gzip, StopsAtTheBoundHoweverSmallTheBombIs) {
  const std::string zeros(50u << 20, '\0');
  const auto bomb = gzip(zeros);
  ASSERT_TRUE(bomb);
  EXPECT_LT(bomb->size(), 1u << 20);
  const auto unpacked = gunzip(*bomb, 1u << 20);
  ASSERT_FALSE(unpacked.ok());
  EXPECT_EQ(unpacked.error().code, "http.body_unpacks_too_large");
  EXPECT_EQ(unpacked.error().kind, ErrorKind::kTooLarge);
}

TEST(Gzip, RefusesWhatIsDamagedOrCutOff) {
  const std::string packed = *gzip(varied(5'000));
  for (size_t keep = 0; keep < packed.size(); keep += 97)
    EXPECT_FALSE(gunzip(packed.substr(0, keep), 1u << 20).ok()) << keep;
  std::string flipped = packed;
  flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 0x55);
  EXPECT_FALSE(gunzip(flipped, 1u << 20).ok());
  std::string wrong_sum = packed;
  wrong_sum[wrong_sum.size() - 6] = static_cast<char>(wrong_sum[wrong_sum.size() - 6] ^ 1);
  EXPECT_FALSE(gunzip(wrong_sum, 1u << 20).ok());
  EXPECT_FALSE(gunzip("{\"not\": \"gzip\"}", 1u << 20).ok());
}

TEST(Gzip, LeavesAloneWhatWouldNotGetSmaller) {
  EXPECT_FALSE(gzip("short"));
  std::string noise;
  uint64_t state = 1;
  for (int i = 0; i < 2000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    noise.push_back(static_cast<char>(state >> 56));
  }
  EXPECT_FALSE(gzip(noise));
}

TEST(AcceptEncoding, IsReadWithItsWeights) {
  for (const char* yes : {"gzip", "deflate, gzip;q=0.5", "br, *", "GZIP", "x-gzip", "identity;q=0, gzip"})
    EXPECT_TRUE(accepts_gzip(yes)) << yes;
  for (const char* no : {"", "br", "gzip;q=0", "gzip;q=0.0, *", "identity", "*;q=0"})
    EXPECT_FALSE(accepts_gzip(no)) << no;
}

TEST(Compressible, IsTextButNoStreamOfEvents) {
  for (const char* yes : {"application/json", "application/problem+json", "text/plain; charset=utf-8"})
    EXPECT_TRUE(is_compressible(yes)) << yes;
  for (const char* no : {"text/event-stream", "application/octet-stream", "image/png", ""})
    EXPECT_FALSE(is_compressible(no)) << no;
}

}  // namespace
}  // namespace switchyard::http
