#pragma once

#include <memory>
#include <string>
#include <vector>

#include "call_record.h"
#include "core.h"
#include "route_state.h"

namespace switchyard::router {

/// A call whose answer nobody waits for: it is compared with the one that was given.
struct ShadowJob {
  std::shared_ptr<Core> core;
  std::shared_ptr<const RouteState> state;
  std::shared_ptr<ShadowState> counts;  ///< null: the incumbent is asked on behalf of the canary
  Candidate candidate;
  Compare compare;
  Document input, answer;
  models::ModelName answered_by;
  std::string decision, idempotency_key, trace;
  std::vector<Charge> charges;
};

/// Which shadow calls follow this answer: drawn by their shares, as many as there is room for. Each job holds
/// a place until it is started.
std::vector<ShadowJob> plan_shadows(const std::shared_ptr<Core>& core,
                                    const std::shared_ptr<const RouteState>& state, const RouteCall& call,
                                    const CallRecord& record, const models::ModelAnswer& answer);

/// Sends the call. Its end is recorded, and told to options.on_shadow.
void start_shadow(ShadowJob job);

}  // namespace switchyard::router
