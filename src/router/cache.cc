#include "cache.h"

#include "switchyard/types/json.h"

namespace switchyard::router {

void ExactCache::configure(const Cache& settings) {
  std::lock_guard lock(mutex_);
  settings_ = settings;
  while (!entries_.empty() && (entries_.size() > settings_.entries || stats_.bytes > settings_.bytes))
    drop(std::prev(entries_.end()));
}

Sha256 ExactCache::key(const models::ModelName& model, const Value& input, std::string_view tenant) const {
  std::string text;
  // Lengths first, so that no two different askers give the same text.
  const std::string name = model.to_string();
  bool per_tenant;
  {
    std::lock_guard lock(mutex_);
    per_tenant = settings_.per_tenant;
  }
  const std::string_view owner = per_tenant ? tenant : std::string_view();
  text += std::to_string(name.size()) + ":" + name;
  text += (per_tenant ? "t" : "a") + std::to_string(owner.size()) + ":";
  text += owner;
  text += to_canonical_json(input);
  return sha256(text);
}

std::optional<ExactCache::Hit> ExactCache::find(const Sha256& key, int64_t now_us) {
  std::lock_guard lock(mutex_);
  const auto found = index_.find(key);
  if (found != index_.end() && found->second->until_us <= now_us) {
    drop(found->second);
  } else if (found != index_.end()) {
    ++stats_.hits;
    entries_.splice(entries_.begin(), entries_, found->second);
    const Entry& entry = entries_.front();
    return Hit{entry.answer, entry.decision, now_us - entry.kept_us};
  }
  ++stats_.misses;
  return std::nullopt;
}

void ExactCache::put(const Sha256& key, const models::ModelAnswer& answer, const std::string& decision,
                     int64_t now_us) {
  // The answer's text stands for its size in memory, which is of the same order.
  const size_t bytes = sizeof(Entry) + 64 + decision.size() + 2 * to_json(*answer.output).size();
  std::lock_guard lock(mutex_);
  if (bytes > settings_.bytes || settings_.ttl_us <= 0) return;
  if (const auto found = index_.find(key); found != index_.end()) drop(found->second);
  while (!entries_.empty() &&
         (entries_.size() + 1 > settings_.entries || stats_.bytes + bytes > settings_.bytes))
    drop(std::prev(entries_.end()));
  // A copy, so that an answer cut from a large arena does not keep the whole.
  models::ModelAnswer kept = answer;
  kept.output = make_document(*answer.output);
  entries_.push_front({key, std::move(kept), decision, now_us, now_us + settings_.ttl_us, bytes});
  index_[key] = entries_.begin();
  stats_.bytes += bytes;
}

void ExactCache::drop(std::list<Entry>::iterator entry) {
  stats_.bytes -= entry->bytes;
  index_.erase(entry->key);
  entries_.erase(entry);
}

ExactCache::Stats ExactCache::stats() const {
  std::lock_guard lock(mutex_);
  Stats stats = stats_;
  stats.entries = entries_.size();
  return stats;
}

}  // namespace switchyard::router
