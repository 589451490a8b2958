#include "switchyard/gateway/permissions.h"

#include <algorithm>
#include <array>

namespace switchyard::gateway {
namespace {

constexpr std::array<std::string_view, kPermissionCount> kPermissionNames = {
    "",
    "decisions.read",
    "decisions.start",
    "decisions.cancel",
    "reviews.read",
    "reviews.answer",
    "reviews.manage",
    "deployments.read",
    "deployments.write",
    "switches.write",
    "provenance.read",
    "provenance.replay",
    "metrics.read",
    "events.publish",
    "events.read",
    "events.manage",
    "retention.write",
    "workers.poll",
    "keys.manage",
};

constexpr std::array<std::string_view, kRoleCount> kRoleNames = {
    "viewer", "reviewer", "developer", "operator", "auditor", "worker", "admin"};

using P = Permission;
constexpr PermissionSet kSeesOutcomes =
    bit(P::kDecisionsRead) | bit(P::kDeploymentsRead) | bit(P::kMetricsRead) | bit(P::kEventsRead);

/// The one table of who may do what. A reviewer sees what a review shows, not the records of all decisions;
/// an auditor sees everything and changes nothing; a worker gets its tasks and nothing else; only admins
/// handle keys.
constexpr std::array<PermissionSet, kRoleCount> kGranted = {
    /* viewer    */ kSeesOutcomes | bit(P::kReviewsRead),
    /* reviewer  */ bit(P::kReviewsRead) | bit(P::kReviewsAnswer),
    /* developer */ kSeesOutcomes | bit(P::kReviewsRead) | bit(P::kDecisionsStart) |
        bit(P::kDecisionsCancel) | bit(P::kDeploymentsWrite) | bit(P::kProvenanceRead) |
        bit(P::kProvenanceReplay) | bit(P::kEventsPublish),
    /* operator  */ kSeesOutcomes | bit(P::kReviewsRead) | bit(P::kReviewsManage) | bit(P::kDecisionsCancel) |
        bit(P::kSwitchesWrite) | bit(P::kProvenanceRead) | bit(P::kRetentionWrite) | bit(P::kEventsManage),
    /* auditor   */ kSeesOutcomes | bit(P::kReviewsRead) | bit(P::kProvenanceRead) |
        bit(P::kProvenanceReplay),
    /* worker    */ bit(P::kWorkersPoll),
    /* admin     */ (bit(P::kKeysManage) << 1) - 1,
};

}  // namespace

std::string_view permission_name(Permission permission) {
  return kPermissionNames[static_cast<size_t>(permission)];
}
std::string_view role_name(Role role) { return kRoleNames[static_cast<size_t>(role)]; }

Result<Role> role_from(std::string_view name) {
  const auto found = std::find(kRoleNames.begin(), kRoleNames.end(), name);
  if (found != kRoleNames.end()) return static_cast<Role>(found - kRoleNames.begin());
  std::string known;
  for (const auto role : kRoleNames) known += (known.empty() ? "" : ", ") + std::string(role);
  return make_error(ErrorKind::kInvalidArgument, "gateway.unknown_role",
                    "There is no role '" + std::string(name.substr(0, 40)) + "'; there are " + known + ".",
                    "roles");
}

Result<std::vector<Role>> roles_from(std::string_view comma_separated) {
  std::vector<Role> roles;
  while (true) {
    const size_t comma = comma_separated.find(',');
    SY_ASSIGN_OR_RETURN(const Role role, role_from(comma_separated.substr(0, comma)));
    if (std::find(roles.begin(), roles.end(), role) == roles.end()) roles.push_back(role);
    if (comma == comma_separated.npos) return roles;
    comma_separated.remove_prefix(comma + 1);
  }
}

PermissionSet permissions_of(Role role) {
  return kGranted[static_cast<size_t>(role)] | bit(Permission::kNone);
}

PermissionSet permissions_of(const std::vector<Role>& roles) {
  PermissionSet set = bit(Permission::kNone);
  for (const Role role : roles) set |= permissions_of(role);
  return set;
}

std::string roles_with(Permission permission) {
  std::string text;
  for (size_t i = 0; i < kRoleCount; ++i)
    if ((permissions_of(static_cast<Role>(i)) & bit(permission)) != 0)
      text += (text.empty() ? "" : " or ") + std::string(kRoleNames[i]);
  return text;
}

}  // namespace switchyard::gateway
