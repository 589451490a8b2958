#include "cache.h"

#include <algorithm>
#include <array>

#include "switchyard/types/json.h"

namespace switchyard::router {
namespace {

/// The same counts, all 0.
Value nothing_of(const Value& counts, Arena& arena) {
  if (!counts.is(Kind::kMap)) return Value::integer(0);
  MapBuilder map(arena);
  for (const Member& member : counts.members())
    map.add(copy_value(member.key, arena), nothing_of(member.value, arena));
  return map.build();
}

/// Whether the output tells what the call used, as OpenAI's API has it.
bool has_usage(const models::ModelAnswer& answer) {
  using enum models::ModelKind;
  if (answer.model == nullptr || !answer.output->is(Kind::kMap)) return false;
  const models::ModelKind kind = answer.model->manifest.kind;
  return (kind == kChat || kind == kEmbeddings) && answer.output->find("usage") != nullptr;
}

/// What an answer out of memory can say of itself: what the original took and used was the original's.
models::ModelAnswer kept_answer(const models::ModelAnswer& answer) {
  models::ModelAnswer kept;
  kept.model = answer.model;
  // A copy, so that an answer cut from a large arena does not keep the whole.
  if (!has_usage(answer)) {
    kept.output = make_document(*answer.output);
    return kept;
  }
  auto arena = std::make_shared<Arena>(1024);
  MapBuilder output(*arena);
  for (const Member& member : answer.output->members()) {
    const bool is_usage = member.key.is(Kind::kString) && member.key.as_string() == "usage";
    output.add(copy_value(member.key, *arena),
               is_usage ? nothing_of(member.value, *arena) : copy_value(member.value, *arena));
  }
  const Value root = output.build();
  kept.output = Document(std::move(arena), root);
  return kept;
}

/// Of unit vectors; 0 when they are of different lengths.
double cosine(const UnitVector& a, const UnitVector& b) {
  if (a.size() != b.size()) return 0;
  // Sums side by side, which the compiler does with one instruction.
  std::array<float, 8> sums{};
  size_t i = 0;
  for (; i + sums.size() <= a.size(); i += sums.size())
    for (size_t lane = 0; lane < sums.size(); ++lane) sums[lane] += a[i + lane] * b[i + lane];
  double sum = 0;
  for (const float one : sums) sum += one;
  for (; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return std::min(sum, 1.0);
}

}  // namespace

void AnswerCache::configure(const Cache& settings) {
  std::lock_guard lock(mutex_);
  settings_ = settings;
  while (!entries_.empty() && (entries_.size() > settings_.entries || stats_.bytes > settings_.bytes))
    drop(std::prev(entries_.end()));
}

Sha256 AnswerCache::key(const models::ModelName& model, const Value& input, std::string_view tenant) const {
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

std::optional<AnswerCache::Hit> AnswerCache::find(const Sha256& key, int64_t now_us) {
  std::lock_guard lock(mutex_);
  const auto found = index_.find(key);
  if (found != index_.end() && found->second->until_us <= now_us) {
    drop(found->second);
  } else if (found != index_.end()) {
    ++stats_.hits;
    return use(found->second, now_us);
  }
  ++stats_.misses;
  return std::nullopt;
}

AnswerCache::Similar AnswerCache::find_similar(const Likeness& likeness, double least, int64_t now_us) {
  std::vector<std::pair<std::shared_ptr<const UnitVector>, Sha256>> others;
  {
    std::lock_guard lock(mutex_);
    const auto alike = alike_.find(likeness.rest);
    if (alike == alike_.end()) return {};
    others.reserve(alike->second.size());
    for (const auto& entry : alike->second)
      if (entry->until_us > now_us) others.emplace_back(entry->likeness->vector, entry->key);
  }
  Similar best;
  const Sha256* nearest = nullptr;
  for (const auto& [vector, key] : others) {
    const double similarity = cosine(*vector, *likeness.vector);
    if (similarity <= best.similarity) continue;
    best.similarity = similarity;
    nearest = &key;
  }
  if (nearest == nullptr || best.similarity < least) return best;
  std::lock_guard lock(mutex_);
  const auto found = index_.find(*nearest);
  if (found == index_.end()) return best;  // dropped meanwhile
  ++stats_.similar_hits;
  --stats_.misses;
  best.hit = use(found->second, now_us);
  return best;
}

AnswerCache::Hit AnswerCache::use(Entries::iterator entry, int64_t now_us) {
  entries_.splice(entries_.begin(), entries_, entry);
  if (entry->likeness) {
    auto& alike = alike_.at(entry->likeness->rest);
    const auto place = std::find(alike.begin(), alike.end(), entry);
    std::rotate(place, place + 1, alike.end());
  }
  return {entry->answer, entry->decision, now_us - entry->kept_us};
}

void AnswerCache::put(const Sha256& key, const models::ModelAnswer& answer, const std::string& decision,
                      int64_t now_us, std::optional<Likeness> likeness) {
  // The answer's text stands for its size in memory, which is of the same order.
  size_t bytes = sizeof(Entry) + 64 + decision.size() + 2 * to_json(*answer.output).size();
  if (likeness) bytes += likeness->vector->size() * sizeof(float);
  std::lock_guard lock(mutex_);
  if (bytes > settings_.bytes || settings_.ttl_us <= 0) return;
  if (const auto found = index_.find(key); found != index_.end()) drop(found->second);
  while (!entries_.empty() &&
         (entries_.size() + 1 > settings_.entries || stats_.bytes + bytes > settings_.bytes))
    drop(std::prev(entries_.end()));
  if (likeness && settings_.semantic)
    for (auto alike = alike_.find(likeness->rest);
         alike != alike_.end() && alike->second.size() >= settings_.semantic->entries;
         alike = alike_.find(likeness->rest))
      drop(alike->second.front());
  entries_.push_front(
      {key, kept_answer(answer), decision, now_us, now_us + settings_.ttl_us, bytes, std::move(likeness)});
  index_[key] = entries_.begin();
  if (entries_.front().likeness) alike_[entries_.front().likeness->rest].push_back(entries_.begin());
  stats_.bytes += bytes;
}

void AnswerCache::drop(Entries::iterator entry) {
  if (entry->likeness) {
    const auto alike = alike_.find(entry->likeness->rest);
    std::erase(alike->second, entry);
    if (alike->second.empty()) alike_.erase(alike);
  }
  stats_.bytes -= entry->bytes;
  index_.erase(entry->key);
  entries_.erase(entry);
}

AnswerCache::Stats AnswerCache::stats() const {
  std::lock_guard lock(mutex_);
  Stats stats = stats_;
  stats.entries = entries_.size();
  return stats;
}

}  // namespace switchyard::router
