#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "switchyard/partition/engine.h"
#include "switchyard/provenance/replay.h"
#include "switchyard/workflow/interpreter.h"

namespace switchyard::provenance {

/// The code of what a kill switch stopped.
inline constexpr std::string_view kKilled = "governance.killed";

/// The surroundings of a run that is run again. In an exact replay what the interpreter emits must be what
/// was recorded, in that order; in a counterfactual it is only collected.
class ReplayHost final : public workflow::Host {
 public:
  ReplayHost(const std::vector<partition::RecordedEvent>& recorded, bool exact,
             const workflow::Catalog* catalog)
      : recorded_(recorded), exact_(exact), catalog_(catalog) {}

  bool emit(workflow::RunState& run, Event event) override;
  void start_effect(workflow::RunState&, workflow::EffectRequest request) override {
    if (keeps_calls) calls.insert_or_assign(request.step, request);
    effects.push_back(std::move(request));
  }
  // A child's end is recorded with its parent's step, as an effect's result is.
  void start_child(workflow::RunState&, workflow::ChildRequest request) override {
    children.push_back(std::move(request));
  }
  void cancel_child(workflow::RunState&, const RunId&, std::string_view) override {}
  Status publish(workflow::RunState&, StepAddress at, const Value& event, int64_t now_us) override;
  std::vector<std::pair<QueuePlace, Document>> heard(workflow::RunState&, StepAddress at) override;
  RunId new_id(int64_t now_us) override;
  const workflow::Kill* killed(ArtefactKind kind, std::string_view name, std::string_view version,
                               StepAddress step) override;
  uint32_t budget_left(std::string_view scope, int32_t day, uint32_t per_day) override;

  /// The recorded event that comes next; nullptr at the end.
  const Event* next() const { return cursor < recorded_.size() ? &recorded_[cursor].event : nullptr; }
  /// Takes the next recorded event as it is: what came from outside.
  void take(workflow::RunState& run);

  size_t cursor = 0;
  int64_t now_us = 0;  ///< of the move that is made; for whom the switches of that moment matter
  std::deque<workflow::EffectRequest> effects;
  bool keeps_calls = false;
  std::map<StepAddress, workflow::EffectRequest> calls;  ///< the last of each step
  std::deque<workflow::ChildRequest> children;           ///< started and not yet ended; counterfactuals only
  std::string difference;                                ///< the first; empty: none

 private:
  const std::vector<partition::RecordedEvent>& recorded_;
  const bool exact_;
  const workflow::Catalog* const catalog_;  ///< for runs that were migrated
  std::optional<workflow::Kill> kill_;
};

}  // namespace switchyard::provenance
