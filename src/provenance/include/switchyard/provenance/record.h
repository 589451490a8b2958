#pragma once

#include <vector>

#include "switchyard/partition/engine.h"
#include "switchyard/types/value.h"
#include "switchyard/workflow/pipeline.h"
#include "switchyard/workflow/run.h"

namespace switchyard::provenance {

/// A decision as a person (or an auditor's program) reads it: who asked, what with, what it was pinned to,
/// each step with what it read, gave, cost and how long it took, who reviewed, and the answer. `events` are
/// all events of the run; `pipeline` may be null when this binary does not have it: then steps have numbers
/// for names and nothing is said of what they read. Of a run that was compacted, `events` are those that
/// remain, and the hashes are those that retention left. Values point into `events`, `pipeline` and `arena`.
Value make_record(const workflow::RunSummary& summary, const std::vector<partition::RecordedEvent>& events,
                  const workflow::Pipeline* pipeline, Arena& arena, bool compacted = false);

}  // namespace switchyard::provenance
