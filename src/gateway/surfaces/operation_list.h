#pragma once

#include <algorithm>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "surfaces/common.h"
#include "switchyard/base/hash.h"
#include "switchyard/gateway/operation_log.h"

// What operations over many decisions share: they answer at once, can be asked how far they are, and go on
// after a restart.
namespace switchyard::gateway::surfaces {

inline constexpr size_t kMaxListedOperations = 32;  ///< of one kind, kept for those who ask how they went
inline constexpr size_t kMaxOperationBytes = 64u << 10;  ///< of the request of one
inline constexpr int64_t kMaxBulkDecisions = 100'000;

/// A decision that an operation is about to change, and the version of its pipeline then.
struct PlannedRun {
  RunId run;
  std::string version;
};

/// What every operation is made of.
struct OperationState {
  std::string id, who, status = "running", error;
  std::string request;  ///< JSON: the body it was asked with
  uint64_t matched = 0;
  /// What is changed now. It is kept before it is changed: after a crash part of it has been.
  std::vector<PlannedRun> page;
  std::optional<RunId> before;  ///< the list goes on before it
  bool last = false;            ///< nothing comes after `page`

  bool is_running() const { return status == "running"; }
};

/// `{ who, request, told, page, before, last }`: what is kept of an operation that tells `told` of itself.
std::string kept_state(const OperationState& operation, const std::string& told);
/// The way back, but for the id, and for most of `told`; false when it is none.
bool read_kept_state(const Value& state, OperationState& operation);
/// 0 where there is no such number.
int64_t number_of(const Value& object, std::string_view name);
/// "" where there is no such text.
std::string text_of(const Value& object, std::string_view name);

/// How much is told of an operation.
enum class Detail : uint8_t {
  kCounts,  ///< how many decisions
  kWhole,   ///< and of single ones how it went
};

/// The operations of one kind. `Operation` is an OperationState, and json_of(operation, detail) is what is
/// told of it. Any thread.
template <typename Operation>
class OperationList {
 public:
  /// `kind` is that of the log, and begins the codes of errors: "bulk". `log` outlives it.
  OperationList(std::string kind, OperationLog& log) : kind_(std::move(kind)), log_(log) {}

  /// Kept when it returns. kResourceExhausted "<kind>.too_many"; the log's errors.
  Status add(const Operation& operation) {
    std::string forgotten;
    {
      const std::lock_guard lock(mutex_);
      if (operations_.size() >= kMaxListedOperations) {
        const auto over = std::find_if(operations_.begin(), operations_.end(),
                                       [](const Operation& other) { return !other.is_running(); });
        if (over == operations_.end()) {
          return make_error(ErrorKind::kResourceExhausted, kind_ + ".too_many",
                            "at most " + std::to_string(kMaxListedOperations) +
                                " operations run at once; wait for one of them");
        }
        forgotten = over->id;
        operations_.erase(over);
      }
      operations_.push_back(operation);
    }
    if (!forgotten.empty()) SY_RETURN_IF_ERROR(log_.forget(forgotten));
    return update(operation);
  }
  /// Kept when it returns.
  Status update(const Operation& operation) {
    {
      const std::lock_guard lock(mutex_);
      for (Operation& known : operations_)
        if (known.id == operation.id) known = operation;
    }
    return log_.keep(operation.id, {kind_, kept_state(operation, json_of(operation, Detail::kWhole))});
  }
  std::optional<Operation> find(std::string_view id) const {
    const std::lock_guard lock(mutex_);
    for (const Operation& known : operations_)
      if (known.id == id) return known;
    return std::nullopt;
  }
  /// The newest first.
  std::vector<Operation> all() const {
    const std::lock_guard lock(mutex_);
    std::vector<Operation> all = operations_;
    std::sort(all.begin(), all.end(), [](const auto& one, const auto& other) { return one.id > other.id; });
    return all;
  }
  /// What an earlier process has kept, by id; what cannot be read is left out.
  std::vector<std::pair<std::string, Document>> kept() const {
    std::vector<std::pair<std::string, Document>> all;
    for (const auto& [id, kept] : log_.kept()) {
      if (kept.kind != kind_) continue;
      auto state = parse_json_document(kept.state, {.max_bytes = log::kMaxPayloadBytes});
      if (state.ok()) all.emplace_back(id, std::move(*state));
    }
    return all;
  }
  /// Takes up one that is kept.
  void restore(Operation operation) {
    const std::lock_guard lock(mutex_);
    operations_.push_back(std::move(operation));
  }
  bool stopping() const { return log_.stopping(); }

