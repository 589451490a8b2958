// Models that processes serve which ask for their calls.
#include "switchyard/models/worker_model.h"

#include <algorithm>
#include <atomic>

#include "protocol.h"
#include "switchyard/base/check.h"
#include "switchyard/models/limits.h"
#include "switchyard/types/json.h"

namespace switchyard::models {
namespace {

class WorkerModel final : public RemoteModel, public std::enable_shared_from_this<WorkerModel> {
 public:
  WorkerModel(const ModelManifest& manifest, const BackendSpec& backend, ModelTasks& tasks,
              const runtime::Clock& clock, std::unique_ptr<Protocol> protocol)
      : model_(manifest.model),
        queue_(backend.queue),
        input_schema_(manifest.input_schema),
        protocol_(std::move(protocol)),
        tasks_(tasks),
        clock_(clock),
        timeout_us_(int64_t{1000} * (manifest.timeout_ms > 0  ? manifest.timeout_ms
                                     : backend.timeout_ms > 0 ? backend.timeout_ms
                                                              : kDefaultRemoteTimeoutMs)),
        max_concurrent_(backend.max_concurrent > 0 ? backend.max_concurrent : kDefaultRemoteConcurrent) {}

  std::function<void()> call(CallRequest request, Caller::Done done) override {
    const auto refuse = [&](Error error) {
      done(never_asked(std::move(error)));
      return [] {};
    };
    const int64_t now_us = clock_.monotonic_us();
    ModelTask task;
    task.deadline_us = request.deadline_us != 0 ? request.deadline_us : now_us + timeout_us_;
    if (task.deadline_us <= now_us) return refuse(too_late(model_));
    Arena scratch;
    auto input = normalized_input(model_, input_schema_, request.input.root(), scratch);
    if (!input.ok()) return refuse(std::move(input).error());
    auto formed = protocol_->request(*input, false);
    if (!formed.ok()) return refuse(std::move(formed).error());
    if (under_way_.fetch_add(1) >= max_concurrent_) {
      under_way_.fetch_sub(1);
      return refuse(backend_busy(model_, max_concurrent_));
    }
    task.queue = queue_;
    task.type = "model:" + model_.to_string();
    task.input = std::move(formed->body);
    task.idempotency_key = std::move(request.idempotency_key);
    task.trace = std::move(request.trace);
    task.priority = request.priority;
    return tasks_.offer(std::move(task), [self = shared_from_this(), wanted = formed->wanted,
                                          done = std::move(done)](ModelTasks::Outcome outcome) {
      self->under_way_.fetch_sub(1);
      done(self->outcome_of(std::move(outcome), wanted));
    });
  }

  expression::Type output_type() const override { return protocol_->output_type(); }
  std::vector<Replica> replicas() const override { return {{"queue " + queue_, under_way_.load(), false}}; }

 private:
  CallOutcome outcome_of(ModelTasks::Outcome told, AnswerForm wanted) const {
    if (!told.result.ok()) {
      CallOutcome outcome{std::move(told.result).error()};
      outcome.retry_after_us = told.retry_after_us;
      outcome.may_have_run = told.may_have_run;
      return outcome;
    }
    // The protocols read answers of HTTP servers.
    http::ClientResponse response;
    response.status = 200;
    response.body = to_json(told.result->root());
    auto reply = protocol_->reply(response, wanted);
    if (!reply.ok()) return {std::move(reply).error()};
    ModelAnswer answer = answer_of(std::move(*reply), told.run_us);
    answer.endpoint = told.worker.empty() ? "queue " + queue_ : "worker " + told.worker;
    answer.queue_us = told.queued_us;
    return {std::move(answer)};
  }

  const ModelName model_;
  const std::string queue_;
  const schema::SchemaPtr input_schema_;
  const std::unique_ptr<Protocol> protocol_;
  ModelTasks& tasks_;
  const runtime::Clock& clock_;
  const int64_t timeout_us_;
  const uint32_t max_concurrent_;
  std::atomic<uint32_t> under_way_{0};
};

}  // namespace

Result<std::unique_ptr<Protocol>> make_worker_protocol(const ModelManifest& manifest) {
  if (manifest.kind == ModelKind::kValue) return make_http_protocol(manifest);
  if (manifest.kind == ModelKind::kChat || manifest.kind == ModelKind::kEmbeddings)
    return make_openai_protocol(manifest);
  return wrong_kind(manifest, "worker", "value, chat and embeddings");
}

Result<std::shared_ptr<RemoteModel>> make_worker_model(const ModelManifest& manifest,
                                                       const BackendSpec& backend, ModelTasks& tasks,
                                                       const runtime::Clock& clock) {
  SY_CHECK(backend.protocol == "worker");
  SY_ASSIGN_OR_RETURN(auto protocol, make_worker_protocol(manifest));
  return std::shared_ptr<RemoteModel>(
      std::make_shared<WorkerModel>(manifest, backend, tasks, clock, std::move(protocol)));
}

}  // namespace switchyard::models
