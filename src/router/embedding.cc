#include "embedding.h"

#include <cmath>
#include <mutex>
#include <utility>

#include "asking.h"
#include "estimate.h"
#include "switchyard/router/limits.h"

namespace switchyard::router {
namespace {

/// Null where there is no vector with a direction.
std::shared_ptr<const UnitVector> vector_of(const Value& output) {
  const Value* numbers = output.find("embedding");
  if (numbers == nullptr || !numbers->is(Kind::kList) || numbers->size() > kMaxEmbeddingNumbers)
    return nullptr;
  double squares = 0;
  for (const Value& number : numbers->items()) {
    if (!number.is_number()) return nullptr;
    squares += number.to_double() * number.to_double();
  }
  if (!std::isfinite(squares) || squares <= 0) return nullptr;
  auto vector = std::make_shared<UnitVector>();
  vector->reserve(numbers->size());
  const double length = std::sqrt(squares);
  for (const Value& number : numbers->items())
    vector->push_back(static_cast<float>(number.to_double() / length));
  return vector;
}

/// Two texts may differ in nothing but what a policy took out: the rest of them proves no likeness.
bool was_reduced(const models::ModelAnswer& answer) {
  const Value* removed = answer.privacy->find("removed");
  return removed != nullptr && removed->is(Kind::kList) && removed->size() != 0;
}

class EmbeddingRun : public std::enable_shared_from_this<EmbeddingRun> {
 public:
  EmbeddingRun(EmbeddingCall call, std::function<void(EmbeddingEnd)> done)
      : call_(std::move(call)),
        embedder_(call_.state->route->cache.semantic->embedder),
        done_(std::move(done)) {}

  void start() {
    Core& core = *call_.core;
    if (std::string reason =
            admit(core, *call_.state->route, embedder_, *call_.state->embedder, call_.priority, &ticket_);
        !reason.empty())
      return end(nullptr, std::move(reason));
    core.begin_work();
    began_us_ = core.now_us();
    if (call_.charges.empty()) return send(0);
    if (core.options.ledger == nullptr) return refused("budget");
    core.options.ledger->reserve(call_.charges, call_.currency, cost_of(embedder_.prices, call_.worst),
                                 call_.worst.tokens(),
                                 [self = shared_from_this()](Result<SpendLedger::Reservation> reservation) {
                                   if (!reservation.ok()) return self->refused("budget");
                                   self->send(*reservation);
                                 });
  }

  void cancel() {
    std::function<void()> cancel;
    {
      std::lock_guard lock(mutex_);
      cancelled_ = true;
      cancel.swap(cancel_);
    }
    if (cancel) cancel();
  }

 private:
  /// It was never asked.
  void refused(std::string why) {
    call_.state->embedder->leave(call_.core->now_us(), ticket_, CandidateState::End::kNeutral, 0, 0);
    end(nullptr, std::move(why));
    call_.core->end_work();
  }

  bool is_cancelled() {
    std::lock_guard lock(mutex_);
    return cancelled_;
  }

  void send(SpendLedger::Reservation reservation) {
    reservation_ = reservation;
    if (is_cancelled()) {
      if (reservation_ != 0) call_.core->options.ledger->settle(reservation_, {}, 0);
      return refused("cancelled");
    }
    models::CallRequest request;
    request.model = embedder_.model;
    request.input = call_.input;
    request.deadline_us = call_.deadline_us;
    // Another key than the decision's: the server must not take it for a repetition.
    if (!call_.idempotency_key.empty()) request.idempotency_key = call_.idempotency_key + "/embedding";
    request.trace = call_.trace;
    request.priority = call_.priority;
    record_.asked = true;
    auto cancel = call_.core->options.caller->call(
        std::move(request),
        [self = shared_from_this()](models::CallOutcome outcome) { self->answered(outcome); });
    bool cancelled;
    {
      std::lock_guard lock(mutex_);
      cancelled = cancelled_;
      if (!cancelled && !ended_) cancel_ = cancel;
    }
    if (cancelled) cancel();
  }

  void answered(const models::CallOutcome& outcome) {
    Core& core = *call_.core;
    std::function<void()> cancel;  // let go without the mutex
    {
      std::lock_guard lock(mutex_);
      ended_ = true;
      cancel.swap(cancel_);
    }
    const int64_t now_us = core.now_us();
    AttemptRecord& attempt = record_.attempt;
    attempt.ended = true;
    attempt.ok = outcome.answer.ok();
    attempt.took_us = now_us - began_us_;
    attempt.status = outcome.status;
    attempt.usage = actual_usage(outcome, call_.worst, attempt.took_us, &attempt.estimated);
    attempt.cost = cost_of(embedder_.prices, attempt.usage);
    if (reservation_ != 0) core.options.ledger->settle(reservation_, attempt.cost, attempt.usage.tokens());
    if (attempt.estimated) attempt.usage = {};
    call_.state->embedder->leave(now_us, ticket_, end_of(outcome), attempt.took_us, attempt.took_us);
    heed(core, embedder_.model, outcome, now_us);
    if (!outcome.answer.ok()) {
      attempt.error = outcome.answer.error().code;
      end(nullptr, "");
    } else if (attempt.endpoint = outcome.answer->endpoint; was_reduced(*outcome.answer)) {
      end(nullptr, "privacy");
    } else {
      auto vector = vector_of(*outcome.answer->output);
      const bool found = vector != nullptr;
      end(std::move(vector), found ? "" : "no_vector");
    }
    core.end_work();
  }

  void end(std::shared_ptr<const UnitVector> vector, std::string unused) {
    record_.unused = std::move(unused);
    std::exchange(done_, nullptr)({std::move(vector), std::move(record_)});
  }

  const EmbeddingCall call_;
  const Candidate& embedder_;  // of call_.state
  std::function<void(EmbeddingEnd)> done_;
  CircuitBreaker::Ticket ticket_ = CircuitBreaker::Ticket::kCall;
  int64_t began_us_ = 0;
  SpendLedger::Reservation reservation_ = 0;
  EmbeddingRecord record_;

  std::mutex mutex_;
  // Guarded by mutex_.
  std::function<void()> cancel_;
  bool cancelled_ = false, ended_ = false;
};

}  // namespace

Document embedding_input(std::string_view text) {
  auto arena = std::make_shared<Arena>(text.size() + 256);
  MapBuilder input(*arena);
  input.add("input", Value::string(arena->copy(text)));
  const Value root = input.build();
  return {std::move(arena), root};
}

Usage worst_embedding(const Document& input, const Candidate& embedder, int64_t time_left_us) {
  RouteCall call;
  call.input = input;
  Usage usage = worst_usage(call, embedder, time_left_us);
  usage.output_tokens = 0;  // vectors are not counted in tokens
  return usage;
}

std::function<void()> ask_embedding(EmbeddingCall call, std::function<void(EmbeddingEnd)> done) {
  auto run = std::make_shared<EmbeddingRun>(std::move(call), std::move(done));
  run->start();
  return [weak = std::weak_ptr(run)] {
    if (const auto alive = weak.lock()) alive->cancel();
  };
}

}  // namespace switchyard::router
