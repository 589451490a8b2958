#pragma once

#include <functional>
#include <vector>

#include "surfaces/common.h"

// What the surfaces on decisions share.
namespace switchyard::gateway::surfaces {

/// How long the caller will wait: the body's `wait`, the query's, or RFC 7240's Prefer.
Result<int64_t> wanted_wait(const Call& call, const Value& body, const Services& services);

/// Of `wait_us` so much that the answer reaches a client that named a deadline before it gives up.
int64_t within_deadline(const Call& call, const Services& services, int64_t wait_us);

/// Starts the run and answers with the decision: 200 when it ended within `wait_us`, else 202 with its
/// address.
void begin_decision(Call&& call, const Services& services, partition::StartRun start, int64_t wait_us);

/// The filter in the query of a list. kInvalidArgument names the parameter.
Result<partition::RunFilter> read_filter(const http::Request& request, int64_t now_us);

/// Where `count` events of the run are, from the one with the number `first` on. Blocks for what the run's
/// record does not hold itself: for the pool's threads.
Result<std::vector<uint64_t>> offsets_of(const Services& services, const partition::RunView& view,
                                         uint64_t first, uint64_t count);

using WithEvents =
    std::function<void(Call&, const partition::RunView&, const std::vector<partition::RecordedEvent>&)>;
/// Fetches the run of the path, then `count` of its events from the one with the number `first` on, and gives
/// both to `work` on the pool.
void with_some_events(Call&& call, const Services& services, uint64_t first, uint64_t count, WithEvents work);
/// The same with all events; the view names all of them then.
void with_events(Call&& call, const Services& services, WithEvents work);

/// What needs every event as it was, a replay or a restart, cannot be done. Requires: the run was compacted.
Error compacted_error(const partition::RunView& view);

}  // namespace switchyard::gateway::surfaces
