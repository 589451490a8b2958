#pragma once

#include <string>

namespace switchyard::http::testing {

/// A certificate authority made for one test, and a server certificate it signed for "localhost" and
/// 127.0.0.1. The files are in a folder that is removed at the end.
class TestAuthority {
 public:
  TestAuthority();
  ~TestAuthority();
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  std::string ca_file() const { return folder_ + "/ca.pem"; }
  std::string certificate_file() const { return folder_ + "/server.pem"; }
  std::string key_file() const { return folder_ + "/server.key"; }

 private:
  std::string folder_;
};

}  // namespace switchyard::http::testing
