#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/partition/engine.h"
#include "switchyard/types/value.h"
#include "switchyard/workflow/catalog.h"

namespace switchyard::provenance {

/// One thing to be different: "model=fraud-light@1.1.0", "rules=card-limits@2.0.0".
struct ChangeOf {
  ArtefactKind kind{};
  std::string name, version;
};
/// kInvalidArgument "replay.bad_change".
Result<ChangeOf> parse_change(std::string_view text);

struct ReplayOptions {
  std::vector<ChangeOf> with;  ///< empty: an exact replay
  bool asked = false;          ///< whether the report tells what models were asked; exact replays only
};

/// What a model was asked whose answer the decision used. What a prompt made of its variables is not told.
struct AskedModel {
  std::string step;         ///< its name
  std::string model;        ///< as the pipeline names it: a model, or a route to several
  std::string answered_by;  ///< name@version; empty: the record does not say
  Document input;
};

/// One step whose result differs in a counterfactual.
struct StepDifference {
  std::string step;
  Document before, after;  ///< null where the step did not run
};

struct ReplayReport {
  RunId run;
  bool exact = true;  ///< no changes were asked for
  bool identical =
      false;  ///< exact: every event is the recorded one, byte for byte; else: the output is the same
  uint64_t events = 0;                      ///< compared
  std::string difference;                   ///< what differs first; empty: nothing
  std::string status_before, status_after;  ///< "completed", "failed", "waiting for a person", ...
  Document output_before, output_after;
  std::vector<StepDifference> steps;  ///< of a counterfactual
  std::vector<AskedModel> asked;      ///< in the order of the answers; see ReplayOptions
};

/// What many replays gave.
struct ReplaySummary {
  uint64_t replayed = 0, identical = 0, different = 0, failed = 0;
  std::vector<ReplayReport> examples;                   ///< the first that differ
  std::vector<std::pair<RunId, std::string>> failures;  ///< the first that could not be replayed
  static constexpr size_t kExamples = 20;
  void add(const workflow::RunSummary& run, Result<ReplayReport> report);
};

/// Runs decisions again with their recorded effects: nothing is called, written or asked, but models named in
/// a change.
class Replayer {
 public:
  /// Asks a model version that need not be the active one. Blocks.
  using RunModel = std::function<Result<Document>(const std::string& name, const std::string& version,
                                                  const Document& input)>;
  using GetCatalog = std::function<std::shared_ptr<const workflow::Catalog>()>;
  Replayer(GetCatalog catalog, RunModel run_model)
      : catalog_(std::move(catalog)), run_model_(std::move(run_model)) {}

  /// `events`: all of the run. kUnprocessable "replay.not_available" when this binary lacks what the run is
  /// pinned to; kNotFound when a change names something that is not there or that the run does not use. Any
  /// thread.
  Result<ReplayReport> replay(const workflow::RunSummary& summary,
                              const std::vector<partition::RecordedEvent>& events,
                              const ReplayOptions& options) const;

 private:
  const GetCatalog catalog_;
  const RunModel run_model_;
};

/// The state of a run that ended, folded anew from all its events. kUnprocessable "replay.not_available" as
/// above.
Result<std::unique_ptr<workflow::RunState>> refold(const std::vector<partition::RecordedEvent>& events,
                                                   const workflow::Catalog& catalog);

Value report_to_value(const ReplayReport& report, Arena& arena);
Value summary_to_value(const ReplaySummary& summary, Arena& arena);

}  // namespace switchyard::provenance
