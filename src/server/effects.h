#pragma once

#include "egress.h"
#include "switchyard/gateway/live_calls.h"
#include "switchyard/http/client.h"
#include "switchyard/models/caller.h"
#include "switchyard/partition/engine.h"
#include "switchyard/runtime/clock.h"

namespace switchyard::server {

/// Runs the engine's effects: calls of models, HTTP calls on the client. Thread-safe.
class Effects final : public partition::EffectExecutor {
 public:
  Effects(models::Caller& models, gateway::LiveCalls& live_calls, http::Client& client, const Egress& egress,
          const runtime::Clock& clock)
      : models_(models), live_calls_(live_calls), client_(client), egress_(egress), clock_(clock) {}
  void execute(workflow::EffectRequest request, std::function<void(workflow::EffectResult)> done) override;

 private:
  void call_model(workflow::EffectRequest request, std::function<void(workflow::EffectResult)> done);
  void call_http(workflow::EffectRequest request, std::function<void(workflow::EffectResult)> done);
  models::Caller& models_;
  gateway::LiveCalls& live_calls_;
  http::Client& client_;
  const Egress& egress_;
  const runtime::Clock& clock_;
};

}  // namespace switchyard::server
