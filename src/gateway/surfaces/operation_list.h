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

// What operations over many decisions share: they answer at once and can be asked how far they are.
namespace switchyard::gateway::surfaces {

inline constexpr size_t kMaxListedOperations = 32;  ///< of one kind, kept for those who ask how they went
inline constexpr int64_t kMaxBulkDecisions = 100'000;

/// The operations of this process; after a restart they are forgotten, and may be started again: each finds
/// what is still to be done. `Operation` has `id` and `status`, which is "running" until it ends. Any thread.
template <typename Operation>
class OperationList {
 public:
  /// `kind` begins the codes of errors: "bulk".
  explicit OperationList(std::string kind) : kind_(std::move(kind)) {}

  /// kResourceExhausted "<kind>.too_many".
  Result<std::string> add(Operation operation, RunId id) {
    std::lock_guard lock(mutex_);
    if (operations_.size() >= kMaxListedOperations) {
      const auto over = std::find_if(operations_.begin(), operations_.end(),
                                     [](const Operation& other) { return other.status != "running"; });
      if (over == operations_.end()) {
        return make_error(ErrorKind::kResourceExhausted, kind_ + ".too_many",
                          "at most " + std::to_string(kMaxListedOperations) +
                              " operations run at once; wait for one of them");
      }
      operations_.erase(over);
    }
    operation.id = id.to_string();
    operations_.push_back(operation);
    return operation.id;
  }
  void update(const Operation& operation) {
    std::lock_guard lock(mutex_);
    for (Operation& known : operations_)
      if (known.id == operation.id) known = operation;
  }
  std::optional<Operation> find(std::string_view id) const {
    std::lock_guard lock(mutex_);
    for (const Operation& known : operations_)
      if (known.id == id) return known;
    return std::nullopt;
  }

 private:
  const std::string kind_;
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

/// Reads `key`, `status` and `search` of an operation's filter; errors name the member.
Status read_run_filter(const Value& wanted, partition::RunFilter& filter);

/// kInvalidArgument "request.bad_number" unless from 1 to kMaxBulkDecisions.
Status check_operation_limit(int64_t limit);

/// Calls `each(run)` for what fits the filter, newest first, until `operation` has matched `limit`, and ends
/// it. `Operation` has `matched` and `error`, too. Only on the pool.
template <typename Operation, typename Each>
void run_operation(OperationList<Operation>& operations, Operation& operation, partition::RunFilter filter,
                   int64_t limit, const Services& services, Each each) {
  while (operation.matched < static_cast<uint64_t>(limit)) {
    auto page = wait_for<partition::RunPage>(
        [&](auto reply) { services.engine->list_runs(filter, std::move(reply)); });
    if (!page.ok()) {
      operation.error = page.error().message;
      break;
    }
    for (const auto& run : page->runs)
      if (operation.matched < static_cast<uint64_t>(limit)) each(run);
    operations.update(operation);
    if (!page->more || page->runs.empty()) break;
    filter.before = page->scanned_to.has_value() ? *page->scanned_to : page->runs.back().id;
  }
  operation.status = operation.error.empty() ? "done" : "failed";
  operations.update(operation);
}

/// Answers 202 with the operation, as json_of(operation) has it, and its place below `path`;
/// `work(operation)` does it on the pool. kUnavailable "gateway.pool_full".
template <typename Operation, typename Work>
void start_operation(Call& call, const Services& services,
                     const std::shared_ptr<OperationList<Operation>>& operations, Operation operation,
                     const std::string& path, Work work) {
  const int64_t now_us = services.clock->now_us();
  const RunId id = RunId::make(now_us / 1000, static_cast<uint64_t>(now_us), hash64(operation.who, now_us));
  auto added = operations->add(operation, id);
  if (!added.ok()) return call.fail(added.error());
  operation.id = *added;
  http::Response response = http::Response::json(202, json_of(operation));
  response.headers.push_back({"Location", path + "/" + operation.id});
  auto run = [operation, work = std::move(work)]() mutable { work(std::move(operation)); };
  if (!services.pool->submit(std::move(run))) {
    operation.status = "failed";
    operation.error = "too many slow requests wait";
    operations->update(operation);
    return call.fail(make_error(ErrorKind::kUnavailable, "gateway.pool_full",
                                "too many slow requests wait; try again shortly"));
  }
  call.answer(std::move(response));
}

}  // namespace switchyard::gateway::surfaces
