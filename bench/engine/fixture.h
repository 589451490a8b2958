#pragma once

#include <memory>
#include <string>

#include "switchyard/partition/engine.h"

namespace switchyard::bench {

/// A catalogue of compiled pipelines for measuring the engine alone; models are answered by the executor at
/// once.
std::shared_ptr<const workflow::Catalog> make_catalog();

/// The five steps of the issue: rules, two set, model, triage.
inline constexpr const char* kDecision = "bench/decision";
/// Waits for thirty days.
inline constexpr const char* kParked = "bench/parked";

/// One start of `pipeline` with a card payment as input.
partition::StartRun make_start(const workflow::Catalog& catalog, const char* pipeline, uint64_t number);

/// Answers every model call in place, on the caller's thread.
class InstantExecutor final : public partition::EffectExecutor {
 public:
  InstantExecutor();
  void execute(workflow::EffectRequest request, std::function<void(workflow::EffectResult)> done) override;

 private:
  Document answer_;
  Document meta_;
};

}  // namespace switchyard::bench
