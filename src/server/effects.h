#pragma once

#include "egress.h"
#include "switchyard/http/client.h"
#include "switchyard/models/model_service.h"
#include "switchyard/partition/engine.h"
#include "switchyard/runtime/clock.h"

namespace switchyard::server {

/// Runs the engine's effects: model calls on the model service, HTTP calls on the client. Thread-safe.
class Effects final : public partition::EffectExecutor {
 public:
  Effects(models::ModelService& models, http::Client& client, const Egress& egress,
          const runtime::Clock& clock)
      : models_(models), client_(client), egress_(egress), clock_(clock) {}
  void execute(workflow::EffectRequest request, std::function<void(workflow::EffectResult)> done) override;

 private:
  void call_model(workflow::EffectRequest request, std::function<void(workflow::EffectResult)> done);
  void call_http(workflow::EffectRequest request, std::function<void(workflow::EffectResult)> done);
  models::ModelService& models_;
  http::Client& client_;
  const Egress& egress_;
  const runtime::Clock& clock_;
};

}  // namespace switchyard::server
