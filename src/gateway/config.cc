#include "switchyard/gateway/config.h"

#include <algorithm>
#include <initializer_list>
#include <set>

#include "switchyard/document/document.h"
#include "switchyard/document/reporter.h"
#include "switchyard/gateway/limits.h"

namespace switchyard::gateway {
namespace {

using document::child_path;
using document::Entry;
using document::Node;
using document::Reporter;

/// Reads one mapping after the other and reports what is wrong with them.
class ConfigReader {
 public:
  explicit ConfigReader(Reporter& reporter) : reporter_(reporter) {}

  void read(const Node& root, GatewayConfig& config) {
    if (!is_mapping(root, "")) return;
    known(root, "", {"limits", "issuers", "client_certificates", "admission"});
    if (const Node* node = root.find("limits")) read_rules(*node, config.limits);
    if (const Node* node = root.find("issuers")) read_issuers(*node, config.issuers);
    if (const Node* node = root.find("client_certificates")) read_certificates(*node, config);
    if (const Node* node = root.find("admission")) read_admission(*node, config);
  }

 private:
  void wrong(const Node& node, const std::string& path, std::string message, std::string mend) {
    reporter_.error(node.position, path, "gateway.bad_config", std::move(message), std::move(mend));
  }
  void wrong(const Node& node, const std::string& path, const Error& error) {
    wrong(node, path, error.message, {});
  }
  bool is_mapping(const Node& node, const std::string& path) {
    if (node.is(Node::Kind::kMapping)) return true;
    wrong(node, path, "a mapping is needed here, and this is " + node.describe(), "write `name: value`");
    return false;
  }
  bool is_sequence(const Node& node, const std::string& path) {
    if (node.is(Node::Kind::kSequence)) return true;
    wrong(node, path, "a list is needed here, and this is " + node.describe(), "write `[ ... ]`, or `- ...`");
    return false;
  }
  void known(const Node& node, const std::string& path, std::initializer_list<const char*> names) {
    const std::vector<std::string> all(names.begin(), names.end());
    for (const Entry& entry : node.entries) {
      if (std::find(all.begin(), all.end(), entry.key) != all.end()) continue;
      std::string list;
      for (const std::string& name : all) list += (list.empty() ? "" : ", ") + name;
      const std::string near = document::nearest(entry.key, all);
      reporter_.error(entry.position, child_path(path, entry.key), "gateway.bad_config",
                      "'" + entry.key + "' is not known here",
                      near.empty() ? "use one of " + list : "did you mean '" + near + "'?");
    }
  }
  std::string text(const Node& parent, const std::string& path, const char* name,
                   std::string otherwise = {}) {
    const Node* node = parent.find(name);
    if (node == nullptr) return otherwise;
    if (node->is_scalar() && !node->is(Node::Kind::kNull) && !node->text.empty()) return node->text;
    wrong(*node, child_path(path, name), "a text is needed here, and this is " + node->describe(), {});
    return otherwise;
  }
  uint64_t count(const Node& parent, const std::string& path, const char* name, uint64_t otherwise,
                 uint64_t most) {
    const Node* node = parent.find(name);
    if (node == nullptr) return otherwise;
    if (node->is(Node::Kind::kInteger) && node->integer >= 0 && static_cast<uint64_t>(node->integer) <= most)
      return static_cast<uint64_t>(node->integer);
    wrong(*node, child_path(path, name), "this is " + node->describe(),
          "write a whole number from 0 to " + std::to_string(most));
    return otherwise;
  }
  std::vector<std::string> texts(const Node& parent, const std::string& path, const char* name) {
    std::vector<std::string> list;
    const Node* node = parent.find(name);
    if (node == nullptr) return list;
    const std::string at = child_path(path, name);
    if (node->is(Node::Kind::kString)) return {node->text};
    if (!is_sequence(*node, at)) return list;
    for (size_t i = 0; i < node->items.size(); ++i) {
      if (node->items[i].is(Node::Kind::kString) && !node->items[i].text.empty())
        list.push_back(node->items[i].text);
      else
        wrong(node->items[i], child_path(at, i), "a text is needed here", {});
    }
    return list;
  }
  std::vector<Role> roles(const Node& parent, const std::string& path, const char* name) {
    std::vector<Role> granted;
    for (const std::string& text : texts(parent, path, name)) {
      const auto role = role_from(text);
      if (role.ok())
        granted.push_back(*role);
      else
        wrong(*parent.find(name), child_path(path, name), role.error());
    }
    return granted;
  }
  std::string tenant(const Node& parent, const std::string& path) {
    std::string name = text(parent, path, "tenant");
    if (!name.empty() && !is_tenant_name(name))
      wrong(*parent.find("tenant"), child_path(path, "tenant"), "'" + name + "' is no name of a tenant",
            "use small letters, digits and dashes");
    return name == kDefaultTenant ? std::string() : name;
  }
  int64_t money(const Node& parent, const std::string& path, const char* name) {
    const Node* node = parent.find(name);
    if (node == nullptr) return 0;
    const auto micros = node->is_scalar() ? parse_money(node->text) : std::nullopt;
    if (!micros) wrong(*node, child_path(path, name), "this is no amount", "write 25 or 0.50");
    return micros.value_or(0);
  }

