#pragma once

#include "switchyard/models/caller.h"
#include "switchyard/router/router.h"

namespace switchyard::router {

/// The most a call of this candidate can use: what must be reserved before it is sent. Where the caller says
/// nothing, a token of input is taken to be at least a byte, and the output bounded by the input's
/// `max_tokens` or `max_completion_tokens`, else by the price table.
Usage worst_usage(const RouteCall& call, const Candidate& candidate, int64_t time_left_us);

/// What an ended attempt used. `estimated` is set when nobody knows: the model may have run, and no answer
/// says how much; then it is the worst.
Usage actual_usage(const models::CallOutcome& outcome, const Usage& worst, int64_t took_us, bool* estimated);

}  // namespace switchyard::router
