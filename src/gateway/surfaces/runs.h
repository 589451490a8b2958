#pragma once

#include <functional>
#include <vector>

#include "surfaces/common.h"

// What the surfaces on decisions share.
namespace switchyard::gateway::surfaces {

/// How long the caller will wait: the body's `wait`, the query's, or RFC 7240's Prefer.
Result<int64_t> wanted_wait(const Call& call, const Value& body, const Services& services);

/// Starts the run and answers with the decision: 200 when it ended within `wait_us`, else 202 with its address.
void begin_decision(Call&& call, const Services& services, partition::StartRun start, int64_t wait_us);

/// The filter in the query of a list. kInvalidArgument names the parameter.
Result<partition::RunFilter> read_filter(const http::Request& request, int64_t now_us);

/// Fetches the run of the path, then its events, and gives both to `work` on the pool.
void with_events(
    Call&& call, const Services& services,
    std::function<void(Call&, const partition::RunView&, const std::vector<partition::RecordedEvent>&)> work);

}  // namespace switchyard::gateway::surfaces
