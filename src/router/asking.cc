#include "asking.h"

#include <algorithm>

#include "failure.h"

namespace switchyard::router {

std::string admit(Core& core, const Route& route, const Candidate& candidate, CandidateState& state,
                  int32_t priority, CircuitBreaker::Ticket* ticket) {
  if (const std::string reason = core.killed(route, &candidate); !reason.empty()) return "killed: " + reason;
  if (core.cooling_until_us(candidate.model) != 0) return "cooling";
  switch (state.enter(core.now_us(), priority, ticket)) {
    case CandidateState::Admission::kYes: return {};
    case CandidateState::Admission::kOpen: return "open";
    case CandidateState::Admission::kSaturated: return "saturated";
  }
  return {};
}

CandidateState::End end_of(const models::CallOutcome& outcome) {
  using End = CandidateState::End;
  if (outcome.answer.ok()) return End::kAnswered;
  const Verdict verdict = verdict_of(outcome);
  return verdict == Verdict::kRateLimited ? End::kDropped
         : is_failure(verdict)            ? End::kFailed
                                          : End::kNeutral;
}

void heed(Core& core, const models::ModelName& model, const models::CallOutcome& outcome, int64_t now_us) {
  if (outcome.answer.ok()) return;
  const Verdict verdict = verdict_of(outcome);
  const int64_t wait_us = std::min(outcome.retry_after_us, kMaxRetryAfterUs);
  if (verdict == Verdict::kOutOfCredit)
    core.cool(model, now_us + std::max(wait_us, kDefaultCooldownUs));
  else if (wait_us > 0 && (verdict == Verdict::kRateLimited || verdict == Verdict::kUnavailable))
    core.cool(model, now_us + wait_us);
}

}  // namespace switchyard::router
