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

}  // namespace switchyard::gateway::surfaces
