// /api/v1/workers: processes that ask for tasks, and end them.
#include <mutex>

#include "surfaces/common.h"
#include "switchyard/workers/worker_queues.h"

namespace switchyard::gateway {
namespace {

using namespace surfaces;  // NOLINT: the file is a surface

/// A result may be as large as the server takes a request.
Result<Document> large_object_body(const Call& call) {
  if (call.request.body().size() <= kMaxRequestBytes) return object_body(call);
  SY_ASSIGN_OR_RETURN(Document body, call.json_body());
  if (!body->is(Kind::kMap))
    return make_error(ErrorKind::kInvalidArgument, "request.not_an_object", "the body must be a JSON object");
  return body;
}

Result<std::vector<std::string>> texts(const Value& body, std::string_view name) {
  std::vector<std::string> texts;
  const Value* list = body.find(name);
  if (list == nullptr) return texts;
  const auto wrong = [&] {
    return make_error(ErrorKind::kInvalidArgument, "request.bad_type",
                      "'" + std::string(name) + "' must be a list of texts", std::string(name));
  };
  if (!list->is(Kind::kList)) return wrong();
  for (const Value& item : list->items()) {
    if (!item.is(Kind::kString)) return wrong();
    texts.emplace_back(item.as_string());
  }
  return texts;
}

Result<workers::Poll> read_poll(const Call& call) {
  SY_ASSIGN_OR_RETURN(const Document body, object_body(call));
  const Value& root = body.root();
  SY_RETURN_IF_ERROR(only_members(root, {"worker", "version", "types", "max_tasks", "wait", "held"}));
  workers::Poll poll;
  poll.queue = call.request.path_parameter("queue");
  SY_ASSIGN_OR_RETURN(poll.worker, text_member(root, "worker"));
  SY_ASSIGN_OR_RETURN(poll.version, optional_text(root, "version"));
  SY_ASSIGN_OR_RETURN(poll.types, texts(root, "types"));
  SY_ASSIGN_OR_RETURN(const int64_t max_tasks, optional_integer(root, "max_tasks", 1));
  poll.max_tasks = max_tasks < 0 ? 0 : static_cast<size_t>(max_tasks);
  SY_ASSIGN_OR_RETURN(const std::string wait, optional_text(root, "wait"));
  if (!wait.empty()) {
    SY_ASSIGN_OR_RETURN(poll.wait_us, parse_wait(wait, "wait"));
  }
  poll.tells_held = root.find("held") != nullptr;
  SY_ASSIGN_OR_RETURN(poll.held, texts(root, "held"));
  return poll;
}

void append_task(const workers::Leased& leased, std::string& out) {
  const workers::Task& task = leased.task;
  JsonObject object(out);
  object.text("lease", leased.lease).text("type", task.type);
  object.raw("input") += task.input;
  object.text("idempotency_key", task.idempotency_key).text("effect", task.effect);
  object.number("attempt", task.attempt).number("delivery", leased.delivery);
  object.number("heartbeat_ms", task.heartbeat_us / 1000);
  if (leased.deadline_in_us != 0) object.number("deadline_ms", (leased.deadline_in_us + 999) / 1000);
  if (!task.run.empty()) object.text("decision", task.run).text("step", task.step);
  if (!task.tenant.empty()) object.text("tenant", task.tenant);
  if (!task.trace.empty()) object.text("trace", task.trace);
  if (!leased.progress.empty()) object.raw("progress") += leased.progress;
  object.close();
}

/// A poll that waits: it ends when its connection does.
struct Waiting {
  std::mutex mutex;
  uint64_t number = 0;
  bool gone = false;
};

void poll_tasks(Call&& call, const Services& services) {
  auto poll = read_poll(call);
  if (!poll.ok()) return call.fail(poll.error());
  auto waiting = std::make_shared<Waiting>();
  auto& queues = *services.workers;
  auto shared = std::make_shared<Call>(std::move(call));
  shared->responder.on_disconnect([waiting, &queues] {
    uint64_t number;
    {
      std::lock_guard lock(waiting->mutex);
      waiting->gone = true;
      number = waiting->number;
    }
    if (number != 0) queues.end_poll(number);
  });
  const uint64_t number =
      queues.poll(std::move(*poll), [shared, &queues](Result<std::vector<workers::Leased>> tasks) {
        if (!tasks.ok()) return shared->fail(tasks.error());
        if (!shared->responder.is_connected())
          for (const workers::Leased& leased : *tasks) (void)queues.release(leased.lease);
        std::string json = "{\"tasks\":[";
        for (const workers::Leased& leased : *tasks) {
          if (json.back() != '[') json += ',';
          append_task(leased, json);
        }
        shared->answer_json(200, json + "]}");
      });
  bool gone;
  {
    std::lock_guard lock(waiting->mutex);
    waiting->number = number;
    gone = waiting->gone;
  }
  if (gone && number != 0) queues.end_poll(number);
}

/// A worker must not believe that its result is kept before it is: the answer waits until what the decision
/// made of it is durable.
void answer_when_durable(Call&& call, const Services& services, Result<workers::Ended> ended) {
  if (!ended.ok()) return call.fail(ended.error());
  std::string json;
  JsonObject(json).boolean("repeated", ended->repeated).close();
  const auto run = RunId::parse(ended->run);
  if (!run.ok()) return call.answer_json(200, std::move(json));
  auto shared = std::make_shared<Call>(std::move(call));
  services.engine->get_run(*run, 0, [shared, json](const Result<partition::RunView>& view) {
    if (!view.ok() && view.error().kind != ErrorKind::kNotFound) return shared->fail(view.error());
    shared->answer_json(200, json);
  });
}

std::string lease_of(const Call& call) { return std::string(call.request.path_parameter("lease")); }

void complete_task(Call&& call, const Services& services) {
  const auto body = large_object_body(call);
  if (!body.ok()) return call.fail(body.error());
  if (const Status known = only_members(body->root(), {"result"}); !known.ok())
    return call.fail(known.error());
  const Value* result = body->root().find("result");
  auto ended = services.workers->complete(
      lease_of(call), result == nullptr ? Document(Value()) : Document(body->arena(), *result));
  answer_when_durable(std::move(call), services, std::move(ended));
}

bool is_error_code(std::string_view text) {
  return !text.empty() && text.size() <= 128 && text.front() >= 'a' && text.front() <= 'z' &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") == text.npos;
}

Result<workers::Failure> read_failure(const Call& call) {
  SY_ASSIGN_OR_RETURN(const Document body, object_body(call));
  const Value& root = body.root();
  SY_RETURN_IF_ERROR(only_members(root, {"code", "message", "retryable", "retry_after"}));
  workers::Failure failure;
  SY_ASSIGN_OR_RETURN(const std::string code, optional_text(root, "code"));
  if (!code.empty()) {
    if (!is_error_code(code)) {
      return make_error(ErrorKind::kInvalidArgument, "workers.bad_code",
                        "an error code is made of small letters, digits, dots, dashes and underscores, such "
                        "as letter.bounced",
                        "code");
    }
    failure.code = code;
  }
  SY_ASSIGN_OR_RETURN(failure.message, text_member(root, "message"));
  SY_ASSIGN_OR_RETURN(failure.retryable, optional_bool(root, "retryable", true));
  SY_ASSIGN_OR_RETURN(const std::string retry_after, optional_text(root, "retry_after"));
  if (!retry_after.empty()) {
    SY_ASSIGN_OR_RETURN(failure.retry_after_us, parse_wait(retry_after, "retry_after"));
  }
  return failure;
}

void fail_task(Call&& call, const Services& services) {
  auto failure = read_failure(call);
  if (!failure.ok()) return call.fail(failure.error());
  auto ended = services.workers->fail(lease_of(call), std::move(*failure));
  answer_when_durable(std::move(call), services, std::move(ended));
}

void release_task(Call&& call, const Services& services) {
  const auto ended = services.workers->release(lease_of(call));
  if (!ended.ok()) return call.fail(ended.error());
  std::string json;
  JsonObject(json).boolean("repeated", ended->repeated).close();
  call.answer_json(200, std::move(json));
}

void heartbeat_task(Call&& call, const Services& services) {
  const auto body = object_body(call);
  if (!body.ok()) return call.fail(body.error());
  if (const Status known = only_members(body->root(), {"progress"}); !known.ok())
    return call.fail(known.error());
  const Value* progress = body->root().find("progress");
  const auto alive =
      services.workers->heartbeat(lease_of(call), progress == nullptr ? "" : to_json(*progress));
  if (!alive.ok()) return call.fail(alive.error());
  std::string json;
  JsonObject object(json);
  object.boolean("cancelled", alive->cancelled);
  if (alive->cancelled) object.text("why", alive->why);
  if (alive->lease_us != 0) object.number("heartbeat_ms", alive->lease_us / 1000);
  object.close();
  call.answer_json(200, std::move(json));
}

void append_worker(const workers::WorkerInfo& worker, std::string& out) {
  JsonObject object(out);
  object.text("worker", worker.worker).text("queue", worker.queue);
  if (!worker.version.empty()) object.text("version", worker.version);
  std::string& types = object.raw("types");
  types += '[';
  for (const std::string& type : worker.types) {
    if (types.back() != '[') types += ',';
    append_json_string(type, types);
  }
  types += ']';
  object.boolean("polling", worker.polling)
      .number("in_flight", static_cast<int64_t>(worker.in_flight))
      .number("completed", static_cast<int64_t>(worker.completed))
      .number("failed", static_cast<int64_t>(worker.failed))
      .number("lost", static_cast<int64_t>(worker.lost))
      .time("first_seen_at", worker.first_seen_us)
      .time("last_seen_at", worker.last_seen_us)
      .close();
}

void append_queue(const workers::QueueInfo& queue, std::string& out) {
  JsonObject(out)
      .text("queue", queue.queue)
      .number("waiting", static_cast<int64_t>(queue.waiting))
      .number("in_flight", static_cast<int64_t>(queue.in_flight))
      .number("polls", static_cast<int64_t>(queue.polls))
      .real("oldest_waiting_ms", static_cast<double>(queue.oldest_waiting_us) / 1000)
      .number("offered", static_cast<int64_t>(queue.offered))
      .number("completed", static_cast<int64_t>(queue.completed))
      .number("failed", static_cast<int64_t>(queue.failed))
      .number("refused", static_cast<int64_t>(queue.refused))
      .number("timed_out", static_cast<int64_t>(queue.timed_out))
      .number("leases_lost", static_cast<int64_t>(queue.leases_lost))
      .close();
}

void list_workers(Call&& call, const Services& services) {
  std::string json = "{\"workers\":[";
  for (const auto& worker : services.workers->workers()) {
    if (json.back() != '[') json += ',';
    append_worker(worker, json);
  }
  json += "],\"queues\":[";
  for (const auto& queue : services.workers->queues()) {
    if (json.back() != '[') json += ',';
    append_queue(queue, json);
  }
  call.answer_json(200, json + "]}");
}

}  // namespace

void add_workers(Gateway& gateway, const Services& services) {
  const Operations on(gateway, services);
  on("GET /api/v1/workers", "list_workers", Permission::kMetricsRead, list_workers);
  // Polls that wait have a limit of their own: they must not use up the server's.
  gateway.on("POST /api/v1/workers/{queue}/poll", "poll_tasks", Permission::kWorkersPoll,
             [&services](Call&& call) { poll_tasks(std::move(call), services); }, {.always_admitted = true});
  on("POST /api/v1/workers/tasks/{lease}/complete", "complete_task", Permission::kWorkersPoll, complete_task);
  on("POST /api/v1/workers/tasks/{lease}/fail", "fail_task", Permission::kWorkersPoll, fail_task);
  on("POST /api/v1/workers/tasks/{lease}/release", "release_task", Permission::kWorkersPoll, release_task);
  on("POST /api/v1/workers/tasks/{lease}/heartbeat", "heartbeat_task", Permission::kWorkersPoll,
     heartbeat_task);
}

}  // namespace switchyard::gateway
