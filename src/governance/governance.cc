#include "switchyard/governance/governance.h"

#include <algorithm>
#include <functional>
#include <future>
#include <optional>
#include <set>

#include "blob_store.h"
#include "compile.h"
#include "diff.h"
#include "registry.h"
#include "sources.h"
#include "switchyard/governance/event_graph.h"
#include "switchyard/governance/limits.h"
#include "switchyard/schema/compatibility.h"
#include "switchyard/types/json.h"

namespace switchyard::governance {
namespace {

Diagnostic problem(std::string file, std::string code, std::string message, std::string mend) {
  return {Diagnostic::Severity::kError, std::move(code), std::move(file), 0, 0, "",
          std::move(message),           std::move(mend)};
}

}  // namespace

class Governance::Impl {
 public:
  explicit Impl(GovernanceOptions options) : options_(options) {
    if (options.disk != nullptr) blobs_.emplace(*options.disk, options.blob_directory);
    snapshot_ = make_snapshot(Registry{});
  }

  Status open(Diagnostics* problems) {
    std::lock_guard lock(change_mutex_);
    SY_RETURN_IF_ERROR(blobs_->open());
    LogOffset at = options_.log->first_offset();
    Status failure;
    while (at < options_.log->durable_end()) {
      auto next = options_.log->read(at, 8u << 20, [&](const log::RecordView& record) {
        failure = replay(record, problems);
        return failure.ok();
      });
      SY_RETURN_IF_ERROR(std::move(failure));
      if (!next.ok()) return next.error();
      at = *next;
    }
    publish();
    return {};
  }

  std::shared_ptr<const Snapshot> snapshot() const {
    std::lock_guard lock(snapshot_mutex_);
    return snapshot_;
  }

  Result<DeployReport> deploy(const DeployRequest& request) {
    std::lock_guard lock(change_mutex_);
    DeployReport report;
    report.offset = GovernanceOffset(registry_.offset);
    Registry working = registry_;
    std::vector<CompiledArtefact> added;
    const std::vector<Source> sources = sort_sources(request.files, report.diagnostics);
    check_size(request, report.diagnostics);
    for (const Source& source : sources) check(source, request, working, report, added);
    if (!has_errors(report.diagnostics)) check_consumers(working, report.diagnostics);
    if (!has_errors(report.diagnostics) && sources.empty()) {
      report.diagnostics.push_back(problem("", "governance.nothing_to_deploy",
                                           "no file begins with pipeline, rules, model, route, backend, "
                                           "prompt, privacy, costs, webhook, event "
                                           "or retention",
                                           "name the folder that holds the documents"));
    }
    if (!has_errors(report.diagnostics) && !added.empty()) warn_of_cycles(working, report);
    if (has_errors(report.diagnostics) || request.dry_run || added.empty()) {
      if (!has_errors(report.diagnostics)) report.snapshot = make_snapshot(std::move(working));
      unload_trials(added);
      report.deployed = !has_errors(report.diagnostics) && !request.dry_run;
      return report;
    }
    auto recorded = record(added, request);
    if (!recorded.ok()) {
      unload_trials(added);
      return std::move(recorded).error();
    }
    publish();
    report.offset = GovernanceOffset(registry_.offset);
    report.snapshot = snapshot();
    report.deployed = true;
    return report;
  }

  Status activate(const ArtefactKey& key, std::string_view who, std::string_view why) {
    std::lock_guard lock(change_mutex_);
    if (registry_.find(key.kind, key.name, key.version) == nullptr) return unknown(key);
    Registry working = registry_;
    working.active[{key.kind, key.name}] = key.version;
    Diagnostics broken;
    check_consumers(working, broken);
    if (has_errors(broken))
      return make_error(ErrorKind::kConflict, broken.front().code, broken.front().message, "version");
    return switch_event(GovernanceEvent::kActivated, key, who, why);
  }

  Status kill(const ArtefactKey& key, std::string_view who, std::string_view why) {
    std::lock_guard lock(change_mutex_);
    SY_RETURN_IF_ERROR(check_why(why));
    const bool known = key.version.empty() ? registry_.active.contains({key.kind, key.name})
                                           : registry_.find(key.kind, key.name, key.version) != nullptr;
    if (!known && !is_vendor(key)) return unknown(key);
    return switch_event(GovernanceEvent::kKilled, key, who, why);
  }

