#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "switchyard/governance/governance.h"
#include "switchyard/models/caller.h"
#include "switchyard/runtime/clock.h"
#include "tracing.h"

namespace switchyard::server {

/// Stands between the router and the models: each call of a model's version, of retries, hedges and shadows
/// too, becomes a span and counts in the metrics, under OpenTelemetry's GenAI conventions; the model is told
/// that span as its parent. Thread-safe.
class TracedCalls final : public models::Caller {
 public:
  using Governed = std::function<std::shared_ptr<const governance::Snapshot>()>;
  /// All outlive it.
  TracedCalls(models::Caller& next, Governed governed, Tracing& tracing, const runtime::Clock& clock)
      : next_(next), governed_(std::move(governed)), tracing_(tracing), clock_(clock) {}

  std::function<void()> call(models::CallRequest request, Done done) override;

 private:
  struct Exchange;
  /// The request's traceparent becomes that of its span.
  std::shared_ptr<Exchange> begin(models::CallRequest& request) const;
  void ended(Exchange& exchange, const models::CallOutcome& outcome);

  models::Caller& next_;
  const Governed governed_;
  Tracing& tracing_;
  const runtime::Clock& clock_;
};

}  // namespace switchyard::server
