#include <algorithm>

#include "asked_text.h"
#include "flight.h"

namespace switchyard::router {
namespace {

/// What must be equal: all of the request but the text, and whose vectors are compared.
Document rest_with_embedder(const AskedText& asked, const SemanticCache& semantic) {
  auto arena = std::make_shared<Arena>();
  ListBuilder list(*arena);
  list.add(Value::string(arena->copy(semantic.embedder.model.to_string())));
  list.add(Value::string(arena->copy(semantic.pointer)));
  list.add(copy_value(*asked.rest, *arena));
  const Value root = list.build();
  return {std::move(arena), root};
}

}  // namespace

/// Whether the call waits for the vector of its text: embedded() goes on with it.
bool Flight::seek_similar() {
  const auto& semantic = state_->route->cache.semantic;
  if (!semantic || !cache_key_) return false;
  const auto asked = take_text(*call_.input, semantic->pointer);
  if (!asked || asked->text.size() > kMaxEmbeddedBytes) return false;
  Likeness likeness;
  likeness.rest = state_->cache->key(state_->route->candidates[choice_.candidate].model,
                                     *rest_with_embedder(*asked, *semantic), call_.tenant);
  const int64_t now_us = core_->now_us();
  EmbeddingCall call{core_, state_, embedding_input(asked->text)};
  call.deadline_us = std::min(deadline_us_, now_us + semantic->timeout_us);
  call.worst = worst_embedding(call.input, semantic->embedder, call.deadline_us - now_us);
  call.idempotency_key = call_.idempotency_key;
  call.trace = call_.trace;
  call.priority = call_.priority;
  {
    std::lock_guard lock(mutex_);
    if (finished_) return true;
    call.charges = charges();
    call.currency = record_.currency();
    // Should the call end before its embedding: what that may have cost.
    AttemptRecord& attempt = record_.embedding.emplace().attempt;
    record_.embedding->asked = attempt.estimated = true;
    attempt.began_us = now_us - began_us_;
    attempt.cost = cost_of(semantic->embedder.prices, call.worst);
  }
  const auto cancel = ask_embedding(std::move(call), [self = shared_from_this(), likeness](EmbeddingEnd end) {
    self->embedded(likeness, std::move(end));
  });
  std::unique_lock lock(mutex_);
  const bool over = finished_;
  if (!over) cancel_embedding_ = cancel;
  lock.unlock();
  if (over) cancel();
  return true;
}

void Flight::embedded(Likeness likeness, EmbeddingEnd end) {
  AnswerCache::Similar similar;
  if (end.vector != nullptr) {
    likeness.vector = std::move(end.vector);
    similar =
        state_->cache->find_similar(likeness, state_->route->cache.semantic->similarity, core_->now_us());
  }
  {
    std::lock_guard lock(mutex_);
    if (finished_) return;
    end.record.attempt.began_us = record_.embedding->attempt.began_us;
    record_.embedding = std::move(end.record);
    record_.cache_similarity = similar.similarity;
    if (likeness.vector != nullptr) likeness_ = std::move(likeness);
    if (similar.hit) note_hit(*similar.hit);
    record_.cache_similar = similar.hit.has_value();
  }
  if (similar.hit) return finish({std::move(similar.hit->answer)});
  try_next(Why::kFirst);
}

}  // namespace switchyard::router
