#pragma once

#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <utility>

#include "switchyard/governance/governance.h"
#include "switchyard/models/caller.h"
#include "switchyard/telemetry/secret.h"

namespace switchyard::server {

/// Stands between the router and the models: what leaves for a backend with a privacy policy is reduced by it
/// first, and what was replaced is put back into the answer, streams included. Without the policy nothing
/// leaves. Thread-safe.
class PrivateCalls final : public models::Caller {
 public:
  /// `models` outlives it. `key`: for hashes; a policy that hashes refuses without one.
  PrivateCalls(models::Caller& models, std::optional<telemetry::Secret> key)
      : models_(models), key_(std::move(key)) {}

  void follow(const governance::Snapshot& snapshot);
  std::function<void()> call(models::CallRequest request, Done done) override;

 private:
  using Policy = std::shared_ptr<const privacy::Policy>;
  /// The policy for what leaves for this model; null: none is wanted. kUnavailable "privacy.no_policy".
  Result<Policy> policy_of(const models::ModelName& model) const;

  models::Caller& models_;
  const std::optional<telemetry::Secret> key_;
  mutable std::shared_mutex mutex_;
  /// Of the models whose backend wants a policy, by name and version.
  std::map<std::pair<std::string, std::string>, Result<Policy>> policies_;  // guarded by mutex_
};

/// The key of SWITCHYARD_PRIVACY_KEY; nothing when it is not set. kInvalidArgument "privacy.bad_key".
Result<std::optional<telemetry::Secret>> privacy_key_of_environment();

}  // namespace switchyard::server