  Status revive(const ArtefactKey& key, std::string_view who, std::string_view why) {
    std::lock_guard lock(change_mutex_);
    const bool killed =
        std::any_of(registry_.kills.begin(), registry_.kills.end(), [&](const workflow::Kill& kill) {
          return kill.kind == key.kind && kill.name == key.name && kill.version == key.version;
        });
    if (!killed) {
      return make_error(ErrorKind::kConflict, "governance.not_killed",
                        std::string(artefact_kind_name(key.kind)) + " " + key.name +
                            (key.version.empty() ? "" : "@" + key.version) +
                            " is not switched off in these words; see the list of switches");
    }
    return switch_event(GovernanceEvent::kRevived, key, who, why);
  }

  Status record_canary(const router::CanaryDecision& decision) {
    std::lock_guard lock(change_mutex_);
    SwitchEvent event{{ArtefactKind::kRoute, decision.route, decision.version},
                      "canary " + decision.candidate,
                      std::string(router::canary_decision_name(decision.kind)) + ": " + decision.reason};
    event.canary = decision.state;
    event.evidence = to_json(decision.evidence.root());
    return switch_event(GovernanceEvent::kCanary, event);
  }

  Status reroute(std::string_view route, std::string_view from, std::string_view to, std::string_view who,
                 std::string_view why) {
    std::lock_guard lock(change_mutex_);
    SY_RETURN_IF_ERROR(check_why(why));
    const ArtefactKey name{ArtefactKind::kRoute, std::string(route), {}};
    const Compiled* compiled = registry_.find_active(ArtefactKind::kRoute, name.name);
    if (compiled == nullptr || compiled->route == nullptr) return unknown(name);
    for (const auto candidate : {from, to}) {
      if (candidate.empty() && candidate.data() == to.data()) continue;
      if (compiled->route->find(candidate).has_value()) continue;
      return make_error(
          ErrorKind::kNotFound, "governance.unknown_candidate",
          "route " + compiled->artefact->full_name() + " has no candidate '" + std::string(candidate) + "'",
          candidate.data() == to.data() ? "to" : "from");
    }
    SwitchEvent event{
        {ArtefactKind::kRoute, name.name, compiled->artefact->version}, std::string(who), std::string(why)};
    event.from = from;
    event.to = to;
    return switch_event(GovernanceEvent::kRerouted, event);
  }

  std::vector<GovernanceRecord> history(size_t limit) const {
    std::lock_guard lock(snapshot_mutex_);
    std::vector<GovernanceRecord> records(
        history_.rbegin(), history_.rbegin() + static_cast<ptrdiff_t>(std::min(limit, history_.size())));
    return records;
  }

  void on_change(std::function<void(std::shared_ptr<const Snapshot>)> listener) {
    listener_ = std::move(listener);
  }

 private:
  /// All backends of a vendor at once: backend "vendor/NAME".
  bool is_vendor(const ArtefactKey& key) const {
    if (key.kind != ArtefactKind::kBackend || !key.version.empty() || !key.name.starts_with(kVendorPrefix))
      return false;
    const std::string_view vendor = std::string_view(key.name).substr(kVendorPrefix.size());
    return std::any_of(registry_.versions.begin(), registry_.versions.end(), [&](const auto& entry) {
      return entry.second->backend != nullptr && entry.second->backend->vendor == vendor;
    });
  }

  static Status check_why(std::string_view why) {
    if (!why.empty() && why.size() <= kMaxWhyBytes) return {};
    return make_error(ErrorKind::kInvalidArgument, "governance.no_reason",
                      "say why in at most 1024 bytes: the switch is recorded", "why");
  }

  static Error unknown(const ArtefactKey& key) {
    return make_error(ErrorKind::kNotFound, "governance.unknown_version",
                      "there is no " + std::string(artefact_kind_name(key.kind)) + " " + key.name +
                          (key.version.empty() ? "" : "@" + key.version),
                      "name");
  }

  // --- folding
  // -------------------------------------------------------------------------------------------------------

