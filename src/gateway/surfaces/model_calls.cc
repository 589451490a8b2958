#include "surfaces/model_calls.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "error_answer.h"
#include "surfaces/runs.h"
#include "switchyard/base/hash.h"
#include "switchyard/gateway/limits.h"
#include "switchyard/http/problem.h"
#include "switchyard/workflow/start.h"

namespace switchyard::gateway::surfaces {
namespace {

constexpr int64_t kLongestCallUs = 600'000'000;  // what OpenAI's clients wait by default

/// What of a request says whose it is, so that the same person meets the same version.
std::string sticky_key(const Value& body) {
  for (const std::string_view name : {"user", "safety_identifier"}) {
    const Value* value = body.find(name);
    if (value != nullptr && value->is(Kind::kString) && value->as_string().size() <= 256)
      return std::string(value->as_string());
  }
  return {};
}

Error of_run(const workflow::RunSummary& run) {
  if (run.error.code.empty())
    return make_error(ErrorKind::kDeadlineExceeded, "gateway.no_answer",
                      "the model did not answer in the time there was; decision " + run.id.to_string() +
                          " has what became of it");
  return make_error(run.error.kind, run.error.code, run.error.message, run.error.field);
}

}  // namespace

Error unknown_model(const std::string& name) {
  return make_error(
      ErrorKind::kNotFound, "model_not_found",
      "The model '" + name + "' does not exist or cannot be called here; GET /v1/models lists those that can",
      "model");
}

Result<partition::StartRun> model_run(const Call& call, const Services& services, const std::string& model,
                                      std::shared_ptr<Arena> arena) {
  const auto catalog = services.governance->snapshot();
  const auto [name, version] = split_reference(model);
  partition::StartRun run;
  run.pipeline = catalog->pipeline(std::string(governance::kCallsPrefix) + name, version);
  if (run.pipeline == nullptr) return unknown_model(model);
  SY_RETURN_IF_ERROR(call.use_route(name));
  SY_ASSIGN_OR_RETURN(run.pins, catalog->pins_for(*run.pipeline));
  if (const auto route = version.empty() ? catalog->route(name) : nullptr)
    run.ack_received = route->ack == router::Ack::kReceived;
  run.tenant = call.caller.tenant;
  run.principal = call.caller.name;
  run.priority = run_priority(call.priority);
  run.trace = call.trace.traceparent;
  run.idempotency_key = call.request.header("Idempotency-Key").value_or("");
  if (!run.idempotency_key.empty()) run.request_hash = hash64(call.request.body(), hash64(model));
  run.arena = std::move(arena);
  return run;
}

Result<ModelCallRequest> read_model_call(const Call& call, const Services& services, models::ModelKind kind) {
  auto arena = std::make_shared<Arena>(call.request.body().size() * 3 + 1024);
  ModelCallRequest request;
  SY_ASSIGN_OR_RETURN(request.body, object_body(call, *arena));
  SY_ASSIGN_OR_RETURN(request.model, text_member(request.body, "model"));
  SY_ASSIGN_OR_RETURN(request.run, model_run(call, services, request.model, std::move(arena)));
  const auto [name, version] = split_reference(request.model);
  const auto manifest = services.governance->snapshot()->manifest(name, version);
  if (manifest != nullptr && manifest->kind != kind)
    return make_error(ErrorKind::kInvalidArgument, "models.wrong_kind",
                      "'" + request.model + "' is a model of kind " +
                          std::string(models::model_kind_name(manifest->kind)) + ", not " +
                          std::string(models::model_kind_name(kind)),
                      "model");
  request.run.key = sticky_key(request.body);
  return request;
}

std::string reserve(ModelCallRequest& request, const Services& services) {
  request.run.id = services.engine->reserve_id(request.run);
  return request.run.id.to_string();
}

namespace {

/// The most tokens that a call may use, as far as can be told before: four bytes of what is asked make one,
/// and the answer has as many as the client allows.
uint64_t most_tokens(const Call& call, const Value& body) {
  uint64_t answer = kUnsaidAnswerTokens;
  for (const char* name : {"max_completion_tokens", "max_tokens"})
    if (const Value* most = body.find(name);
        most != nullptr && most->is(Kind::kInteger) && most->as_integer() >= 0) {
      answer = static_cast<uint64_t>(most->as_integer());
      break;
    }
  if (body.find("messages") == nullptr) answer = 0;  // embeddings
  return call.request.body().size() / 4 + 1 + answer;
}

/// What the model's server counted; nothing when it did not.
std::optional<uint64_t> tokens_used(const Document& output) {
  const Value* usage = output->is(Kind::kMap) ? output->find("usage") : nullptr;
  const Value* total = usage != nullptr && usage->is(Kind::kMap) ? usage->find("total_tokens") : nullptr;
  if (total == nullptr || !total->is(Kind::kInteger) || total->as_integer() < 0) return std::nullopt;
  return static_cast<uint64_t>(total->as_integer());
}

/// Reserves tokens for the call and settles them with its output. A call that failed half-way keeps what it
/// reserved: nobody knows what it used.
Status reserve_tokens(const std::shared_ptr<Call>& call, const Value& body, OnOutput& done) {
  SY_RETURN_IF_ERROR(call->allowance->reserve_tokens(most_tokens(*call, body)));
  done = [allowance = call->allowance, next = std::move(done)](Result<Document> output) {
    if (output.ok())
      if (const auto used = tokens_used(*output)) allowance->settle_tokens(*used);
    next(std::move(output));
  };
  return {};
}

}  // namespace

void begin_model_call(const Services& services, ModelCallRequest request, std::shared_ptr<Call> call,
                      OnPart on_part, OnOutput done) {
  if (const Status refused = reserve_tokens(call, request.body, done); !refused.ok())
    return done(refused.error());
  // The time-out that OpenAI's clients tell is from one part to the next where there are parts.
  const bool bounded = !on_part || call->request.header("X-Request-Deadline-Ms").has_value();
  const int64_t wait_us = bounded ? within_deadline(*call, services, kLongestCallUs) : kLongestCallUs;
  start_model_run(services, std::move(request.run), services.clock->now_us() + wait_us, *call,
                  std::move(on_part), [&services, call, done = std::move(done)](ModelRunEnd end) {
                    if (!end.began) call->allowance->settle_tokens(0);
                    if (!end.view.ok()) return done(end.view.error());
                    call->refusal = end.refusal;
                    const workflow::RunSummary& run = end.view->summary;
                    if (!workflow::is_final(run.status)) services.live_calls->abandon(run.id);
                    if (run.status != workflow::RunStatus::kCompleted) return done(of_run(run));
                    done(std::move(end.view->output));
                  });
}

void start_model_run(const Services& services, partition::StartRun run, int64_t until_us, Call& call,
                     OnPart on_part, OnRunEnd done) {
  const RunId id = run.id;
  const int64_t deadline_us = services.clock->monotonic_us() + until_us - services.clock->now_us();
  auto live = services.live_calls->watch(id, {std::move(on_part), deadline_us});
  // A client that has gone pays for nothing that it will not see.
  call.responder.on_disconnect([&services, id] { services.live_calls->abandon(id); });
  const partition::DriveHere drive_here;
  services.engine->start_run(
      std::move(run), until_us,
      [&services, live = std::move(live),
       done = std::move(done)](Result<partition::StartReply> reply) mutable {
        // Who hears of a run that is not final may still want to give the call up.
        const auto held = std::exchange(live, nullptr);
        if (!reply.ok()) return done({reply.error(), false});
        partition::RunView& view = reply->view;
        if (!workflow::is_final(view.summary.status)) return done({std::move(view)});
        const LiveCall::Refusal refusal = held->refusal();
        if (view.has_output || view.summary.status != workflow::RunStatus::kCompleted)
          return done({std::move(view), true, refusal});
        // The output has left memory already; it is in the log.
        auto later = std::make_shared<partition::RunView>(std::move(view));
        const bool taken = services.pool->submit([&services, later, done] {
          const Status filled = fill_output(*services.engine, *later);
          done(filled.ok() ? ModelRunEnd{std::move(*later)} : ModelRunEnd{filled.error()});
        });
        if (!taken)
          done({make_error(ErrorKind::kUnavailable, "gateway.overloaded",
                           "the server is busy; try again shortly")});
      });
}

void fail_call(Call& call, const Error& error) {
  http::Response response = error_answer(error, call.request.path());
  if (call.refusal.retry_after_us > 0) tell_retry_after(response, call.refusal.retry_after_us);
  // The router has used up what retries there were; a client's own would multiply them.
  const bool of_use = error.kind == ErrorKind::kResourceExhausted && !call.refusal.budget_spent &&
                      error.code != "router.budget";
  if (http::status_of(error.kind) >= 500 || error.code.starts_with("models.") ||
      error.code.starts_with("router."))
    tell_should_retry(response, of_use);
  call.answer(std::move(response));
}

std::vector<CallableModel> callable_models(const governance::Snapshot& snapshot) {
  std::map<std::string, CallableModel> by_name;
  for (const auto& artefact : snapshot.artefacts()) {
    if (artefact->kind != ArtefactKind::kModel && artefact->kind != ArtefactKind::kRoute) continue;
    if (snapshot.active_version(artefact->kind, artefact->name) != artefact->version) continue;
    CallableModel& model = by_name[artefact->name];
    model = {artefact->name, artefact->kind == ArtefactKind::kRoute ? "route" : "model",
             artefact->deployed_us};
  }
  std::vector<CallableModel> all;
  for (auto& [name, model] : by_name) all.push_back(std::move(model));
  return all;
}

}  // namespace switchyard::gateway::surfaces
