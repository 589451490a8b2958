#pragma once

#include <optional>
#include <string>
#include <vector>

#include "switchyard/gateway/keys.h"
#include "switchyard/http/message.h"

namespace switchyard::gateway {

/// Who a client's certificate stands for. Every pattern that is given must fit; at least one is.
struct CertificateRule {
  std::string name;      ///< of the caller, in records and logs
  std::string subject;   ///< glob of the whole subject, as RFC 2253 writes it: "CN=edge-*,O=Acme"
  std::string dns_name;  ///< glob of one of its DNS names
  std::string uri;       ///< glob of one of its URIs: "spiffe://acme/*"
  std::vector<Role> roles;
  std::string tenant;  ///< empty: the default one
  KeyPolicy policy;
};

/// The caller by the first rule that fits; nothing when none does.
std::optional<Caller> caller_of(const http::ClientCertificate& certificate,
                                const std::vector<CertificateRule>& rules);

}  // namespace switchyard::gateway