  Status replay(const log::RecordView& record, Diagnostics* problems) {
    const auto type = static_cast<GovernanceEvent>(record.type);
    if (type == GovernanceEvent::kDeployed) {
      SY_ASSIGN_OR_RETURN(Artefact artefact, decode_deployed(record.payload));
      artefact.offset = ++registry_.offset;
      auto compiled = recompile(artefact, problems);
      note(type, {artefact.kind, artefact.name, artefact.version}, artefact.who, artefact.message,
           record.time_us);
      add(registry_, std::move(compiled));
      return {};
    }
    SY_ASSIGN_OR_RETURN(const SwitchEvent event, decode_switch(record.payload));
    ++registry_.offset;
    fold_switch(type, event, record.time_us);
    return {};
  }

  void fold_switch(GovernanceEvent type, const SwitchEvent& event, int64_t time_us) {
    note(type, event.key, event.who, event.why, time_us);
    const auto same = [&](const workflow::Kill& kill) {
      return kill.kind == event.key.kind && kill.name == event.key.name && kill.version == event.key.version;
    };
    switch (type) {
      case GovernanceEvent::kActivated:
        registry_.active[{event.key.kind, event.key.name}] = event.key.version;
        break;
      case GovernanceEvent::kKilled:
        std::erase_if(registry_.kills, same);
        registry_.kills.push_back(
            {event.key.kind, event.key.name, event.key.version, event.who, event.why, time_us});
        break;
      case GovernanceEvent::kRevived: std::erase_if(registry_.kills, same); break;
      case GovernanceEvent::kCanary: {
        RouteSwitches& switches = registry_.route_switches[event.key.name];
        switches.canary_version = event.key.version;
        switches.canary = event.canary;
        break;
      }
      case GovernanceEvent::kRerouted: {
        auto& reroutes = registry_.route_switches[event.key.name].reroutes;
        if (event.to.empty())
          reroutes.erase(event.from);
        else
          reroutes[event.from] = event.to;
        break;
      }
      case GovernanceEvent::kDeployed: break;
    }
  }

  void note(GovernanceEvent type, const ArtefactKey& key, const std::string& who, const std::string& why,
            int64_t time_us) {
    std::lock_guard lock(snapshot_mutex_);
    history_.push_back({registry_.offset, time_us, std::string(governance_event_name(type)), key.kind,
                        key.name, key.version, who, why});
  }

  static void add(Registry& registry, std::shared_ptr<const Compiled> compiled) {
    const auto artefact = compiled->artefact;
    const bool callable = compiled->model != nullptr;
    registry.add(std::move(compiled));
    if (callable) add_call_pipelines(registry, *artefact);
  }

  /// A recorded artefact as this binary understands it; without its compiled part when it does not any more.
  std::shared_ptr<Compiled> recompile(const Artefact& artefact, Diagnostics* problems) {
    CompileRequest request;
    request.kind = artefact.kind;
    request.path = artefact.path;
    request.source = artefact.source;
    request.registry = &registry_;
    request.recorded = &artefact;
    request.models = options_.models;
    request.files = [&](const std::string& path) -> Result<std::string> {
      if (const auto file = artefact.files.find(path); file != artefact.files.end()) return file->second;
      if (artefact.kind == ArtefactKind::kModel && !artefact.blob.empty()) return blobs_->get(artefact.blob);
      return make_error(ErrorKind::kNotFound, "governance.file_missing",
                        "the file " + path + " was not recorded");
    };
    auto outcome = compile_artefact(request);
    auto compiled = outcome.compiled != nullptr ? outcome.compiled : std::make_shared<Compiled>();
    const bool changed = outcome.compiled != nullptr && outcome.compiled->artefact->sha256 != artefact.sha256;
    if ((outcome.compiled == nullptr || changed) && problems != nullptr) {
      for (auto& diagnostic : outcome.diagnostics) problems->push_back(std::move(diagnostic));
      problems->push_back(problem(
          artefact.path, "governance.cannot_compile",
          std::string(artefact_kind_name(artefact.kind)) + " " + artefact.full_name() +
              (changed ? " has another meaning in this binary" : " cannot be compiled by this binary"),
          "deploy a new version; runs pinned to this one wait"));
      if (changed) compiled = std::make_shared<Compiled>();
    }
    compiled->artefact = std::make_shared<Artefact>(artefact);
    return compiled;
  }

  // --- deploying
  // -----------------------------------------------------------------------------------------------------

