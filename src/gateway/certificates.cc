#include "switchyard/gateway/certificates.h"

#include <algorithm>

namespace switchyard::gateway {
namespace {

bool one_fits(const std::string& glob, const std::vector<std::string>& names) {
  return glob.empty() || std::any_of(names.begin(), names.end(),
                                     [&glob](const std::string& name) { return glob_matches(glob, name); });
}

bool fits(const CertificateRule& rule, const http::ClientCertificate& certificate) {
  if (rule.subject.empty() && rule.dns_name.empty() && rule.uri.empty()) return false;
  return (rule.subject.empty() || glob_matches(rule.subject, certificate.subject)) &&
         one_fits(rule.dns_name, certificate.dns_names) && one_fits(rule.uri, certificate.uris);
}

}  // namespace

std::optional<Caller> caller_of(const http::ClientCertificate& certificate,
                                const std::vector<CertificateRule>& rules) {
  for (const CertificateRule& rule : rules) {
    if (!fits(rule, certificate)) continue;
    Caller caller;
    caller.key_id = "cert:" + certificate.fingerprint.substr(0, 16);
    caller.name = rule.name;
    caller.permissions = permissions_of(rule.roles);
    caller.tenant = rule.tenant;
    if (rule.policy != KeyPolicy{}) caller.policy = std::make_shared<const KeyPolicy>(rule.policy);
    return caller;
  }
  return std::nullopt;
}

}  // namespace switchyard::gateway
