// /api/v1/models: what answers, in this process and on other machines, and how it stands.
#include "surfaces/common.h"
#include "switchyard/models/remote.h"
#include "switchyard/router/router.h"

namespace switchyard::gateway {
namespace {

using namespace surfaces;  // NOLINT: the file is a surface

void append_tensors(const std::vector<models::TensorInfo>& tensors, std::string& out) {
  out += '[';
  for (const auto& tensor : tensors) {
    if (out.back() != '[') out += ',';
    JsonObject(out).text("name", tensor.name).text("type", tensor.to_string()).close();
  }
  out += ']';
}

void append_loaded(const models::ModelInfo& info, JsonObject& object) {
  object.text("sha256", info.sha256)
      .text("runtime", info.runtime)
      .number("bytes", static_cast<int64_t>(info.model_bytes));
  object.number("instances", info.manifest.run.instances)
      .number("warm_ups", info.warm_ups)
      .real("warm_up_ms", static_cast<double>(info.warm_up_us) / 1000)
      .real("load_ms", static_cast<double>(info.load_us) / 1000);
  append_tensors(info.inputs, object.raw("inputs"));
  append_tensors(info.outputs, object.raw("outputs"));
}

/// The breakers that routes keep for a version; no route: no member.
void append_breakers(const models::ModelName& model, const std::vector<router::RouteStatus>& routes,
                     JsonObject& object) {
  std::string list;
  for (const auto& route : routes) {
    for (const auto& candidate : route.candidates) {
      if (candidate.model.name != model.name || candidate.model.version != model.version) continue;
      list += list.empty() ? '[' : ',';
      JsonObject(list)
          .text("route", route.route)
          .text("candidate", candidate.name)
          .text("breaker", candidate.breaker)
          .close();
    }
  }
  if (!list.empty()) object.raw("breakers") += list + ']';
}

void append_local(const models::ModelStatus& status, const std::vector<router::RouteStatus>& routes,
                  std::string& out) {
  JsonObject object(out);
  object.text("name", status.model.name)
      .text("version", status.model.version)
      .text("state", models::model_state_name(status.state));
  object.boolean("current", status.current)
      .boolean("disabled", status.disabled)
      .number("waiting", status.waiting)
      .number("running", status.running);
  if (status.info != nullptr) append_loaded(*status.info, object);
  append_breakers(status.model, routes, object);
  object.close();
}

void append_backend(const models::BackendSpec& backend,
                    const std::vector<models::RemoteModel::Replica>& replicas, std::string& out) {
  JsonObject object(out);
  object.text("name", backend.name.name)
      .text("version", backend.name.version)
      .text("protocol", backend.protocol)
      .text("class", backend.owner == models::BackendClass::kVendor ? "vendor" : "in_house");
  if (!backend.vendor.empty()) object.text("vendor", backend.vendor);
  std::string& list = object.raw("replicas");
  list += '[';
  for (const auto& replica : replicas) {
    if (list.back() != '[') list += ',';
    JsonObject(list)
        .text("url", replica.url)
        .number("under_way", replica.under_way)
        .boolean("ejected", replica.ejected)
        .close();
  }
  list += ']';
  object.close();
}

/// Whether a switch keeps callers from a model on another machine.
bool is_off(const governance::Snapshot& snapshot, const models::ModelName& model,
            const models::BackendSpec* backend) {
  if (snapshot.killed(ArtefactKind::kModel, model.name, model.version) != nullptr) return true;
  if (backend == nullptr) return false;
  const std::string vendor = std::string(governance::kVendorPrefix) + backend->vendor;
  return snapshot.killed(ArtefactKind::kBackend, backend->name.name, backend->name.version) != nullptr ||
         (!backend->vendor.empty() && snapshot.killed(ArtefactKind::kBackend, vendor, {}) != nullptr);
}

void append_remote(const models::Models::Remote& remote, const governance::Snapshot& snapshot,
                   const std::vector<router::RouteStatus>& routes, std::string& out) {
  const models::ModelName& model = remote.info->manifest.model;
  const auto backend = snapshot.backend(remote.info->manifest.backend);
  int64_t running = 0;
  for (const auto& replica : remote.replicas) running += replica.under_way;
  JsonObject object(out);
  object.text("name", model.name)
      .text("version", model.version)
      .text("state", remote.usable.ok() ? "ready" : "unusable");
  if (!remote.usable.ok()) object.text("why", remote.usable.error().message);
  object.boolean("current", snapshot.active_version(ArtefactKind::kModel, model.name) == model.version)
      .boolean("disabled", is_off(snapshot, model, backend.get()))
      .number("waiting", 0)
      .number("running", running)
      .text("runtime", remote.info->runtime)
      .text("kind", models::model_kind_name(remote.info->manifest.kind));
  if (backend != nullptr) append_backend(*backend, remote.replicas, object.raw("backend"));
  append_breakers(model, routes, object);
  object.close();
}

void list_models(Call&& call, const Services& services) {
  const auto routes = services.router->status();
  std::string json = "{\"models\":[";
  for (const auto& status : services.models->list()) {
    if (json.back() != '[') json += ',';
    append_local(status, routes, json);
  }
  const auto snapshot = services.governance->snapshot();
  for (const auto& remote : services.remote_models->remotes()) {
    if (json.back() != '[') json += ',';
    append_remote(remote, *snapshot, routes, json);
  }
  call.answer_json(200, json + "]}");
}

}  // namespace

void add_models(Gateway& gateway, const Services& services) {
  const Operations on(gateway, services);
  on("GET /api/v1/models", "list_models", Permission::kDeploymentsRead, list_models);
}

}  // namespace switchyard::gateway
