#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "switchyard/governance/governance.h"
#include "switchyard/rehearsal/stage.h"
#include "switchyard/types/diagnostic.h"

namespace switchyard::rehearsal {

/// Asks a model for real. Blocks.
using RunModel = std::function<Result<Document>(const std::string& name, const std::string& version,
                                                const Document& input)>;

struct Request {
  /// A folder's documents, and in it the test files: all whose name ends in ".test.yaml".
  std::vector<governance::SourceFile> files;
  std::vector<std::string> only;              ///< paths of test files; empty: all of them
  std::string filter;                         ///< part of a case's name; empty: all
  bool update = false;                        ///< rewrite what is expected
  governance::ModelLoader* models = nullptr;  ///< gives the models' types
  RunModel run_model;                         ///< for stubs that say `real: true`; may be empty
  StageMaker stage;                           ///< empty: machine_stage() without restarts
  int64_t lateness_us = 0;  ///< the clock goes up to so far beyond what is due, as the seed says
};

struct CaseReport {
  std::string file, name;
  uint32_t line = 0;
  bool passed = false;
  bool updated = false;
  std::vector<std::string> differences;  ///< each of several lines, for a person
  int64_t took_us = 0;                   ///< on the case's clock
};

/// What the cases reached of one pipeline.
struct CoverageReport {
  std::string pipeline;  ///< with its version
  size_t steps = 0, steps_reached = 0;
  size_t branches = 0, branches_reached = 0;
  std::vector<std::string> missed;  ///< "heavy: its on_error", "opinion: no answer in time", ...
};

struct Report {
  /// Mistakes of the documents and test files; with errors nothing was run.
  Diagnostics diagnostics;
  std::vector<CaseReport> cases;
  std::vector<CoverageReport> coverage;
  std::map<std::string, std::string> rewritten;  ///< test files and their new text, when updating

  size_t failed() const;
};

/// Compiles the folder, and plays every case of its test files against it. Needs no server; reads and writes
/// nothing.
Report rehearse(const Request& request);

/// The report for a terminal; `coverage` adds what was not reached.
std::string to_text(const Report& report, bool coverage);
/// The report as JUnit's XML, which build servers read.
std::string to_junit(const Report& report);

}  // namespace switchyard::rehearsal
