#pragma once

#include <cstdint>
#include <string_view>

#include "switchyard/models/caller.h"
#include "switchyard/router/route.h"

namespace switchyard::router {

/// What a failed call says about the model, and so what may be done next.
enum class Verdict : uint8_t {
  kConnect,       ///< never reached it
  kUnavailable,   ///< it cannot now
  kRateLimited,   ///< it will not now
  kTimeout,       ///< it did not within its time
  kServerError,   ///< it failed
  kOutOfCredit,   ///< it will not until somebody pays
  kMisdirected,   ///< it does not know us or the model: repeating is useless, another may know
  kCallersFault,  ///< the input is wrong, and wrong for every model
  kCancelled,     ///< somebody asked for it to end
};

/// Requires: !outcome.answer.ok().
Verdict verdict_of(const models::CallOutcome& outcome);

/// Whether `retry.on` has it: only what is named there is safe to repeat on the same model.
bool may_retry(const Retry& retry, Verdict verdict);
/// Whether another model may answer in its place.
bool may_fall_back(Verdict verdict);
/// Whether it counts against the model in breakers and guards.
bool is_failure(Verdict verdict);

/// How long to wait before attempt n (from 1) is repeated: doubles from the first pause to the largest, and
/// `spread` in [0, 1) takes up to half of it away, so that many callers do not come back together.
int64_t backoff_us(const Retry& retry, uint32_t attempt, double spread);

}  // namespace switchyard::router