  void warn_of_cycles(const Registry& working, DeployReport& report) const {
    const auto warnings =
        new_cycles(event_graph(*snapshot()), event_graph(*make_snapshot(working)), report.changes);
    report.diagnostics.insert(report.diagnostics.end(), warnings.begin(), warnings.end());
  }

  static void check_size(const DeployRequest& request, Diagnostics& diagnostics) {
    size_t bytes = 0;
    for (const SourceFile& file : request.files) bytes += file.content.size();
    if (request.files.size() > kMaxBundleFiles || bytes > kMaxBundleBytes) {
      diagnostics.push_back(problem("", "governance.bundle_too_large",
                                    "the deployment has " + std::to_string(request.files.size()) +
                                        " files and " + std::to_string(bytes) + " bytes",
                                    "deploy at most 2000 files and 64 MiB at once"));
    }
  }

  void check(const Source& source, const DeployRequest& request, Registry& working, DeployReport& report,
             std::vector<CompiledArtefact>& added) {
    CompileRequest compile;
    compile.kind = source.kind;
    compile.path = source.file->path;
    compile.source = source.file->content;
    compile.parsed = source.parsed;
    compile.registry = &working;
    compile.models = options_.models;
    compile.files = [&](const std::string& relative) {
      return read_beside(request.files, source.file->path, relative);
    };
    auto outcome = compile_artefact(compile);
    report.diagnostics.insert(report.diagnostics.end(), outcome.diagnostics.begin(),
                              outcome.diagnostics.end());
    if (outcome.compiled == nullptr) return;
    const Artefact& artefact = *outcome.compiled->artefact;
    Change change;
    change.kind = artefact.kind;
    change.name = artefact.name;
    change.version = artefact.version;
    change.path = artefact.path;
    change.sha256 = artefact.sha256;
    const ArtefactKey key{artefact.kind, artefact.name, artefact.version};
    if (const Compiled* existing = working.find(key.kind, key.name, key.version)) {
      if (existing->artefact->sha256 == artefact.sha256) {
        change.what = Change::What::kUnchanged;
        report.changes.push_back(std::move(change));
        return;
      }
      auto mistake = problem(artefact.path, "governance.version_exists",
                             std::string(artefact_kind_name(key.kind)) + " " + artefact.full_name() +
                                 " exists with another content; versions are immutable",
                             "give the changed document a new version");
      mistake.line = 1;
      mistake.column = 1;
      report.diagnostics.push_back(std::move(mistake));
      return;
    }
    if (const auto active = working.active.find({key.kind, key.name}); active != working.active.end()) {
      change.replaces = active->second;
      change.diff =
          unified_diff(working.find(key.kind, key.name, active->second)->artefact->source, artefact.source);
    }
    if (artefact.kind == ArtefactKind::kEventType)
      check_event_type(*outcome.compiled, working, report.diagnostics);
    report.changes.push_back(std::move(change));
    add(working, outcome.compiled);
    added.push_back(std::move(outcome));
  }

  /// What was published under the version before must be valid under the new one, or the document says that
  /// this does not matter.
  void check_event_type(const Compiled& added, const Registry& working, Diagnostics& diagnostics) const {
    const events::EventType& type = *added.event_type;
    const Compiled* before = working.find_active(ArtefactKind::kEventType, type.name);
    if (type.any_change || before == nullptr || before->event_type == nullptr) return;
    const auto answer =
        schema::check_compatible(*before->event_type->schema, *type.schema, schema::Direction::kNewReadsOld);
    if (answer.answer == schema::Compatibility::Answer::kYes) return;
    std::string consumers;
    for (const auto& [kind_name, version] : working.active) {
      const Compiled* consumer = working.find(kind_name.first, kind_name.second, version);
      if (consumer == nullptr || !reads_type(*consumer, type.name)) continue;
      consumers += (consumers.empty() ? "" : ", ") + kind_name.second + "@" + version;
    }
    auto mistake = problem(
        added.artefact->path, "governance.incompatible_event",
        "events of " + type.name + "@" + before->event_type->version + " might not be valid under " +
            type.version + ": " + answer.reason + " at '" + answer.pointer + "'" +
            (consumers.empty() ? "" : "; this would break " + consumers),
        "keep what is there optional or as it was, publish another type, or write compatibility: none");
    mistake.line = mistake.column = 1;
    mistake.path = "schema";
    diagnostics.push_back(std::move(mistake));
  }

