#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/models/manifest.h"
#include "switchyard/types/diagnostic.h"
#include "switchyard/types/value.h"

namespace switchyard::models {

/// Where a secret is: never in a document.
struct SecretSource {
  std::string environment;  ///< name of a variable of the server's environment
  std::string file;         ///< path on the server
  bool empty() const { return environment.empty() && file.empty(); }
};

/// Whose machine it is: what leaves for a vendor is reduced by the backend's privacy policy first.
enum class BackendClass : uint8_t { kInHouse, kVendor };

/// Who writes this as a vendor's privacy policy lets everything leave, and says so.
inline constexpr std::string_view kNoPrivacy = "none";

/// What a `backend:` document says: a server that runs models, or several that are equal.
struct BackendSpec {
  ModelName name;
  std::string description;
  std::string protocol;           ///< "openai", "anthropic", "http", "oip", "oip-grpc", "worker"
  std::vector<std::string> urls;  ///< equal replicas; each without a slash at its end
  BackendClass owner = BackendClass::kInHouse;
  std::string vendor;       ///< for kill switches and reports; empty: none
  std::string privacy;      ///< name of a privacy policy; empty or kNoPrivacy: none
  std::string queue;        ///< protocol worker
  std::string auth_header;  ///< which header carries the secret; empty: none
  std::string auth_prefix;  ///< "Bearer "
  SecretSource secret;
  std::vector<std::pair<std::string, std::string>> headers;  ///< sent with each call
  uint32_t timeout_ms = 0;      ///< of a call without deadline; 0: kDefaultRemoteTimeoutMs
  uint32_t max_concurrent = 0;  ///< calls of one model under way at once; 0: kDefaultRemoteConcurrent
  uint32_t max_waiting = 0;     ///< calls of one model that wait for one of those places
  uint32_t eject_after = 5;     ///< failures in a row that take a replica out
  uint32_t eject_ms = 30'000;   ///< for how long at first; each time in a row longer
};

/// Reads a backend document; the rules of parse_manifest().
BackendSpec parse_backend(const Value& document, Diagnostics& diagnostics);

}  // namespace switchyard::models
