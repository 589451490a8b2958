#pragma once

#include <map>
#include <string>
#include <vector>

#include "case.h"
#include "switchyard/rehearsal/rehearsal.h"
#include "switchyard/rehearsal/stage.h"

namespace switchyard::rehearsal {

/// What came of a case.
struct Outcome {
  std::string problem;  ///< why the case could not be played to its end; empty: it was
  std::string status;   ///< "completed", "failed", "cancelled", "waiting"
  Document output;      ///< as JSON has it; null unless completed
  Error error;
  std::vector<PathEntry> path;
  std::map<std::string, int64_t> calls;  ///< attempts of steps that ask the outside
  int64_t took_us = 0;
  std::vector<Record> history;
};

/// Plays `test` on `stage`: starts the run, gives what the case says in the place of the outside, moves the
/// clock to what is due next, until the run has ended or nothing is due any more.
Outcome play(const Case& test, const workflow::Catalog& catalog,
             const std::shared_ptr<const workflow::Pipeline>& pipeline, Stage& stage, const Request& request);

}  // namespace switchyard::rehearsal
