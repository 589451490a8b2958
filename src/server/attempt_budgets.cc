#include "attempt_budgets.h"

#include <algorithm>

namespace switchyard::server {
namespace {

constexpr uint32_t kStepsAnAttempt = 5;

/// Attempts beyond the first of each call: of a step's own, of the members of a panel, of a prompt's repairs.
uint32_t tried_again(const Value& meta) {
  uint32_t again = 0;
  const Value* attempts = meta.at_pointer("/routing/attempts");
  if (attempts != nullptr && attempts->is(Kind::kList) && attempts->size() > 1)
    again += static_cast<uint32_t>(attempts->size() - 1);
  if (const Value* members = meta.find("members"); members != nullptr && members->is(Kind::kMap))
    for (const Member& member : members->members()) again += tried_again(member.value);
  if (const Value* calls = meta.find("earlier_calls"); calls != nullptr && calls->is(Kind::kList))
    for (const Value& call : calls->items()) again += tried_again(call);
  return again;
}

bool asked_a_model(const Value& meta) {
  return meta.find("model") != nullptr || meta.find("routing") != nullptr || meta.find("members") != nullptr;
}

}  // namespace

Tried tried_in(const std::vector<partition::RecordedEvent>& history) {
  Tried tried;
  for (const auto& recorded : history) {
    const Value* meta = step_meta(recorded.event);
    if (meta == nullptr || !meta->is(Kind::kMap) || !asked_a_model(*meta)) continue;
    if (++tried.steps % kStepsAnAttempt == 0 && tried.spent > 0) --tried.spent;
    tried.spent = std::min(router::kDefaultCallBudget, tried.spent + tried_again(*meta));
  }
  return tried;
}

bool AttemptBudgets::is_unknown(const RunId& run) const {
  if (run.unix_ms() >= began_ms_) return false;
  const Shard& own = shard(run);
  const std::lock_guard lock(own.mutex);
  return !own.entries.contains(run);
}

void AttemptBudgets::recall(const RunId& run, Tried tried) {
  Shard& own = shard(run);
  const std::lock_guard lock(own.mutex);
  auto& entry = own.entries[run];
  if (entry != nullptr) return;
  entry = std::make_shared<Entry>();
  entry->budget.left = router::kDefaultCallBudget - std::min(router::kDefaultCallBudget, tried.spent);
  entry->steps = tried.steps;
  entry->recalled = true;
}

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
  const bool has_spent = entry.budget.left < router::kDefaultCallBudget;
  if (entry.ended || !(has_spent || entry.recalled)) own.entries.erase(run);
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