 private:
  const std::string kind_;
  OperationLog& log_;
  mutable std::mutex mutex_;
  std::vector<Operation> operations_;  // guarded by mutex_
};

/// Runs `ask(reply)` and waits for what it replies. Only on the pool.
template <typename T, typename Ask>
Result<T> wait_for(Ask&& ask) {
  auto done = std::make_shared<std::promise<Result<T>>>();
  auto future = done->get_future();
  ask([done](Result<T> result) { done->set_value(std::move(result)); });
  return future.get();
}

/// The body of a request for an operation. kTooLarge "request.too_large"; those of object_body().
Result<Document> operation_body(const Call& call);

/// Reads `key`, `status` and `search` of an operation's filter; errors name the member.
Status read_run_filter(const Value& wanted, partition::RunFilter& filter);

/// kInvalidArgument "request.bad_number" unless from 1 to kMaxBulkDecisions.
Status check_operation_limit(int64_t limit);

/// Calls `each(planned, again)` for what fits the filter and `is_meant(summary)`, newest first, until
/// `operation` has matched `limit`, and ends it. `again`: it may have been done before a crash. Where the
/// server stops it returns, and what is left is done after the next start. Only on the pool.
template <typename Operation, typename IsMeant, typename Each>
void run_operation(OperationList<Operation>& operations, Operation& operation, partition::RunFilter filter,
                   int64_t limit, const Services& services, IsMeant is_meant, Each each) {
  const auto most = static_cast<uint64_t>(limit);
  bool again = true;
  while (operation.error.empty()) {
    for (const PlannedRun& planned : operation.page) {
      if (operations.stopping()) return;
      each(planned, again);
    }
    again = false;
    operation.page.clear();
    if (operation.last || operation.matched >= most) break;
    filter.before = operation.before;
    auto page = wait_for<partition::RunPage>(
        [&](auto reply) { services.engine->list_runs(filter, std::move(reply)); });
    if (operations.stopping()) return;
    if (!page.ok()) {
      operation.error = page.error().message;
      break;
    }
    for (const auto& run : page->runs)
      if (is_meant(run) && operation.matched + operation.page.size() < most)
        operation.page.push_back({run.id, run.version});
    operation.last = !page->more || page->runs.empty();
    if (!operation.last)
      operation.before = page->scanned_to.has_value() ? *page->scanned_to : page->runs.back().id;
    if (const Status kept = operations.update(operation); !kept.ok()) operation.error = kept.error().message;
  }
  operation.page.clear();
  operation.status = operation.error.empty() ? "done" : "failed";
  (void)operations.update(operation);  // after a restart the last page is looked at again
}

/// What a kind of operation is called, and how its work is done.
template <typename Operation, typename Work>
struct OperationKind {
  std::string kind;  ///< of the log and of errors: "bulk"
  std::string noun;  ///< "bulk operation"
  std::string path;  ///< "/api/v1/bulk-operations"
  /// Reads the body of a request.
  Result<Work> (*read)(const Value& request, const std::string& who, const Services&);
  /// Takes what json_of() gave.
  void (*take_told)(const Value& told, Operation& operation);
  void (*run)(OperationList<Operation>&, Work, const Services&);
};

/// Keeps what is asked for, answers 202 with it and its place, and does it: all on the pool.
template <typename Operation, typename Work>
void start_operation(Call&& call, const Services& services, const OperationKind<Operation, Work>& kind,
                     const std::shared_ptr<OperationList<Operation>>& operations) {
  const auto body = operation_body(call);
  if (!body.ok()) return call.fail(body.error());
  auto read = kind.read(body->root(), call.caller.name, services);
  if (!read.ok()) return call.fail(read.error());
  Work work = std::move(*read);
  const int64_t now_us = services.clock->now_us();
  work.operation.id =
      RunId::make(now_us / 1000, static_cast<uint64_t>(now_us), hash64(work.operation.who, now_us))
          .to_string();
  on_pool(services, std::move(call),
          [&services, operations, path = kind.path, run = kind.run,
           work = std::make_shared<Work>(std::move(work))](Call& later) {
            if (const Status added = operations->add(work->operation); !added.ok())
              return later.fail(added.error());
            http::Response response = http::Response::json(202, json_of(work->operation, Detail::kWhole));
            response.headers.push_back({"Location", path + "/" + work->operation.id});
            Call(std::move(later)).answer(std::move(response));  // and is no request in flight any more
            run(*operations, std::move(*work), services);
          });
}

template <typename Operation, typename Work>
void get_operation(Call&& call, const OperationKind<Operation, Work>& kind,
                   const OperationList<Operation>& operations) {
  const auto id = path_id(call.request);
  if (!id.ok()) return call.fail(id.error());
  const auto found = operations.find(id->to_string());
  if (!found.has_value()) {
    return call.fail(make_error(ErrorKind::kNotFound, kind.kind + ".unknown",
                                "there is no " + kind.noun + " " + id->to_string() + "; the last " +
                                    std::to_string(kMaxListedOperations) + " are kept",
                                "id"));
  }
  call.answer_json(200, json_of(*found, Detail::kWhole));
}

template <typename Operation>
void list_operations(Call&& call, const OperationList<Operation>& operations) {
  std::string json = "{\"operations\":[";
  for (const Operation& operation : operations.all()) {
    if (json.back() != '[') json += ',';
    json += json_of(operation, Detail::kCounts);
  }
  call.answer_json(200, json + "]}");
}

/// Takes up what an earlier process has kept, and goes on with what it did not end. Shared by the API's
/// operations, and by what goes on.
template <typename Operation, typename Work>
std::shared_ptr<OperationList<Operation>> take_up_operations(const Services& services,
                                                             const OperationKind<Operation, Work>& kind) {
  const auto operations = std::make_shared<OperationList<Operation>>(kind.kind, *services.operations);
  for (const auto& [id, kept] : operations->kept()) {
    OperationState state;
    state.id = id;
    if (!read_kept_state(kept.root(), state)) continue;
    const auto request = parse_json_document(state.request);
    Result<Work> work =
        request.ok() ? kind.read(request->root(), state.who, services) : Result<Work>(request.error());
    Operation operation = work.ok() ? work->operation : Operation();
    static_cast<OperationState&>(operation) = state;
    kind.take_told(*kept.root().find("told"), operation);
    if (operation.is_running() && !work.ok()) {
      operation.status = "failed";
      operation.error = work.error().message;
    }
    operations->restore(operation);
    if (!operation.is_running()) continue;
    work->operation = std::move(operation);
    services.pool->submit(
        [&services, operations, run = kind.run, work = std::make_shared<Work>(std::move(*work))] {
          run(*operations, std::move(*work), services);
        });
  }
  return operations;
}

}  // namespace switchyard::gateway::surfaces
