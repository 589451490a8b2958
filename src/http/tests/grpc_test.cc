#include "switchyard/http/grpc.h"

#include <gtest/gtest.h>

namespace switchyard::http::grpc {
namespace {

TEST(Grpc, AMessageComesOutOfItsFrame) {
  const std::string message(1000, 'x');
  std::string unpacked;
  EXPECT_EQ(frame("ab", false), std::string("\0\0\0\0\2ab", 7));
  EXPECT_EQ(unframe(frame(message, false), "identity", 1000, unpacked).value(), message);
  const std::string packed = frame(message, true);
  EXPECT_LT(packed.size(), 100u);
  EXPECT_EQ(unframe(packed, "gzip", 1000, unpacked).value(), message);
  EXPECT_EQ(unframe(frame("ab", true), "gzip", 1000, unpacked).value(), "ab");  // not worth it
  EXPECT_EQ(unframe(frame("", false), "", 1000, unpacked).value(), "");
}

TEST(Grpc, WhatIsNotOneMessageIsRefused) {
  std::string unpacked;
  const std::string packed = frame(std::string(1000, 'x'), true);
  EXPECT_EQ(unframe(packed, "gzip", 999, unpacked).error().code, "http.body_unpacks_too_large");
  EXPECT_EQ(unframe(packed, "deflate", 1000, unpacked).error().code, "grpc.compressed");
  EXPECT_EQ(unframe(packed, "", 1000, unpacked).error().code, "grpc.compressed");
  EXPECT_EQ(unframe(frame("ab", false) + frame("c", false), "", 1000, unpacked).error().code,
            "grpc.bad_request");
  EXPECT_EQ(unframe("\0\0", "", 1000, unpacked).error().code, "grpc.bad_request");
}

TEST(Grpc, TextsSurviveTheirWay) {
  EXPECT_EQ(encode_text("50 % ü\n"), "50 %25 %C3%BC%0A");
  EXPECT_EQ(decode_text(encode_text("50 % ü\n")), "50 % ü\n");
  EXPECT_EQ(decode_text("50 % off"), "50 % off");
}

}  // namespace
}  // namespace switchyard::http::grpc
