#pragma once

#include <map>
#include <string>
#include <vector>

#include "case.h"
#include "switchyard/rehearsal/rehearsal.h"
#include "switchyard/rehearsal/stage.h"

namespace switchyard::rehearsal {

/// What came of a run.
struct RunOutcome {
  std::string status;  ///< "completed", "failed", "cancelled", "waiting"
  std::string key;
  Document output;  ///< as JSON has it; null unless completed
  Error error;
  std::vector<PathEntry> path;
  int64_t took_us = 0;
};

/// What came of a case: of its run, where there is one, and beside it.
struct Outcome : RunOutcome {
  std::string problem;                    ///< why the case could not be played to its end; empty: it was
  std::map<std::string, int64_t> calls;   ///< attempts of steps that ask the outside
  std::vector<RunOutcome> runs;           ///< of the pipeline, in the order in which they began
  std::vector<Document> emitted;          ///< events that runs published, as JSON has them
  std::map<std::string, Document> keeps;  ///< by key, of the keys that the case speaks of; null: nothing
  std::vector<DeadLetterEntry> dead_letters;
  std::map<std::string, int64_t> webhooks;  ///< events that were sent to each
  std::vector<Record> history;
};

/// Plays `test` on `stage`: starts the run, publishes the events, gives what the case says in the place of
/// the outside, moves the clock to what is due next, until nothing is due any more.
Outcome play(const Case& test, const workflow::Catalog& catalog,
             const std::shared_ptr<const workflow::Pipeline>& pipeline, Stage& stage, const Request& request);

}  // namespace switchyard::rehearsal