  RateLimits limits(const Node& node, const std::string& path) {
    if (!is_mapping(node, path)) return {};
    known(node, path, {"requests_per_minute", "tokens_per_minute", "concurrent"});
    return limit_members(node, path);
  }
  RateLimits limit_members(const Node& node, const std::string& path) {
    return {static_cast<uint32_t>(count(node, path, "requests_per_minute", 0, kMaxRequestsPerMinute)),
            count(node, path, "tokens_per_minute", 0, kMaxTokensPerMinute),
            static_cast<uint32_t>(count(node, path, "concurrent", 0, kMaxConcurrent))};
  }
  void read_rules(const Node& node, LimitRules& rules) {
    if (!is_mapping(node, "limits")) return;
    known(node, "limits", {"key", "tenant", "tenants", "operations", "routes"});
    if (const Node* each = node.find("key")) rules.default_key = limits(*each, "limits.key");
    if (const Node* each = node.find("tenant")) rules.default_tenant = limits(*each, "limits.tenant");
    for (const auto& [name, named] : {std::pair{"tenants", &rules.tenants},
                                      {"operations", &rules.operations},
                                      {"routes", &rules.routes}}) {
      const Node* all = node.find(name);
      const std::string path = child_path("limits", name);
      if (all == nullptr || !is_mapping(*all, path)) continue;
      for (const Entry& entry : all->entries)
        named->emplace(entry.key, limits(entry.value, child_path(path, entry.key)));
    }
  }

  /// What rules of certificates and issuers grant beside roles.
  KeyPolicy policy(const Node& node, const std::string& path) {
    KeyPolicy read;
    if (const Node* each = node.find("limits")) read.limits = limits(*each, child_path(path, "limits"));
    read.budget = {money(node, path, "budget_per_day"), money(node, path, "budget_per_month")};
    read.routes = texts(node, path, "routes");
    const std::string priority = text(node, path, "priority", "normal");
    if (const auto known_priority = priority_from(priority))
      read.priority = *known_priority;
    else
      wrong(*node.find("priority"), child_path(path, "priority"), "'" + priority + "' is no priority",
            "write low, normal or high");
    if (const Status right = check_policy(read); !right.ok()) wrong(node, path, right.error());
    return read;
  }

  void read_issuers(const Node& node, std::vector<TokenIssuer>& issuers) {
    if (!is_sequence(node, "issuers")) return;
    if (node.items.size() > kMaxTokenIssuers)
      wrong(node, "issuers", "there are more than kMaxTokenIssuers = " + std::to_string(kMaxTokenIssuers),
            {});
    std::set<std::string> seen;
    for (size_t i = 0; i < node.items.size(); ++i) {
      const std::string path = child_path("issuers", i);
      if (!is_mapping(node.items[i], path)) continue;
      issuers.push_back(read_issuer(node.items[i], path));
      if (!seen.insert(issuers.back().issuer).second)
        wrong(node.items[i], path, "the issuer '" + issuers.back().issuer + "' is there twice", {});
    }
  }
  TokenIssuer read_issuer(const Node& node, const std::string& path) {
    known(node, path,
          {"issuer", "jwks_url", "jwks_file", "audience", "algorithms", "roles_claim", "roles",
           "default_roles", "tenant_claim", "tenant", "name_claim", "limits", "budget_per_day",
           "budget_per_month", "routes", "priority"});
    TokenIssuer read;
    read.issuer = text(node, path, "issuer");
    if (read.issuer.empty()) wrong(node, path, "'issuer' is missing", "write the `iss` of its tokens");
    read.jwks_url = text(node, path, "jwks_url");
    read.jwks_file = text(node, path, "jwks_file");
    if (!read.jwks_url.empty() && !read.jwks_file.empty())
      wrong(node, path, "there are both a jwks_url and a jwks_file", "leave one out");
    const bool is_url = read.issuer.starts_with("https://") || read.issuer.starts_with("http://");
    if (read.jwks_url.empty() && read.jwks_file.empty() && !is_url)
      wrong(node, path, "nothing says where the issuer's keys are",
            "name a jwks_url or a jwks_file, or an issuer that is a URL");
    read.audiences = texts(node, path, "audience");
    if (read.audiences.empty())
      wrong(node, path, "'audience' is missing", "write what its tokens for this server have in `aud`");
    if (const auto names = texts(node, path, "algorithms"); !names.empty()) {
      read.algorithms.clear();
      for (const std::string& name : names) {
        if (const auto algorithm = token_algorithm_from(name))
          read.algorithms.push_back(*algorithm);
        else
          wrong(*node.find("algorithms"), child_path(path, "algorithms"), "'" + name + "' is not taken",
                "use RS256, ES256 or EdDSA");
      }
    }
    read.roles_claim = text(node, path, "roles_claim", read.roles_claim);
    if (const Node* mapping = node.find("roles"); mapping != nullptr && is_mapping(*mapping, path + ".roles"))
      for (const Entry& entry : mapping->entries)
        read.roles.emplace(entry.key, roles(*mapping, child_path(path, "roles"), entry.key.c_str()));
    read.default_roles = roles(node, path, "default_roles");
    read.tenant_claim = text(node, path, "tenant_claim");
    read.tenant = tenant(node, path);
    read.name_claim = text(node, path, "name_claim", read.name_claim);
    read.policy = policy(node, path);
    return read;
  }

