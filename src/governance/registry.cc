#include "registry.h"

#include <algorithm>

#include "switchyard/types/value_codec.h"
#include "switchyard/workflow/agent.h"

namespace switchyard::governance {
namespace {

class SnapshotImpl final : public Snapshot {
 public:
  explicit SnapshotImpl(Registry registry) : registry_(std::move(registry)) {
    for (const auto& [key, compiled] : registry_.versions) {
      if (compiled->pipeline == nullptr) continue;
      by_hash_[compiled->pipeline->hash] = compiled->pipeline;
      pins_.emplace(compiled->pipeline.get(), make_pins(*compiled->pipeline));
      subscriptions_.add_listeners(compiled->pipeline);
    }
    for (const auto& [name, versions] : registry_.calls) {
      for (const auto& compiled : versions) {
        by_hash_[compiled->pipeline->hash] = compiled->pipeline;
        pins_.emplace(compiled->pipeline.get(), make_pins(*compiled->pipeline));
      }
    }
    for (const auto& [kind_name, version] : registry_.active) {
      const Compiled* compiled = registry_.find(kind_name.first, kind_name.second, version);
      if (compiled == nullptr) continue;
      if (compiled->webhook != nullptr) subscriptions_.add_webhook(compiled->webhook);
      if (compiled->pipeline == nullptr) continue;
      subscriptions_.add_agent(compiled->pipeline);
      if (compiled->pipeline->schedule.has_value()) scheduled_.push_back(compiled->pipeline);
    }
  }

  GovernanceOffset offset() const override { return GovernanceOffset(registry_.offset); }

