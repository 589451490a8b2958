#include "../deadline.h"

#include <gtest/gtest.h>

namespace switchyard::gateway {
namespace {

int64_t deadline(std::vector<http::Header> headers) {
  const auto found = deadline_of(http::Request::make(http::Method::kGet, "/", headers).value());
  return found.ok() ? found.value() : -1;
}

TEST(Deadlines, AreReadAsTheirClientsWriteThem) {
  EXPECT_EQ(deadline({}), 0);
  EXPECT_EQ(deadline({{"X-Request-Deadline-Ms", "1500"}}), 1'500'000);
  EXPECT_EQ(deadline({{"X-Request-Deadline-Ms", "0"}}), 1);  // over already
  EXPECT_EQ(deadline({{"grpc-timeout", "100m"}}), 100'000);
  EXPECT_EQ(deadline({{"grpc-timeout", "2S"}}), 2'000'000);
  EXPECT_EQ(deadline({{"grpc-timeout", "1H"}}), 3'600'000'000);
  EXPECT_EQ(deadline({{"X-Stainless-Timeout", "600"}}), 600'000'000);
  EXPECT_EQ(deadline({{"X-Stainless-Read-Timeout", "0.25"}}), 250'000);
  EXPECT_EQ(deadline({{"X-Stainless-Read-Timeout", "NOT_GIVEN"}}), 0);
  EXPECT_EQ(deadline({{"X-Stainless-Timeout", "600"}, {"X-Request-Deadline-Ms", "50"}}), 50'000);
  for (const char* bad : {"", "x", "-1", "1.5", "123456789"})
    EXPECT_EQ(deadline({{"X-Request-Deadline-Ms", bad}}), -1) << bad;
  for (const char* bad : {"", "S", "5", "5x", "-1S", "123456789S"})
    EXPECT_EQ(deadline({{"grpc-timeout", bad}}), -1) << bad;
}

}  // namespace
}  // namespace switchyard::gateway
