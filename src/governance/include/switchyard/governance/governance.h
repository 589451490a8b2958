#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "switchyard/document/document.h"
#include "switchyard/governance/artefact.h"
#include "switchyard/log/log.h"
#include "switchyard/models/backend_spec.h"
#include "switchyard/models/manifest.h"
#include "switchyard/privacy/policy.h"
#include "switchyard/retention/policy.h"
#include "switchyard/router/router.h"
#include "switchyard/runtime/clock.h"
#include "switchyard/runtime/disk.h"
#include "switchyard/types/diagnostic.h"
#include "switchyard/workflow/catalog.h"
#include "switchyard/workflow/compiler.h"

namespace switchyard::governance {

/// A file of a deployment, by its path below the deployed folder.
struct SourceFile {
  std::string path;
  std::string content;
};

struct DeployRequest {
  std::vector<SourceFile> files;
  std::string who, message;
  bool dry_run = false;
};

class Snapshot;

/// What a deployment changes (or would change).
struct Change {
  enum class What : uint8_t { kAdded, kUnchanged } what = What::kAdded;
  ArtefactKind kind{};
  std::string name, version, path;
  Sha256 sha256{};
  std::string replaces;  ///< the version that was active; empty: none
  std::string diff;      ///< against it, unified; empty: none
};
struct DeployReport {
  std::vector<Change> changes;
  Diagnostics diagnostics;  ///< errors: nothing was deployed; warnings
  GovernanceOffset offset;  ///< after the deployment
  bool deployed = false;
  std::shared_ptr<const Snapshot> snapshot;  ///< with the changes, also of a dry run; null when refused
};

/// One entry of the governance log, for people.
struct GovernanceRecord {
  uint64_t offset = 0;
  int64_t time_us = 0;
  std::string type;  ///< "deployed", "activated", "killed", "revived"
  ArtefactKind kind{};
  std::string name, version, who, why;
};

/// Loads model weights; implemented by the server on top of the model service. Calls may block.
class ModelLoader {
 public:
  virtual ~ModelLoader() = default;
  /// Whether a backend that is about to be deployed can be called from here, as far as that is known without
  /// calling it.
  virtual Status check_backend(const models::BackendSpec&) { return {}; }
  /// Makes the version ready to answer beside the others; gives the JSON Schema of its output.
  virtual Result<Document> load(const models::ModelManifest& manifest, std::string_view bytes) = 0;
  /// Undoes a load that was only a trial.
  virtual void unload(const models::ModelName& model) = 0;
};

/// A model version on another machine, and the backend of its name that is active.
struct RemoteModel {
  std::shared_ptr<const models::ModelManifest> manifest;
  std::shared_ptr<const models::BackendSpec> backend;
};

/// Who kills the backend of a name that begins so switches off all backends of the vendor that follows.
inline constexpr std::string_view kVendorPrefix = "vendor/";

/// What was set on a route beside its document.
struct RouteSwitches {
  std::map<std::string, std::string> reroutes;  ///< candidate → the one that answers in its place
  std::string canary_version;                   ///< of the route's document that `canary` is of
  std::optional<router::CanaryState> canary;
};

/// Names of pipelines that ask one model and nothing else begin so; documents cannot.
inline constexpr std::string_view kCallsPrefix = "calls/";

/// The governance views at one offset.
class Snapshot : public workflow::Catalog {
 public:
  /// In the order of their deployment.
  virtual std::vector<std::shared_ptr<const Artefact>> artefacts() const = 0;
  virtual std::shared_ptr<const Artefact> artefact(ArtefactKind kind, std::string_view name,
                                                   std::string_view version) const = 0;
  /// Empty when the name is unknown.
  virtual std::string active_version(ArtefactKind kind, std::string_view name) const = 0;
  virtual std::vector<workflow::Kill> kills() const = 0;
  /// All versions of models on other machines whose backend is deployed.
  virtual std::vector<RemoteModel> remote_models() const = 0;
  /// The active routes, with what was set on them.
  virtual std::vector<router::RouteSetting> routes() const = 0;
  /// The active version of a route; nullptr: there is none.
  virtual std::shared_ptr<const router::Route> route(std::string_view name) const = 0;
  /// The active version of a backend; nullptr: there is none.
  virtual std::shared_ptr<const models::BackendSpec> backend(std::string_view name) const = 0;
  /// The manifest of a model version; of the active one when `version` is empty. nullptr: no such model.
  virtual std::shared_ptr<const models::ModelManifest> manifest(std::string_view name,
                                                                std::string_view version) const = 0;
  /// The retention policy in force; nullptr when none is deployed, or it is switched off: everything is kept.
  virtual std::shared_ptr<const retention::Policy> retention() const = 0;
  /// What may leave for backends that somebody else runs: this version of a privacy policy (empty: the active
  /// one); nullptr when there is none. A policy that is switched off is still found: ask killed().
  virtual std::shared_ptr<const privacy::Policy> privacy(std::string_view name,
                                                         std::string_view version) const = 0;
};

/// Whoever only makes dry runs against an empty registry needs `models` alone.
struct GovernanceOptions {
  log::Log* log = nullptr;  ///< the governance log, owned by the caller
  const runtime::Clock* clock = nullptr;
  runtime::Disk* disk = nullptr;
  std::string blob_directory;  ///< content-addressed; created when absent
  ModelLoader* models = nullptr;
};

/// Everything operators decide, as events in one log: deployments of immutable versions, switches. Changes
/// are rare and serialised; readers take snapshots, from any thread, without waiting.
class Governance {
 public:
  explicit Governance(GovernanceOptions options);
  ~Governance();

  /// Folds the log: compiles every pipeline and rule table, loads every model. An artefact that this binary
  /// cannot compile or load any more is reported in `problems` and left out; runs pinned to it wait.
  Status open(Diagnostics* problems);

  std::shared_ptr<const Snapshot> snapshot() const;

  /// Checks the whole bundle, and deploys all of it or nothing. New versions become active. Blocks for
  /// compiling, loading models and the log. Error only when the log fails; mistakes are in the report. A
  /// version that exists with the same content is unchanged; with other content it is a mistake: versions are
  /// immutable.
  Result<DeployReport> deploy(const DeployRequest& request);
  /// Makes an earlier version active again. kNotFound "governance.unknown_version".
  Status activate(const ArtefactKey& key, std::string_view who, std::string_view why);
  /// Switches an artefact off (all versions when key.version is empty). In force for every command that
  /// begins after this returns. kNotFound, kInvalidArgument (no reason given).
  Status kill(const ArtefactKey& key, std::string_view who, std::string_view why);
  /// kConflict "governance.not_killed".
  Status revive(const ArtefactKey& key, std::string_view who, std::string_view why);

  /// Records what a router did with a canary. Blocks for the log.
  Status record_canary(const router::CanaryDecision& decision);
  /// Sends a candidate's traffic to another from now on; `to` empty: no longer. kNotFound
  /// "governance.unknown_version" or "governance.unknown_candidate".
  Status reroute(std::string_view route, std::string_view from, std::string_view to, std::string_view who,
                 std::string_view why);

  /// Newest first.
  std::vector<GovernanceRecord> history(size_t limit) const;

  /// Called with every new snapshot, on the thread that made the change. Set before open().
  void on_change(std::function<void(std::shared_ptr<const Snapshot>)> listener);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace switchyard::governance