  /// Whether a consumer names this event type and no other.
  static bool reads_type(const Compiled& consumer, const std::string& type) {
    const auto names = [&](const std::vector<std::string>& patterns) {
      return std::find(patterns.begin(), patterns.end(), type) != patterns.end();
    };
    if (consumer.webhook != nullptr) return names(consumer.webhook->patterns);
    if (consumer.pipeline == nullptr) return false;
    if (consumer.pipeline->on.has_value() && names(consumer.pipeline->on->patterns)) return true;
    return std::any_of(consumer.pipeline->listeners.begin(), consumer.pipeline->listeners.end(),
                       [&](const workflow::Listener& listener) { return listener.pattern == type; });
  }

  /// A consumer was compiled when one of its event types was not registered yet.
  static bool reads_new_type(const Compiled& consumer, const Registry& working) {
    for (const auto& [kind_name, version] : working.active) {
      if (kind_name.first != ArtefactKind::kEventType || !reads_type(consumer, kind_name.second)) continue;
      const auto& resolved = consumer.artefact->resolved;
      if (std::none_of(resolved.begin(), resolved.end(), [&](const auto& entry) {
            return entry.first == ArtefactKind::kEventType && entry.second.first == kind_name.second;
          }))
        return true;
    }
    return false;
  }

  /// Every active pipeline and webhook must still compile against what would be active.
  void check_consumers(const Registry& working, Diagnostics& diagnostics) const {
    for (const auto& [kind_name, version] : working.active) {
      const Compiled* consumer = working.find(kind_name.first, kind_name.second, version);
      if (consumer == nullptr || (consumer->pipeline == nullptr && consumer->webhook == nullptr)) continue;
      const Artefact& artefact = *consumer->artefact;
      bool touched = reads_new_type(*consumer, working);
      for (const auto& [kind, name_version] : artefact.resolved) {
        const auto active = working.active.find({kind, name_version.first});
        // A model that has got a route is now what the route says.
        touched |= kind == ArtefactKind::kModel &&
                   working.active.contains({ArtefactKind::kRoute, name_version.first});
        // Costs are fixed when their pipeline is deployed.
        touched |= kind != ArtefactKind::kCosts && active != working.active.end() &&
                   active->second != name_version.second;
      }
      if (!touched) continue;
      CompileRequest request;
      request.kind = artefact.kind;
      request.path = artefact.path;
      request.source = artefact.source;
      request.registry = &working;
      request.files = [&](const std::string& path) -> Result<std::string> {
        const auto file = artefact.files.find(path);
        if (file != artefact.files.end()) return file->second;
        return make_error(ErrorKind::kNotFound, "governance.file_missing",
                          "the file " + path + " was not recorded");
      };
      const auto outcome = compile_artefact(request);
      for (const auto& found : outcome.diagnostics) {
        if (found.severity != Diagnostic::Severity::kError) continue;
        auto mistake = found;
        mistake.code = "governance.breaks_consumer";
        mistake.message = "this would break " + std::string(artefact_kind_name(artefact.kind)) + " " +
                          artefact.full_name() + ": " + found.message;
        mistake.mend = "deploy a version of the pipeline that fits, or keep the contract";
        diagnostics.push_back(std::move(mistake));
      }
    }
  }

  /// Makes what was checked durable, then folds it.
  Status record(std::vector<CompiledArtefact>& added, const DeployRequest& request) {
    const int64_t now_us = options_.clock->now_us();
    log::RecordBatch batch;
    std::vector<std::shared_ptr<Compiled>> folded;
    uint64_t offset = registry_.offset;
    for (CompiledArtefact& item : added) {
      if (!item.weights.empty()) {
        SY_ASSIGN_OR_RETURN(const std::string name, blobs_->put(item.weights));
        SY_CHECK(name == item.compiled->artefact->blob);
      }
      auto artefact = std::make_shared<Artefact>(*item.compiled->artefact);
      artefact->who = request.who;
      artefact->message = request.message;
      artefact->deployed_us = now_us;
      artefact->offset = ++offset;
      log::RecordHeader header;
      header.type = static_cast<uint8_t>(GovernanceEvent::kDeployed);
      header.time_us = now_us;
      SY_ASSIGN_OR_RETURN([[maybe_unused]] const uint32_t at, batch.add(header, encode_deployed(*artefact)));
      item.compiled->artefact = artefact;
      folded.push_back(item.compiled);
    }
    SY_RETURN_IF_ERROR(append(std::move(batch)));
    for (auto& compiled : folded) {
      ++registry_.offset;
      const Artefact& artefact = *compiled->artefact;
      note(GovernanceEvent::kDeployed, {artefact.kind, artefact.name, artefact.version}, artefact.who,
           artefact.message, now_us);
      add(registry_, std::move(compiled));
    }
    return {};
  }

