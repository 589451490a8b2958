#include "attempt_budgets.h"

namespace switchyard::server {
namespace {

constexpr uint32_t kStepsAnAttempt = 5;

}  // namespace

std::shared_ptr<router::AttemptBudget> AttemptBudgets::lend(const RunId& run) {
  Shard& own = shard(run);
  std::shared_ptr<Entry> entry;
  {
    const std::lock_guard lock(own.mutex);
    auto& known = own.entries[run];
    if (known == nullptr) known = std::make_shared<Entry>();
    entry = known;
    ++entry->borrowed;
    if (++entry->steps % kStepsAnAttempt == 0 && entry->budget.left < router::kDefaultCallBudget)
      entry->budget.give_back();
  }
  return {&entry->budget, [this, run, entry](router::AttemptBudget*) { give_back(run, *entry); }};
}

void AttemptBudgets::give_back(const RunId& run, Entry& entry) {
  Shard& own = shard(run);
  const std::lock_guard lock(own.mutex);
  if (--entry.borrowed > 0) return;
  if (entry.ended || entry.budget.left >= router::kDefaultCallBudget) own.entries.erase(run);
}

void AttemptBudgets::forget(const RunId& run) {
  Shard& own = shard(run);
  const std::lock_guard lock(own.mutex);
  const auto found = own.entries.find(run);
  if (found == own.entries.end()) return;
  if (found->second->borrowed == 0)
    own.entries.erase(found);
  else
    found->second->ended = true;
}

size_t AttemptBudgets::size() const {
  size_t size = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    size += shard.entries.size();
  }
  return size;
}

}  // namespace switchyard::server
