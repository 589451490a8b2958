#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/http/url.h"

namespace switchyard::server {

/// Which hosts `http` steps may call: --http-allow. Immutable, so any thread may ask.
class Egress {
 public:
  /// All hosts, except those whose address is link-local: there a cloud keeps the machine's own secrets.
  Egress() = default;
  /// Only these: "host", "host:port" or "*.domain" (any host below it); empty: as above. kInvalidArgument
  /// "server.bad_http_allow" names the entry that is none of these.
  static Result<Egress> only(const std::vector<std::string>& entries);

  /// kPermissionDenied "http.host_refused" for a host that is not on the list; the message names the option.
  Status check(const http::Url& url) const;
  /// Whether the operator has named exactly this host, so that its address may also be link-local.
  bool names(std::string_view host) const;

 private:
  struct Entry {
    std::string host;
    uint16_t port = 0;   ///< 0: any
    bool below = false;  ///< hosts below `host`, not itself
  };
  std::vector<Entry> entries_;
};

}  // namespace switchyard::server
