#include "surfaces/inference_call.h"

#include <algorithm>

#include "surfaces/common.h"
#include "surfaces/model_calls.h"

namespace switchyard::gateway::surfaces {
namespace {

Error unknown_model(std::string_view name, std::string_view version) {
  return make_error(ErrorKind::kNotFound, "inference.unknown_model",
                    "no model '" + std::string(name.substr(0, kMaxInferenceNameBytes)) +
                        (version.empty() ? "" : "@" + std::string(version.substr(0, 64))) +
                        "' with tensors is loaded; /v2/repository/index lists those that are",
                    "model");
}

const workflow::Kill* kill_of(const governance::Snapshot& snapshot, const models::ModelInfo& info) {
  return snapshot.killed(ArtefactKind::kModel, info.name(), info.version());
}

Result<partition::StartRun> form_run(const Services& services, InferenceCall& inference, const Call& call) {
  const auto manifest = services.governance->snapshot()->manifest(inference.model, inference.version);
  if (manifest != nullptr && manifest->kind != models::ModelKind::kTensors)
    return make_error(ErrorKind::kInvalidArgument, "models.wrong_kind",
                      "'" + inference.model + "' is a model of kind " +
                          std::string(models::model_kind_name(manifest->kind)) + ", which takes no tensors",
                      "model");
  const std::string version = inference.version.empty() ? "" : "@" + inference.version;
  auto run = model_run(call, services, inference.model + version, std::make_shared<Arena>(4096));
  if (!run.ok() && run.error().kind == ErrorKind::kNotFound)
    return unknown_model(inference.model, inference.version);
  if (!run.ok()) return run;
  // The run takes its arena over: the input is copied into it, once.
  run->input = copy_value(*inference.input, *run->arena);
  inference.input = {};
  run->id = services.engine->reserve_id(*run);
  return run;
}

Result<InferenceReply> reply_of(partition::RunView& view, InferenceReply reply) {
  if (view.summary.status != workflow::RunStatus::kCompleted) {
    const workflow::RunError& error = view.summary.error;
    return make_error(error.kind, error.code.empty() ? "inference.failed" : error.code,
                      error.message.empty() ? "the call was cancelled" : error.message, error.field);
  }
  reply.output = std::move(view.output);
  return reply;
}

Error timed_out(const Services& services, const RunId& run, int64_t timeout_us) {
  services.live_calls->abandon(run);
  services.engine->cancel_run(run, "inference", "the caller did not wait longer",
                              [](const Result<partition::RunView>&) {});
  return make_error(
      ErrorKind::kDeadlineExceeded, "inference.timeout",
      "the model did not answer within " + std::to_string(timeout_us / 1000) + " ms; allow more time",
      "timeout");
}

}  // namespace

Result<ModelDescription> describe_model(const Services& services, std::string_view name,
                                        std::string_view version) {
  const auto snapshot = services.governance->snapshot();
  const auto route = version.empty() ? services.router->route(name) : nullptr;
  std::string wanted(version);
  if (wanted.empty()) wanted = snapshot->active_version(ArtefactKind::kModel, name);
  const auto answers = [&](const models::ModelName& model) {
    if (route == nullptr) return model.name == name && model.version == wanted;
    return std::any_of(route->candidates.begin(), route->candidates.end(), [&](const auto& each) {
      return each.model.name == model.name && each.model.version == model.version;
    });
  };
  ModelDescription description;
  description.name = name;
  for (const auto& status : services.models->list()) {
    if (status.info == nullptr || status.state != models::ModelState::kReady) continue;
    if (status.model.name == name) description.versions.push_back(status.model.version);
    if (!answers(status.model)) continue;
    const workflow::Kill* kill = kill_of(*snapshot, *status.info);
    if (description.info == nullptr) description.info = status.info;
    if (kill == nullptr)
      description.ready = true;
    else
      description.switched_off = kill->why;
  }
  if (description.info == nullptr) return unknown_model(name, version);
  const workflow::Kill* kill =
      route == nullptr ? nullptr : snapshot->killed(ArtefactKind::kRoute, route->name, route->version);
  if (kill == nullptr) return description;
  description.ready = false;
  description.switched_off = kill->why;
  return description;
}

std::vector<IndexEntry> model_index(const Services& services, bool only_ready) {
  const auto snapshot = services.governance->snapshot();
  std::vector<IndexEntry> index;
  const auto add = [&](IndexEntry entry) {
    entry.ready = entry.reason.empty();
    if (entry.ready || !only_ready) index.push_back(std::move(entry));
  };
  for (const auto& status : services.models->list()) {
    IndexEntry entry{status.model.name, status.model.version, true, {}};
    if (status.info == nullptr || status.state != models::ModelState::kReady)
      entry.reason = models::model_state_name(status.state);
    else if (const auto* kill = kill_of(*snapshot, *status.info))
      entry.reason = "switched off: " + kill->why;
    add(std::move(entry));
  }
  for (const auto& route : services.router->routes()) {
    const auto manifest = snapshot->manifest(route->name, {});
    if (manifest == nullptr || manifest->kind != models::ModelKind::kTensors) continue;
    const auto described = describe_model(services, route->name, {});
    IndexEntry entry{route->name, {}, true, {}};
    if (!described.ok())
      entry.reason = "none of its models is loaded";
    else if (!described->ready)
      entry.reason = "switched off: " + described->switched_off;
    add(std::move(entry));
  }
  return index;
}

void call_inference(const Services& services, InferenceCall inference, const std::shared_ptr<Call>& call,
                    std::function<void(Result<InferenceReply>)> done) {
  auto run = form_run(services, inference, *call);
  if (!run.ok()) return done(std::move(run).error());
  InferenceReply reply{std::move(inference.model), {}, run->id, {}};
  if (const workflow::Pin* pin = run->pins->find(ArtefactKind::kModel, reply.model))
    reply.version = pin->version;
  int64_t timeout_us =
      inference.timeout_us > 0 ? std::min(inference.timeout_us, kMaxInferenceWaitUs) : kMaxInferenceWaitUs;
  if (call->deadline_us > 0)
    timeout_us = std::clamp<int64_t>(call->deadline_us - services.clock->monotonic_us(), 1, timeout_us);
  start_model_run(
      services, std::move(*run), services.clock->now_us() + timeout_us, *call, {},
      [&services, call, done = std::move(done), reply = std::move(reply), timeout_us](ModelRunEnd end) {
        call->refusal = end.refusal;
        if (!end.view.ok()) return done(std::move(end.view).error());
        if (!workflow::is_final(end.view->summary.status))
          return done(timed_out(services, reply.decision, timeout_us));
        InferenceReply answered = reply;
        answered.decision = end.view->summary.id;  // another one when an Idempotency-Key names it
        done(reply_of(*end.view, std::move(answered)));
      });
}

}  // namespace switchyard::gateway::surfaces
