#include "switchyard/gateway/config.h"

#include <gtest/gtest.h>

namespace switchyard::gateway {
namespace {

GatewayConfig read(std::string_view text) {
  Diagnostics mistakes;
  auto config = parse_gateway_config(text, "gateway.yaml", &mistakes);
  for (const auto& each : mistakes) ADD_FAILURE() << each.to_string();
  return config;
}

TEST(GatewayConfigs, SayWhoMayComeInAndHowMuchOfIt) {
  const auto config = read(R"(
limits:
  key: { requests_per_minute: 600, tokens_per_minute: 100000 }
  tenant: { concurrent: 50 }
  tenants: { acme: { requests_per_minute: 6000 } }
  operations: { deploy: { concurrent: 1 } }
  routes: { chat/cheap: { tokens_per_minute: 5000 } }
issuers:
  - issuer: https://login.example.org
    audience: switchyard
    algorithms: [RS256]
    roles_claim: realm_access.roles
    roles: { sy-ops: [operator, auditor] }
    default_roles: [viewer]
    tenant_claim: org
    budget_per_day: 12.50
    routes: [chat/*]
client_certificates:
  ca_file: /etc/ca.pem
  verify: required
  callers:
    - { name: edge, uri: "spiffe://acme/*", roles: [developer], tenant: acme, priority: high }
admission: { target_delay_ms: 50, max_in_flight: 1000 }
)");
  EXPECT_EQ(config.limits.default_key, (RateLimits{600, 100'000, 0}));
  EXPECT_EQ(config.limits.default_tenant.concurrent, 50u);
  EXPECT_EQ(config.limits.tenants.at("acme").requests_per_minute, 6000u);
  EXPECT_EQ(config.limits.operations.at("deploy").concurrent, 1u);
  EXPECT_EQ(config.limits.routes.at("chat/cheap").tokens_per_minute, 5000u);
  ASSERT_EQ(config.issuers.size(), 1u);
  const TokenIssuer& issuer = config.issuers[0];
  EXPECT_EQ(issuer.audiences, std::vector<std::string>{"switchyard"});
  EXPECT_EQ(issuer.algorithms, std::vector<TokenAlgorithm>{TokenAlgorithm::kRs256});
  EXPECT_EQ(issuer.roles.at("sy-ops"), (std::vector<Role>{Role::kOperator, Role::kAuditor}));
  EXPECT_EQ(issuer.default_roles, std::vector<Role>{Role::kViewer});
  EXPECT_EQ(issuer.policy.budget.day_micros, 12'500'000);
  EXPECT_EQ(config.client_ca_file, "/etc/ca.pem");
  EXPECT_TRUE(config.client_certificate_required);
  ASSERT_EQ(config.certificates.size(), 1u);
  EXPECT_EQ(config.certificates[0].policy.priority, Priority::kHigh);
  EXPECT_EQ(config.target_delay_us, 50'000);
  EXPECT_EQ(config.max_in_flight, 1000u);
}

TEST(GatewayConfigs, MayNameNothing) {
  EXPECT_EQ(read("{}").target_delay_us, AdmissionOptions{}.target_delay_us);
  EXPECT_TRUE(read("{}").issuers.empty());
}

TEST(GatewayConfigs, TellAllMistakesWithTheirPlaces) {
  Diagnostics mistakes;
  parse_gateway_config(R"(limits:
  key: { request_per_minute: 5 }
  tenant: { concurrent: -1 }
issuers:
  - { audience: x, algorithms: [HS256], roles: { a: [king] } }
client_certificates: { verify: maybe, callers: [ { roles: [viewer] } ] }
admission: { target_delay_ms: 0 }
)",
                       "gateway.yaml", &mistakes);
  std::string all;
  for (const auto& each : mistakes) all += each.to_string() + "\n";
  for (const char* part :
       {"gateway.yaml:2", "did you mean 'requests_per_minute'?", "limits.tenant.concurrent",
        "'issuer' is missing", "'HS256' is not taken", "no role 'king'", "'ca_file' is missing",
        "'maybe' is neither", "'name' is missing", "it fits no certificate", "0 would let in nothing"})
    EXPECT_NE(all.find(part), all.npos) << part << "\n" << all;
}

TEST(Certificates, StandForTheCallerOfTheFirstRuleThatFits) {
  http::ClientCertificate certificate;
  certificate.subject = "CN=edge-7,O=Acme";
  certificate.dns_names = {"edge-7.acme.example"};
  certificate.uris = {"spiffe://acme/edge"};
  certificate.fingerprint = std::string(64, 'a');
  CertificateRule rule;
  rule.name = "edge";
  rule.roles = {Role::kDeveloper};
  EXPECT_FALSE(caller_of(certificate, {rule}));  // fits nothing as long as it names nothing
  rule.subject = "CN=edge-*,O=Acme";
  const auto caller = caller_of(certificate, {rule});
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->name, "edge");
  EXPECT_EQ(caller->key_id, "cert:" + std::string(16, 'a'));
  EXPECT_TRUE(caller->may(Permission::kDecisionsStart));
  rule.uri = "spiffe://other/*";
  EXPECT_FALSE(caller_of(certificate, {rule}));  // every pattern must fit
  CertificateRule second;
  second.name = "by dns";
  second.dns_name = "*.acme.example";
  second.roles = {Role::kViewer};
  EXPECT_EQ(caller_of(certificate, {rule, second})->name, "by dns");
}

}  // namespace
}  // namespace switchyard::gateway
