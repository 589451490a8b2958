#pragma once

#include "call_record.h"
#include "switchyard/telemetry/metrics.h"

namespace switchyard::router {

/// What operators see of routing; docs/routing.md lists it.
class Metrics {
 public:
  explicit Metrics(telemetry::Registry& registry);
  /// A call that was answered or failed.
  void ended(const CallRecord& record);
  void shadow(const std::string& route, bool ok, bool agreed);

 private:
  telemetry::Family<telemetry::Counter> calls_, attempts_, skipped_, cache_, shadows_, cost_;
  telemetry::Family<telemetry::Histogram> seconds_;
};

}  // namespace switchyard::router
