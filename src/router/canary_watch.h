#pragma once

#include "core.h"
#include "route_state.h"

namespace switchyard::router {

/// Begins the canary at its first call, and tells people.
inline void begin_canary(const Core& core, const RouteState& state) {
  if (state.canary->state().started_us != 0) return;
  std::lock_guard order(state.canary->order());
  const auto decision = state.canary->begin(core.options.clock->now_us());
  if (decision && core.options.on_canary) core.options.on_canary(*decision);
}

/// Looks at the evidence and tells people of what follows, decisions of a canary one after the other.
inline void evaluate_canary(const Core& core, const RouteState& state) {
  std::lock_guard order(state.canary->order());
  const auto decision = state.canary->evaluate(core.options.clock->now_us());
  if (decision && core.options.on_canary) core.options.on_canary(*decision);
}

/// Adds evidence by `observe`, and looks at it when enough has come.
template <typename Observe>
void watch_canary(const Core& core, const RouteState& state, const Observe& observe) {
  observe();
  if (state.canary->due()) evaluate_canary(core, state);
}

}  // namespace switchyard::router
