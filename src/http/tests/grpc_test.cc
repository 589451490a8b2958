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

TEST(Grpc, ABodyInPiecesIsCutIntoItsMessages) {
  const std::vector<std::string> messages = {"a", "", std::string(300, 'x'), "bc", std::string(1000, 'y')};
  std::string body;
  for (const std::string& message : messages) body += frame(message, false);
  for (const size_t piece : {size_t{1}, size_t{3}, size_t{306}, body.size()}) {
    MessageReader reader(1000);
    std::vector<std::string> read;
    for (size_t at = 0; at < body.size(); at += piece) {
      reader.append(std::string_view(body).substr(at, piece));
      for (auto message = reader.next().value(); message; message = reader.next().value())
        read.push_back(message->substr(kPrefixBytes));
    }
    EXPECT_EQ(read, messages) << piece;
    EXPECT_TRUE(reader.is_empty());
  }
}

TEST(Grpc, ALargerMessageIsRefusedBeforeItHasCome) {
  MessageReader reader(1000);
  reader.append(frame("fine", false) + frame(std::string(1001, 'x'), false).substr(0, kPrefixBytes));
  EXPECT_EQ(reader.next().value()->substr(kPrefixBytes), "fine");
  EXPECT_EQ(reader.next().error().kind, ErrorKind::kTooLarge);
  EXPECT_EQ(reader.next().error().code, "grpc.message_too_large");
  EXPECT_FALSE(reader.is_empty());
}

TEST(Grpc, TextsSurviveTheirWay) {
  EXPECT_EQ(encode_text("50 % ü\n"), "50 %25 %C3%BC%0A");
  EXPECT_EQ(decode_text(encode_text("50 % ü\n")), "50 % ü\n");
  EXPECT_EQ(decode_text("50 % off"), "50 % off");
}

}  // namespace
}  // namespace switchyard::http::grpc
