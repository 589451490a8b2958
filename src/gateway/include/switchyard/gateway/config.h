#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "switchyard/gateway/admission.h"
#include "switchyard/gateway/certificates.h"
#include "switchyard/gateway/rate_limits.h"
#include "switchyard/gateway/tokens.h"
#include "switchyard/types/diagnostic.h"

namespace switchyard::gateway {

/// What the configuration file of the gateway says (docs/gateway.md): who may come in beside API keys, and
/// how much of it.
struct GatewayConfig {
  LimitRules limits;
  std::vector<TokenIssuer> issuers;
  std::string client_ca_file;  ///< empty: clients are asked for no certificate
  bool client_certificate_required = false;
  std::vector<CertificateRule> certificates;
  int64_t target_delay_us = AdmissionOptions{}.target_delay_us;
  size_t max_in_flight = 0;  ///< 0: the default
};

/// Reads YAML or JSON. All mistakes are told at once, with line, column and path; nothing but the defaults
/// comes back then.
GatewayConfig parse_gateway_config(std::string_view text, const std::string& file, Diagnostics* mistakes);

}  // namespace switchyard::gateway
