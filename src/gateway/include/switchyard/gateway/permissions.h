#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"

namespace switchyard::gateway {

/// What an operation asks of its caller. Every operation names exactly one.
enum class Permission : uint8_t {
  kNone,              ///< anybody, without a key: health, the API's description
  kDecisionsRead,     ///< see runs, their steps and results
  kDecisionsStart,    ///< start runs, send them events
  kDecisionsCancel,   ///< cancel, retry, skip
  kReviewsRead,       ///< see queues and items
  kReviewsAnswer,     ///< claim, answer, release, comment
  kReviewsManage,     ///< reassign, escalate, change queues
  kDeploymentsRead,   ///< see pipelines, rule tables, models, prompts
  kDeploymentsWrite,  ///< deploy new versions
  kSwitchesWrite,     ///< kill and revive
  kProvenanceRead,    ///< records with all that a decision saw; audit trail
  kProvenanceReplay,  ///< replay and counterfactual runs
  kMetricsRead,       ///< figures about the server
  kEventsPublish,     ///< publish events
  kEventsRead,        ///< see dead letters, agents and what they keep, who sends to whom
  kEventsManage,      ///< replay and discard dead letters
  kRetentionWrite,    ///< set and lift legal holds, apply the retention policy now
  kWorkersPoll,       ///< take tasks of workers' queues and end them
  kKeysManage,        ///< make, list and revoke API keys
};
inline constexpr size_t kPermissionCount = static_cast<size_t>(Permission::kKeysManage) + 1;

/// "decisions.read", ...; "" for kNone.
std::string_view permission_name(Permission permission);

/// What a key is for. A key has one role or several; its permissions are the union.
enum class Role : uint8_t { kViewer, kReviewer, kDeveloper, kOperator, kAuditor, kWorker, kAdmin };
inline constexpr size_t kRoleCount = static_cast<size_t>(Role::kAdmin) + 1;

/// "viewer", "reviewer", "developer", "operator", "auditor", "worker", "admin".
std::string_view role_name(Role role);
/// kInvalidArgument "gateway.unknown_role", listing all.
Result<Role> role_from(std::string_view name);
/// "viewer,reviewer": at least one, no duplicates.
Result<std::vector<Role>> roles_from(std::string_view comma_separated);

/// Permissions as a set of bits.
using PermissionSet = uint32_t;
constexpr PermissionSet bit(Permission permission) {
  return PermissionSet{1} << static_cast<uint32_t>(permission);
}
/// What the table in permissions.cc grants a role. There is no other source of permissions.
PermissionSet permissions_of(Role role);
PermissionSet permissions_of(const std::vector<Role>& roles);
/// The roles that have a permission, for messages: "operator or admin".
std::string roles_with(Permission permission);

static_assert(kPermissionCount <= 32);

}  // namespace switchyard::gateway