  std::shared_ptr<const workflow::Pipeline> pipeline(std::string_view name,
                                                     std::string_view version) const override {
    if (name.starts_with(kCallsPrefix)) return call_pipeline(name.substr(kCallsPrefix.size()), version);
    const Compiled* compiled = resolve(ArtefactKind::kPipeline, name, version);
    return compiled == nullptr ? nullptr : compiled->pipeline;
  }
  std::shared_ptr<const workflow::Pipeline> pipeline_by_hash(const Sha256& hash) const override {
    const auto it = by_hash_.find(hash);
    return it == by_hash_.end() ? nullptr : it->second;
  }
  Result<std::shared_ptr<const workflow::Pins>> pins_for(const workflow::Pipeline& pipeline) const override {
    const auto it = pins_.find(&pipeline);
    return it != pins_.end() ? it->second : make_pins(pipeline);
  }
  std::shared_ptr<const rules::RuleTable> rules(std::string_view name,
                                                std::string_view version) const override {
    const Compiled* compiled = resolve(ArtefactKind::kRules, name, version);
    return compiled == nullptr ? nullptr : compiled->table;
  }
  std::shared_ptr<const prompts::Prompt> prompt(std::string_view name,
                                                std::string_view version) const override {
    const Compiled* compiled = resolve(ArtefactKind::kPrompt, name, version);
    return compiled == nullptr ? nullptr : compiled->prompt;
  }
  const workflow::Kill* killed(ArtefactKind kind, std::string_view name,
                               std::string_view version) const override {
    for (const auto& kill : registry_.kills) {
      if (kill.kind == kind && kill.name == name && (kill.version.empty() || kill.version == version))
        return &kill;
    }
    return nullptr;
  }
  std::vector<std::shared_ptr<const Artefact>> artefacts() const override { return registry_.in_order; }
  std::shared_ptr<const Artefact> artefact(ArtefactKind kind, std::string_view name,
                                           std::string_view version) const override {
    const Compiled* compiled = resolve(kind, name, version);
    return compiled == nullptr ? nullptr : compiled->artefact;
  }
  std::string active_version(ArtefactKind kind, std::string_view name) const override {
    const auto it = registry_.active.find({kind, std::string(name)});
    return it == registry_.active.end() ? std::string() : it->second;
  }
  std::vector<workflow::Kill> kills() const override { return registry_.kills; }
  std::vector<RemoteModel> remote_models() const override {
    std::vector<RemoteModel> all;
    for (const auto& [key, compiled] : registry_.versions) {
      if (key.kind != ArtefactKind::kModel || compiled->manifest == nullptr ||
          !compiled->manifest->is_remote())
        continue;
      const Compiled* backend = resolve(ArtefactKind::kBackend, compiled->manifest->backend, {});
      if (backend != nullptr && backend->backend != nullptr)
        all.push_back({compiled->manifest, backend->backend});
    }
    return all;
  }
  std::vector<router::RouteSetting> routes() const override {
    std::vector<router::RouteSetting> all;
    for (const auto& [kind_name, version] : registry_.active) {
      if (kind_name.first != ArtefactKind::kRoute) continue;
      const Compiled* compiled = registry_.find(kind_name.first, kind_name.second, version);
      if (compiled == nullptr || compiled->route == nullptr) continue;
      router::RouteSetting setting;
      setting.route = compiled->route;
      const auto switches = registry_.route_switches.find(kind_name.second);
      if (switches != registry_.route_switches.end()) {
        for (const auto& [from, to] : switches->second.reroutes) setting.reroutes.emplace_back(from, to);
        if (switches->second.canary_version == version) setting.canary = switches->second.canary;
      }
      all.push_back(std::move(setting));
    }
    return all;
  }
  std::shared_ptr<const router::Route> route(std::string_view name) const override {
    const Compiled* compiled = resolve(ArtefactKind::kRoute, name, {});
    return compiled == nullptr ? nullptr : compiled->route;
  }
  std::shared_ptr<const models::BackendSpec> backend(std::string_view name) const override {
    const Compiled* compiled = resolve(ArtefactKind::kBackend, name, {});
    return compiled == nullptr ? nullptr : compiled->backend;
  }
  std::shared_ptr<const models::ModelManifest> manifest(std::string_view name,
                                                        std::string_view version) const override {
    const Compiled* compiled = version.empty() ? resolve(ArtefactKind::kRoute, name, {}) : nullptr;
    if (compiled == nullptr) compiled = resolve(ArtefactKind::kModel, name, version);
    return compiled == nullptr ? nullptr : compiled->manifest;
  }
  std::vector<workflow::Consumer> consumers(const Value& event) const override {
    return subscriptions_.consumers(event);
  }
  std::shared_ptr<const events::Webhook> webhook(std::string_view name) const override {
    const Compiled* compiled = resolve(ArtefactKind::kWebhook, name, {});
    return compiled == nullptr ? nullptr : compiled->webhook;
  }
  std::shared_ptr<const events::EventType> event_type(std::string_view type) const override {
    const Compiled* compiled = resolve(ArtefactKind::kEventType, type, {});
    return compiled == nullptr ? nullptr : compiled->event_type;
  }
  std::vector<std::shared_ptr<const workflow::Pipeline>> scheduled() const override { return scheduled_; }
  std::shared_ptr<const retention::Policy> retention() const override {
    for (const auto& [kind_name, version] : registry_.active) {
      if (kind_name.first != ArtefactKind::kRetention) continue;
      if (killed(ArtefactKind::kRetention, kind_name.second, version) != nullptr) return nullptr;
      const Compiled* compiled = registry_.find(ArtefactKind::kRetention, kind_name.second, version);
      return compiled == nullptr ? nullptr : compiled->retention;
    }
    return nullptr;
  }
  std::shared_ptr<const privacy::Policy> privacy(std::string_view name,
                                                 std::string_view version) const override {
    const Compiled* compiled = resolve(ArtefactKind::kPrivacy, name, version);
    return compiled == nullptr ? nullptr : compiled->privacy;
  }

 private:
  const Compiled* resolve(ArtefactKind kind, std::string_view name, std::string_view version) const {
    return registry_.find(kind, std::string(name),
                          version.empty() ? active_version(kind, name) : std::string(version));
  }

  std::shared_ptr<const workflow::Pipeline> call_pipeline(std::string_view model,
                                                          std::string_view version) const {
    const std::string key = std::string(model) + (version.empty() ? "" : "@" + std::string(version));
    const auto found = registry_.calls.find(key);
    return found == registry_.calls.end() ? nullptr : found->second.back()->pipeline;
  }

