#pragma once

#include <functional>

#include "egress.h"
#include "switchyard/http/client.h"
#include "switchyard/partition/engine.h"
#include "switchyard/runtime/clock.h"

namespace switchyard::server {

/// Sends messages to webhooks: signed by the Standard Webhooks specification, as CloudEvents in the mode that
/// the webhook asks for. Secrets are read from where the webhook says each time, so that one can be changed
/// without a restart. Thread-safe; does not block.
class Webhooks final : public partition::WebhookSender {
 public:
  Webhooks(http::Client& client, const Egress& egress, const runtime::Clock& clock)
      : client_(client), egress_(egress), clock_(clock) {}
  void send(const partition::WebhookRequest& request,
            std::function<void(partition::WebhookOutcome)> done) override;

 private:
  http::Client& client_;
  const Egress& egress_;
  const runtime::Clock& clock_;
};

}  // namespace switchyard::server
