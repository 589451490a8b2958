#include "judged_answers.h"

#include "switchyard/base/bytes.h"
#include "switchyard/router/limits.h"

namespace switchyard::router {

bool JudgedAnswers::judge(uint64_t answer) {
  const std::lock_guard lock(mutex_);
  if (!add(answer)) return false;
  changed_ = true;
  return true;
}

bool JudgedAnswers::add(uint64_t answer) {
  if (!known_.insert(answer).second) return false;
  order_.push_back(answer);
  if (order_.size() <= kMaxJudgedAnswers) return true;
  known_.erase(order_.front());
  order_.pop_front();
  return true;
}

void JudgedAnswers::save(const std::string& route, bool all, std::vector<Evidence>& out) {
  const std::lock_guard lock(mutex_);
  if (!changed_ && !(all && !order_.empty())) return;
  changed_ = false;
  Evidence evidence{EvidencePart::kJudgedAnswers, route, {}};
  ByteWriter writer(evidence.bytes);
  for (const uint64_t answer : order_) writer.u64(answer);
  out.push_back(std::move(evidence));
}

void JudgedAnswers::restore(const RouteEvidence& kept) {
  const auto found = kept.find(EvidencePart::kJudgedAnswers);
  if (found == kept.end()) return;
  const std::lock_guard lock(mutex_);
  ByteReader reader(found->second);
  while (reader.remaining() >= sizeof(uint64_t)) add(reader.u64());
}

}  // namespace switchyard::router