  Result<std::shared_ptr<const workflow::Pins>> make_pins(const workflow::Pipeline& pipeline) const {
    auto pins = std::make_shared<workflow::Pins>();
    pins->governance = offset();
    for (const workflow::Dependency& dependency : pipeline.dependencies) {
      ArtefactKind kind{};
      switch (dependency.kind) {
        case workflow::Dependency::Kind::kRules: kind = ArtefactKind::kRules; break;
        case workflow::Dependency::Kind::kModel: kind = ArtefactKind::kModel; break;
        case workflow::Dependency::Kind::kPrompt: kind = ArtefactKind::kPrompt; break;
        case workflow::Dependency::Kind::kCosts: kind = ArtefactKind::kCosts; break;
        case workflow::Dependency::Kind::kPipeline: kind = ArtefactKind::kPipeline; break;
      }
      std::string version = dependency.ref.version;
      // Costs were compiled into the pipeline when it was deployed: their version does not move under it.
      if (kind == ArtefactKind::kCosts) version = deployed_with(pipeline, kind, dependency.ref.name);
      const Compiled* compiled = nullptr;
      // A model without a version is a logical one: its route answers for it, if there is one.
      if (kind == ArtefactKind::kModel && version.empty()) {
        compiled = resolve(ArtefactKind::kRoute, dependency.ref.name, {});
        if (compiled != nullptr) kind = ArtefactKind::kRoute;
      }
      if (compiled == nullptr) compiled = resolve(kind, dependency.ref.name, version);
      if (compiled == nullptr) {
        return make_error(ErrorKind::kUnprocessable, "governance.missing_artefact",
                          "pipeline " + pipeline.full_name() + " needs " +
                              std::string(artefact_kind_name(kind)) + " " + dependency.ref.name +
                              ", of which no version is deployed; deploy one");
      }
      pins->pins.push_back({kind, compiled->artefact->name, compiled->artefact->version,
                            compiled->artefact->sha256, compiled->table, compiled->prompt});
    }
    return std::shared_ptr<const workflow::Pins>(std::move(pins));
  }

  std::string deployed_with(const workflow::Pipeline& pipeline, ArtefactKind kind,
                            const std::string& name) const {
    const Compiled* self = registry_.find(ArtefactKind::kPipeline, pipeline.name, pipeline.version);
    if (self == nullptr) return {};
    for (const auto& [resolved_kind, name_version] : self->artefact->resolved) {
      if (resolved_kind == kind && name_version.first == name) return name_version.second;
    }
    return {};
  }