  void read_certificates(const Node& node, GatewayConfig& config) {
    const std::string path = "client_certificates";
    if (!is_mapping(node, path)) return;
    known(node, path, {"ca_file", "verify", "callers"});
    config.client_ca_file = text(node, path, "ca_file");
    if (config.client_ca_file.empty())
      wrong(node, path, "'ca_file' is missing", "name a PEM file of who signs clients' certificates");
    const std::string verify = text(node, path, "verify", "optional");
    if (verify != "optional" && verify != "required")
      wrong(*node.find("verify"), path + ".verify", "'" + verify + "' is neither",
            "write optional or required");
    config.client_certificate_required = verify == "required";
    const Node* callers = node.find("callers");
    if (callers == nullptr || !is_sequence(*callers, path + ".callers")) return;
    for (size_t i = 0; i < callers->items.size(); ++i) {
      const std::string at = child_path(path + ".callers", i);
      if (is_mapping(callers->items[i], at)) config.certificates.push_back(read_rule(callers->items[i], at));
    }
  }
  CertificateRule read_rule(const Node& node, const std::string& path) {
    known(node, path,
          {"name", "subject", "dns_name", "uri", "roles", "tenant", "limits", "budget_per_day",
           "budget_per_month", "routes", "priority"});
    CertificateRule read;
    read.name = text(node, path, "name");
    if (read.name.empty() || read.name.size() > kMaxKeyNameBytes)
      wrong(node, path, "'name' is missing or too long", "say whose certificates these are");
    read.subject = text(node, path, "subject");
    read.dns_name = text(node, path, "dns_name");
    read.uri = text(node, path, "uri");
    if (read.subject.empty() && read.dns_name.empty() && read.uri.empty())
      wrong(node, path, "it fits no certificate",
            "give a subject, a dns_name or a uri; '*' stands for anything");
    read.roles = roles(node, path, "roles");
    if (read.roles.empty()) wrong(node, path, "'roles' is missing", "say what its callers may do");
    read.tenant = tenant(node, path);
    read.policy = policy(node, path);
    return read;
  }

  void read_admission(const Node& node, GatewayConfig& config) {
    if (!is_mapping(node, "admission")) return;
    known(node, "admission", {"target_delay_ms", "max_in_flight"});
    const uint64_t target_ms = count(node, "admission", "target_delay_ms",
                                     static_cast<uint64_t>(config.target_delay_us / 1000), 60'000);
    if (target_ms == 0)
      wrong(*node.find("target_delay_ms"), "admission.target_delay_ms", "0 would let in nothing", {});
    config.target_delay_us = static_cast<int64_t>(target_ms) * 1000;
    config.max_in_flight = count(node, "admission", "max_in_flight", 0, 10'000'000);
  }

  Reporter& reporter_;
};

}  // namespace

GatewayConfig parse_gateway_config(std::string_view text, const std::string& file, Diagnostics* mistakes) {
  document::ParseOutcome parsed = document::parse(text, file);
  *mistakes = std::move(parsed.diagnostics);
  if (parsed.root == nullptr) return {};
  Reporter reporter(file);
  GatewayConfig config;
  if (!parsed.root->is(Node::Kind::kNull)) ConfigReader(reporter).read(*parsed.root, config);
  const bool right = reporter.errors() == 0;
  for (Diagnostic& each : reporter.take()) mistakes->push_back(std::move(each));
  return right ? config : GatewayConfig{};
}

}  // namespace switchyard::gateway
