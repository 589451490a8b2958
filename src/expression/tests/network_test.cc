// IP addresses and ranges of them, beyond what the conformance data asks.
#include "address.h"
#include "support.h"

namespace switchyard::expression {
namespace {

std::string canonical(std::string_view text) {
  const char* why = nullptr;
  const auto address = parse_address(text, why);
  return address.has_value() ? address->to_string() : "wrong: " + std::string(why);
}

std::string range(std::string_view text) {
  const char* why = nullptr;
  const auto parsed = parse_address_range(text, why);
  return parsed.has_value() ? parsed->to_string() : "wrong";
}

TEST(Address, IsWrittenInItsShortestForm) {
  EXPECT_EQ(canonical("192.168.0.1"), "192.168.0.1");
  EXPECT_EQ(canonical("2001:0DB8:0:0:0:0:0:0068"), "2001:db8::68");
  EXPECT_EQ(canonical("0:0:0:0:0:0:0:0"), "::");
  EXPECT_EQ(canonical("0:0:0:0:0:0:0:1"), "::1");
  EXPECT_EQ(canonical("1:0:0:0:0:0:0:0"), "1::");
  EXPECT_EQ(canonical("1:0:0:2:0:0:0:3"), "1:0:0:2::3");
  EXPECT_EQ(canonical("1:0:0:2:3:0:0:4"), "1::2:3:0:0:4");
  EXPECT_EQ(canonical("1:0:2:3:4:5:6:7"), "1:0:2:3:4:5:6:7");
  EXPECT_EQ(canonical("64:ff9b::192.0.2.33"), "64:ff9b::c000:221");
  EXPECT_EQ(canonical("::ffff:c0a8:1"), "192.168.0.1");
}

TEST(Address, OneFormReadsAsItself) {
  const char* why = nullptr;
  uint64_t state = 7;
  for (int i = 0; i < 20'000; ++i) {
    Address address;
    address.v6 = i % 2 == 0;
    for (uint32_t byte = 0; byte < address.bits() / 8; ++byte) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      // Many zeros, so that runs of them occur.
      address.bytes[byte] = (state >> 61) < 5 ? 0 : static_cast<uint8_t>(state >> 40);
    }
    address.bytes[0] = static_cast<uint8_t>(address.bytes[0] | 1);
    const auto again = parse_address(address.to_string(), why);
    ASSERT_TRUE(again.has_value()) << address.to_string();
    ASSERT_EQ(*again, address) << address.to_string();
  }
}

TEST(Address, RefusesWhatIsNone) {
  for (const auto* wrong : {"",
                            "1",
                            "1.2.3",
                            "1.2.3.4.5",
                            "1.2.3.256",
                            "01.2.3.4",
                            "1.2.3.4 ",
                            "1..2.3",
                            "a.b.c.d",
                            ":",
                            ":::",
                            "1:2:3:4:5:6:7",
                            "1:2:3:4:5:6:7:8:9",
                            "1:2:3:4:5:6:7:8::",
                            "::1::",
                            "12345::",
                            "g::",
                            "1:2:3:4:5:6:7:",
                            ":1:2:3:4:5:6:7",
                            "1.2.3.4::",
                            "::1.2.3",
                            "::1.2.3.4:5",
                            "fe80::1%en0",
                            "::ffff:1.2.3.4",
                            "1:2:3:4:5:6:7:1.2.3.4"})
    EXPECT_EQ(canonical(wrong).substr(0, 5), "wrong") << wrong;
}

TEST(AddressRange, ReadsAPrefixThatFits) {
  EXPECT_EQ(range("10.0.0.0/8"), "10.0.0.0/8");
  EXPECT_EQ(range("10.1.2.3/0"), "10.1.2.3/0");
  EXPECT_EQ(range("2001:DB8::/128"), "2001:db8::/128");
  for (const auto* wrong : {"", "/8", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/+8",
                            "10.0.0.0/-1", "10.0.0.0/8/8", "::/129", "10.0.0.0/8 ", "10.0.0.0/99999999999"})
    EXPECT_EQ(range(wrong), "wrong") << wrong;
}

TEST(AddressRange, ContainsWhatSharesItsPrefix) {
  auto world = testing::payment_world();
  EXPECT_EQ(world.evaluate("cidr('10.128.0.0/9').containsIP('10.127.255.255')"), "false");
  EXPECT_EQ(world.evaluate("cidr('10.128.0.0/9').containsIP('10.255.0.1')"), "true");
  EXPECT_EQ(world.evaluate("cidr('0.0.0.0/0').containsIP('255.255.255.255')"), "true");
  EXPECT_EQ(world.evaluate("cidr('0.0.0.0/0').containsIP('::1')"), "false");
  EXPECT_EQ(world.evaluate("cidr('2001:db8::/33').containsIP('2001:db8:8000::1')"), "false");
  EXPECT_EQ(world.evaluate("string(cidr('10.1.2.3/12').masked())"), R"("10.0.0.0/12")");
}

TEST(NetworkTypes, AreNoStringsToTheChecker) {
  auto world = testing::payment_world();
  EXPECT_EQ(world.evaluate("ip('1.2.3.4') == ip('1.2.3.4') && type(ip('1.2.3.4')) == net.IP"), "true");
  for (const auto* text :
       {"ip('1.2.3.4') == '1.2.3.4'", "ip('1.2.3.4') + 'x'", "ip('1.2.3.4').size() > 0",
        "'1.2.3.4'.isLoopback()", "ip('1.2.3.4') < ip('1.2.3.5')", "isIP(cidr('1.2.3.0/24'))"})
    EXPECT_FALSE(world.compile(text).ok()) << text;
}

TEST(NetworkTypes, LeaveAnExpressionAsText) {
  auto world = testing::payment_world();
  EXPECT_EQ(world.type_of("ip('1.2.3.4')"), "string");
  EXPECT_EQ(world.type_of("[cidr('1.2.3.0/24')]"), "list(string)");
  EXPECT_EQ(world.type_of("{'a': optional.of(ip('1.2.3.4'))}"), "map(string, optional(string))");
  EXPECT_EQ(world.evaluate("ip('2001:DB8::1')"), R"("2001:db8::1")");
}

TEST(NetworkTypes, AWrongTextIsAnErrorThatQuotesIt) {
  auto world = testing::payment_world();
  const auto report = world.evaluate("ip(input.merchant).isLoopback()");
  EXPECT_NE(report.find("expression.conversion"), std::string::npos) << report;
  EXPECT_NE(report.find("m-7"), std::string::npos) << report;
  EXPECT_EQ(world.evaluate("isIP(input.merchant) && ip(input.merchant).isLoopback()"), "false");
}

}  // namespace
}  // namespace switchyard::expression