  Registry registry_;
  workflow::Subscriptions subscriptions_;
  std::vector<std::shared_ptr<const workflow::Pipeline>> scheduled_;
  std::map<Sha256, std::shared_ptr<const workflow::Pipeline>> by_hash_;
  std::map<const workflow::Pipeline*, Result<std::shared_ptr<const workflow::Pins>>> pins_;
};

std::string text_of(const Value& map, std::string_view key) {
  const Value* value = map.find(key);
  return value != nullptr && value->is(Kind::kString) ? std::string(value->as_string()) : std::string();
}

int64_t number_of(const Value& map, std::string_view key) {
  const Value* value = map.find(key);
  return value != nullptr && value->is(Kind::kInteger) ? value->as_integer() : 0;
}

Error bad_event() {
  return make_error(ErrorKind::kCorruption, "governance.bad_event",
                    "an event of the governance log cannot be read by this binary");
}

std::string encode(const Value& map) {
  std::string payload;
  ByteWriter writer(payload);
  encode_value(map, writer);
  return payload;
}

}  // namespace

std::string_view governance_event_name(GovernanceEvent event) {
  switch (event) {
    case GovernanceEvent::kDeployed: return "deployed";
    case GovernanceEvent::kActivated: return "activated";
    case GovernanceEvent::kKilled: return "killed";
    case GovernanceEvent::kRevived: return "revived";
    case GovernanceEvent::kCanary: return "canary";
    case GovernanceEvent::kRerouted: return "rerouted";
  }
  return "unknown";
}

const Compiled* Registry::find(ArtefactKind kind, const std::string& name, const std::string& version) const {
  const auto it = versions.find(ArtefactKey{kind, name, version});
  return it == versions.end() ? nullptr : it->second.get();
}

const Compiled* Registry::find_active(ArtefactKind kind, const std::string& name) const {
  const auto version = active.find({kind, name});
  return version == active.end() ? nullptr : find(kind, name, version->second);
}

void Registry::add(std::shared_ptr<const Compiled> compiled) {
  const auto& artefact = compiled->artefact;
  active[{artefact->kind, artefact->name}] = artefact->version;
  in_order.push_back(artefact);
  versions[ArtefactKey{artefact->kind, artefact->name, artefact->version}] = std::move(compiled);
}

std::shared_ptr<const Snapshot> make_snapshot(Registry registry) {
  return std::make_shared<SnapshotImpl>(std::move(registry));
}

std::string encode_deployed(const Artefact& artefact) {
  Arena arena;
  MapBuilder map(arena);
  map.add("kind", Value::integer(static_cast<int>(artefact.kind)));
  map.add("name", Value::string(artefact.name));
  map.add("version", Value::string(artefact.version));
  map.add("sha256",
          Value::bytes({reinterpret_cast<const char*>(artefact.sha256.data()), artefact.sha256.size()}));
  map.add("source", Value::string(artefact.source));
  map.add("path", Value::string(artefact.path));
  MapBuilder files(arena);
  for (const auto& [path, text] : artefact.files) files.add(path, Value::string(text));
  map.add("files", files.build());
  map.add("blob", Value::string(artefact.blob));
  ListBuilder resolved(arena);
  for (const auto& [kind, name_version] : artefact.resolved) {
    MapBuilder entry(arena);
    entry.add("kind", Value::integer(static_cast<int>(kind)));
    entry.add("name", Value::string(name_version.first));
    entry.add("version", Value::string(name_version.second));
    resolved.add(entry.build());
  }
  map.add("resolved", resolved.build());
  map.add("who", Value::string(artefact.who));
  map.add("message", Value::string(artefact.message));
  map.add("deployed_us", Value::integer(artefact.deployed_us));
  return encode(map.build());
}

Result<Artefact> decode_deployed(std::string_view payload) {
  Arena arena;
  ByteReader in(payload);
  const Value map = decode_value(in, arena);
  if (!in.ok() || !map.is(Kind::kMap)) return bad_event();
  Artefact artefact;
  artefact.kind = static_cast<ArtefactKind>(number_of(map, "kind"));
  artefact.name = text_of(map, "name");
  artefact.version = text_of(map, "version");
  const Value* sha = map.find("sha256");
  if (sha == nullptr || !sha->is(Kind::kBytes) || sha->size() != artefact.sha256.size()) return bad_event();
  std::copy_n(sha->as_bytes().begin(), artefact.sha256.size(), artefact.sha256.begin());
  artefact.source = text_of(map, "source");
  artefact.path = text_of(map, "path");
  if (const Value* files = map.find("files"); files != nullptr && files->is(Kind::kMap)) {
    for (const Member& file : files->members())
      artefact.files[std::string(file.key.as_string())] = file.value.as_string();
  }
  artefact.blob = text_of(map, "blob");
  if (const Value* resolved = map.find("resolved"); resolved != nullptr && resolved->is(Kind::kList)) {
    for (const Value& entry : resolved->items()) {
      artefact.resolved.push_back({static_cast<ArtefactKind>(number_of(entry, "kind")),
                                   {text_of(entry, "name"), text_of(entry, "version")}});
    }
  }
  artefact.who = text_of(map, "who");
  artefact.message = text_of(map, "message");
  artefact.deployed_us = number_of(map, "deployed_us");
  return artefact;
}

std::string encode_switch(const SwitchEvent& event) {
  Arena arena;
  MapBuilder map(arena);
  map.add("kind", Value::integer(static_cast<int>(event.key.kind)));
  map.add("name", Value::string(event.key.name));
  map.add("version", Value::string(event.key.version));
  map.add("who", Value::string(event.who));
  map.add("why", Value::string(event.why));
  if (event.canary.has_value()) {
    map.add("phase", Value::integer(static_cast<int64_t>(event.canary->phase)));
    map.add("step", Value::integer(event.canary->step));
    map.add("started_us", Value::integer(event.canary->started_us));
    map.add("step_began_us", Value::integer(event.canary->step_began_us));
    map.add("evidence", Value::string(event.evidence));
  }
  if (!event.from.empty()) {
    map.add("from", Value::string(event.from));
    map.add("to", Value::string(event.to));
  }
  return encode(map.build());
}

Result<SwitchEvent> decode_switch(std::string_view payload) {
  Arena arena;
  ByteReader in(payload);
  const Value map = decode_value(in, arena);
  if (!in.ok() || !map.is(Kind::kMap)) return bad_event();
  SwitchEvent event{
      {static_cast<ArtefactKind>(number_of(map, "kind")), text_of(map, "name"), text_of(map, "version")},
      text_of(map, "who"),
      text_of(map, "why")};
  if (map.find("phase") != nullptr) {
    event.canary = router::CanaryState{static_cast<router::CanaryState::Phase>(number_of(map, "phase")),
                                       static_cast<uint32_t>(number_of(map, "step")),
                                       number_of(map, "started_us"), number_of(map, "step_began_us")};
    event.evidence = text_of(map, "evidence");
  }
  if (map.find("from") != nullptr) {
    event.from = text_of(map, "from");
    event.to = text_of(map, "to");
  }
  return event;
}

}  // namespace switchyard::governance
