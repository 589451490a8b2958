#include "failure.h"

#include <algorithm>

namespace switchyard::router {

namespace {

/// The model ran, and what came of it cannot be used: once more costs as much and may end the same way.
bool is_broken_answer(std::string_view code) {
  return code == "models.bad_answer" || code == "models.truncated" || code == "models.stream_failed";
}

}  // namespace

Verdict verdict_of(const models::CallOutcome& outcome) {
  const Error& error = outcome.answer.error();
  if (outcome.status == 402 || error.code == "models.out_of_credit") return Verdict::kOutOfCredit;
  if (error.kind == ErrorKind::kCancelled) return Verdict::kCancelled;
  if (outcome.status == 429 || error.kind == ErrorKind::kResourceExhausted) return Verdict::kRateLimited;
  switch (error.kind) {
    case ErrorKind::kInvalidArgument:
    case ErrorKind::kTooLarge: return Verdict::kCallersFault;
    case ErrorKind::kUnprocessable:
      // Refused by the server: the input. Found by us: the answer.
      return outcome.status >= 400 && outcome.status < 500 ? Verdict::kCallersFault : Verdict::kServerError;
    case ErrorKind::kUnauthenticated:
    case ErrorKind::kPermissionDenied:
    case ErrorKind::kNotFound: return Verdict::kMisdirected;
    case ErrorKind::kDeadlineExceeded: return Verdict::kTimeout;
    case ErrorKind::kUnavailable:
      if (outcome.status == 401 || outcome.status == 403 || outcome.status == 404)
        return Verdict::kMisdirected;
      if ((outcome.status >= 500 && outcome.status != 503) || is_broken_answer(error.code))
        return Verdict::kServerError;
      return outcome.may_have_run || outcome.status != 0 ? Verdict::kUnavailable : Verdict::kConnect;
    default: return outcome.may_have_run ? Verdict::kServerError : Verdict::kConnect;
  }
}

bool may_retry(const Retry& retry, Verdict verdict) {
  const auto on = [&](Failure failure) { return (retry.on & static_cast<uint8_t>(failure)) != 0; };
  switch (verdict) {
    case Verdict::kConnect: return on(Failure::kConnect);
    case Verdict::kUnavailable: return on(Failure::kUnavailable);
    case Verdict::kRateLimited: return on(Failure::kRateLimited);
    case Verdict::kTimeout: return on(Failure::kTimeout);
    case Verdict::kServerError: return on(Failure::kServerError);
    default: return false;
  }
}

bool may_fall_back(Verdict verdict) {
  return verdict != Verdict::kCallersFault && verdict != Verdict::kCancelled;
}

bool is_failure(Verdict verdict) {
  // A refusal for load is an answer about us, not about the model: limits and Retry-After deal with it.
  return may_fall_back(verdict) && verdict != Verdict::kRateLimited;
}

int64_t backoff_us(const Retry& retry, uint32_t attempt, double spread) {
  int64_t pause = retry.backoff_first_us;
  for (uint32_t i = 1; i < attempt && pause < retry.backoff_max_us; ++i) pause *= 2;
  pause = std::min(pause, retry.backoff_max_us);
  return pause - static_cast<int64_t>(static_cast<double>(pause) * spread / 2);
}

}  // namespace switchyard::router
