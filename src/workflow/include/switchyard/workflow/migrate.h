#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/workflow/interpreter.h"
#include "switchyard/workflow/run.h"

// A run that goes on under another version of its pipeline.
namespace switchyard::workflow {

/// Where each step and block of one version is in another: found by the names of the steps, block by block.
/// kNoStep: nowhere.
struct VersionMap {
  std::vector<uint16_t> steps, blocks;
};
VersionMap map_versions(const Pipeline& from, const Pipeline& to);

/// What a migration needs beside the run itself.
struct Migration {
  std::shared_ptr<const Pipeline> to;
  std::shared_ptr<const Pins> pins;
  Value input;  ///< as migration_obstacles() gave it
  std::string who, why;
};

/// Why `run` cannot go on under `to`, each reason a sentence that names the step; empty: it can. The run must
/// rest: nothing of it is at work. `input` becomes its input as the new version has it, in `arena`.
std::vector<std::string> migration_obstacles(const RunState& run, const Pipeline& to, Value& input,
                                             Arena& arena);

/// Records the migration and lets the run go on. Requires: no obstacles. kTooLarge when the record would be
/// over the log's limit; then nothing happened.
Status migrate(RunState& run, const Migration& migration, Host& host, int64_t now_us);

/// Before a RunMigrated is applied to the run: what its hash and pins stand for.
void prepare_migration(RunState& run, std::shared_ptr<const Pipeline> to, std::shared_ptr<const Pins> pins);
/// The same from the event alone. kUnprocessable "workflow.missing_artefact".
Status prepare_migration(RunState& run, const RunMigrated& event, const Catalog& catalog);

/// How the event changes its run; called by apply().
void apply_migration(RunState& run, const Event& event, const RunMigrated& body);

}  // namespace switchyard::workflow
