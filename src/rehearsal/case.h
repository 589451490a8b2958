#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "switchyard/document/document.h"
#include "switchyard/document/reporter.h"
#include "switchyard/governance/governance.h"
#include "switchyard/workflow/run.h"

namespace switchyard::rehearsal {

/// What comes of one attempt of a step that asks the outside.
struct Stub {
  enum class What : uint8_t { kAnswer, kFail, kNever, kReal, kMembers } what = What::kAnswer;
  Document answer;  ///< kAnswer: a model's outputs, or { status, headers, body }
  Error error;      ///< kFail
  int64_t delay_us = 0;
  std::vector<std::pair<std::string, Stub>> members;  ///< kMembers: of an ensemble or a cascade, by name
};

/// Answers of one step, by its path; the last goes for all further attempts.
struct Stubs {
  std::string path;
  std::vector<Stub> attempts;
};

/// A person's answer to the next open review of a step.
struct PersonAnswer {
  std::string path, who = "tester";
  int64_t after_us = 0;  ///< since the question was put
  Document answer;
};

/// An event that somebody publishes while the case is played.
struct GivenEvent {
  int64_t after_us = 0;  ///< since the case began
  Document event;        ///< as events/cloud_event.h has it
};

/// A time in which the server is down: nothing happens, and what is due meanwhile is late.
struct Downtime {
  int64_t after_us = 0;  ///< since the case began
  int64_t for_us = 0;
};

/// What happens at a time of the clock.
struct Move {
  enum class What : uint8_t { kCancel, kSignal } what = What::kCancel;
  int64_t after_us = 0;  ///< since the run began
  std::string signal;    ///< kSignal: its name
  Document payload;      ///< kSignal: as the pipeline's schema has it
  std::string who = "tester", why = "asked for by the case";
};

/// How a step ended: "completed", "skipped", "failed", "replaced" (by its fallback), "left_out" (on_error:
/// skip).
struct PathEntry {
  std::string step, how;
  friend bool operator==(const PathEntry&, const PathEntry&) = default;
};

/// An event that could not be delivered.
struct DeadLetterEntry {
  std::string name, code;  ///< the consumer's; empty: not compared
};

/// What must come of it; what is not said is not compared.
struct Expectation {
  document::Position position;
  std::optional<std::string> status;
  std::optional<std::string> key;
  std::optional<Document> output, output_has;
  std::optional<std::string> error_code, error_field, error_message;
  std::optional<std::vector<PathEntry>> path;
  std::optional<std::vector<std::pair<std::string, int64_t>>> calls;
  std::optional<int64_t> took_us;
  double tolerance = 0;
  // Of the case as a whole.
  std::optional<std::vector<Expectation>> runs;  ///< of the pipeline, in the order in which they began
  std::optional<std::vector<Document>> emitted;  ///< attributes and data of what runs published
  std::optional<std::vector<std::pair<std::string, Document>>> keeps;  ///< by key, at the end; null: nothing
  std::optional<std::vector<DeadLetterEntry>> dead_letters;
  std::optional<std::vector<std::pair<std::string, int64_t>>> webhooks;  ///< events sent to each

  /// Whether something is said of a single run.
  bool speaks_of_a_run() const {
    return status || key || output || output_has || error_code || error_field || error_message || path ||
           took_us;
  }
};

struct Case {
  std::string name;
  document::Position position;    ///< of the name
  bool block = true;              ///< written over several lines: an expectation can be put in
  document::Position expect_key;  ///< line 0: there is none
  bool starts = true;  ///< begins with a run that somebody asks for; else events or the clock start them
  Document input;
  std::optional<Document> keeps;  ///< what the agent keeps under each key before the case
  std::vector<GivenEvent> events;
  std::vector<Downtime> downtimes;
  std::string principal = "tester", key;
  int64_t at_us = 1'767'225'600'000'000;  ///< 2026-01-01T00:00:00Z
  uint64_t seed = 1;
  int64_t until_us = 0;  ///< 0: as long as something is due
  std::vector<Stubs> stubs;
  std::vector<PersonAnswer> people;
  std::vector<Move> moves;
  std::optional<Expectation> expect;
};

struct CaseFile {
  std::string file;
  std::shared_ptr<const workflow::Pipeline> pipeline;  ///< null: a mistake told so
  std::vector<Case> cases;
};

/// Reads and checks a test file against the documents it is about. `files`: texts beside it, for inputs that
/// are named. All mistakes go to `reporter`.
CaseFile read_cases(const document::Node& root, const std::string& file, const workflow::Catalog& catalog,
                    const std::vector<governance::SourceFile>& files, document::Reporter& reporter);

/// The further documents that a test file holds under `files`: name → text.
std::vector<governance::SourceFile> inner_files(const document::Node& root, const std::string& file);

/// "30m" as microseconds; nothing when it is no duration.
std::optional<int64_t> parse_duration(std::string_view text);
/// "30m", "1s 500ms", "0s".
std::string duration_text(int64_t us);

}  // namespace switchyard::rehearsal
