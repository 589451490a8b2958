#include "egress.h"

#include <gtest/gtest.h>

namespace switchyard::server {
namespace {

Status check(const Egress& egress, const std::string& url) {
  return egress.check(http::parse_url(url).value());
}

TEST(Egress, AllowsAllHostsUntilSomeAreNamed) {
  EXPECT_TRUE(check(Egress(), "https://anything.example.org/x").ok());
  EXPECT_TRUE(check(Egress::only({}).value(), "http://10.0.0.1:8080/").ok());
}

TEST(Egress, AllowsOnlyTheHostsNamedAndNamesTheOption) {
  const Egress egress = Egress::only({"api.example.org", "10.0.0.1"}).value();
  EXPECT_TRUE(check(egress, "https://api.example.org/x?y=1").ok());
  EXPECT_TRUE(check(egress, "http://API.example.org:8443/").ok()) << "any port, in any case";
  EXPECT_TRUE(check(egress, "http://10.0.0.1/").ok());
  const Status refused = check(egress, "https://example.org:444/");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kPermissionDenied);
  EXPECT_EQ(refused.error().code, "http.host_refused");
  EXPECT_NE(refused.error().message.find("example.org:444"), std::string::npos);
  EXPECT_NE(refused.error().message.find("--http-allow"), std::string::npos);
}

TEST(Egress, APortAndTheHostsBelowADomainCanBeMeant) {
  const Egress egress = Egress::only({"api.example.org:8443", "*.b.example.com", "[::1]:80"}).value();
  EXPECT_TRUE(check(egress, "https://api.example.org:8443/").ok());
  EXPECT_FALSE(check(egress, "https://api.example.org/").ok());
  EXPECT_TRUE(check(egress, "https://a.b.example.com/").ok());
  EXPECT_FALSE(check(egress, "https://b.example.com/").ok());
  EXPECT_FALSE(check(egress, "https://ab.example.com/").ok());
  EXPECT_TRUE(check(egress, "http://[::1]/").ok());
  EXPECT_FALSE(check(egress, "http://[::1]:81/").ok());
}

TEST(Egress, OnlyAHostNamedItselfMayHaveALinkLocalAddress) {
  const Egress egress = Egress::only({"169.254.169.254", "*.internal"}).value();
  EXPECT_TRUE(egress.names("169.254.169.254"));
  EXPECT_FALSE(egress.names("metadata.internal"));
  EXPECT_FALSE(Egress().names("169.254.169.254"));
}

TEST(Egress, AnEntryThatIsNoHostIsRefusedAndNamed) {
  for (const char* entry :
       {"", "https://example.org", "example.org/path", "*", "a*.example.org", "host:99999", "u@h"}) {
    const auto egress = Egress::only({entry});
    ASSERT_FALSE(egress.ok()) << entry;
    EXPECT_EQ(egress.error().code, "server.bad_http_allow");
    EXPECT_NE(egress.error().message.find("'" + std::string(entry) + "'"), std::string::npos);
  }
}

}  // namespace
}  // namespace switchyard::server