  void unload_trials(const std::vector<CompiledArtefact>& added) {
    for (const CompiledArtefact& item : added) {
      if (item.compiled->artefact->kind != ArtefactKind::kModel) continue;
      options_.models->unload({item.compiled->artefact->name, item.compiled->artefact->version});
    }
  }

  Status switch_event(GovernanceEvent type, const ArtefactKey& key, std::string_view who,
                      std::string_view why) {
    return switch_event(type, SwitchEvent{key, std::string(who), std::string(why)});
  }

  Status switch_event(GovernanceEvent type, const SwitchEvent& event) {
    const int64_t now_us = options_.clock->now_us();
    log::RecordBatch batch;
    log::RecordHeader header;
    header.type = static_cast<uint8_t>(type);
    header.time_us = now_us;
    SY_ASSIGN_OR_RETURN([[maybe_unused]] const uint32_t at, batch.add(header, encode_switch(event)));
    SY_RETURN_IF_ERROR(append(std::move(batch)));
    ++registry_.offset;
    fold_switch(type, event, now_us);
    publish();
    return {};
  }

  /// Changes are rare: the caller waits for the disk.
  Status append(log::RecordBatch batch) {
    auto done = std::make_shared<std::promise<Status>>();
    auto future = done->get_future();
    SY_RETURN_IF_ERROR(options_.log->append(std::move(batch), [done](const Status& status, LogOffset) {
      done->set_value(status.ok() ? Status() : Status(status.error()));
    }));
    return future.get();
  }

  void publish() {
    auto snapshot = make_snapshot(registry_);
    {
      std::lock_guard lock(snapshot_mutex_);
      snapshot_ = snapshot;
    }
    if (listener_) listener_(std::move(snapshot));
  }

  const GovernanceOptions options_;
  std::optional<BlobStore> blobs_;  ///< none: dry runs only
  std::function<void(std::shared_ptr<const Snapshot>)> listener_;

  std::mutex change_mutex_;  // one change at a time; guards registry_
  Registry registry_;
  mutable std::mutex snapshot_mutex_;
  std::shared_ptr<const Snapshot> snapshot_;  // guarded by snapshot_mutex_, like history_
  std::vector<GovernanceRecord> history_;
};

Governance::Governance(GovernanceOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Governance::~Governance() = default;
Status Governance::open(Diagnostics* problems) { return impl_->open(problems); }
std::shared_ptr<const Snapshot> Governance::snapshot() const { return impl_->snapshot(); }
Result<DeployReport> Governance::deploy(const DeployRequest& request) { return impl_->deploy(request); }
Status Governance::activate(const ArtefactKey& key, std::string_view who, std::string_view why) {
  return impl_->activate(key, who, why);
}
Status Governance::kill(const ArtefactKey& key, std::string_view who, std::string_view why) {
  return impl_->kill(key, who, why);
}
Status Governance::revive(const ArtefactKey& key, std::string_view who, std::string_view why) {
  return impl_->revive(key, who, why);
}
Status Governance::record_canary(const router::CanaryDecision& decision) {
  return impl_->record_canary(decision);
}
Status Governance::reroute(std::string_view route, std::string_view from, std::string_view to,
                           std::string_view who, std::string_view why) {
  return impl_->reroute(route, from, to, who, why);
}
std::vector<GovernanceRecord> Governance::history(size_t limit) const { return impl_->history(limit); }
void Governance::on_change(std::function<void(std::shared_ptr<const Snapshot>)> listener) {
  impl_->on_change(std::move(listener));
}

}  // namespace switchyard::governance
