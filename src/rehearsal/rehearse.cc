#include <algorithm>
#include <deque>
#include <set>
#include <tuple>

#include "case_catalog.h"
#include "compare.h"
#include "coverage.h"
#include "limits.h"
#include "rewrite.h"
#include "switchyard/rehearsal/rehearsal.h"

namespace switchyard::rehearsal {
namespace {

constexpr std::string_view kEnding = ".test.yaml";

/// Plays the files of one request.
class Rehearser {
 public:
  explicit Rehearser(const Request& request) : request_(request) {}

  Report run() {
    std::vector<const governance::SourceFile*> tests;
    for (const governance::SourceFile& file : request_.files) {
      const bool named =
          std::find(request_.only.begin(), request_.only.end(), file.path) != request_.only.end();
      if (request_.only.empty() ? file.path.ends_with(kEnding) : named) tests.push_back(&file);
    }
    if (tests.empty()) {
      report_.diagnostics.push_back({Diagnostic::Severity::kError, "test.no_files", "", 0, 0, "",
                                     "there is no test file", "add a file whose name ends in .test.yaml"});
      return std::move(report_);
    }
    for (const governance::SourceFile* file : tests) read(*file);
    if (has_errors(report_.diagnostics)) return std::move(report_);
    for (const Loaded& loaded : loaded_) play_file(loaded);
    for (const auto& [name, coverage] : coverage_) report_.coverage.push_back(coverage.report());
    return std::move(report_);
  }

 private:
  struct Loaded {
    const governance::SourceFile* source = nullptr;
    std::shared_ptr<const governance::Snapshot> snapshot;
    CaseFile cases;
  };

  void add(const Diagnostics& diagnostics) {
    for (const Diagnostic& diagnostic : diagnostics) {
      const auto same = [&](const Diagnostic& d) {
        return std::tie(d.file, d.line, d.column, d.code, d.message) ==
               std::tie(diagnostic.file, diagnostic.line, diagnostic.column, diagnostic.code,
                        diagnostic.message);
      };
      if (std::none_of(report_.diagnostics.begin(), report_.diagnostics.end(), same))
        report_.diagnostics.push_back(diagnostic);
    }
  }

  std::shared_ptr<const governance::Snapshot> compile(const std::vector<governance::SourceFile>& files) {
    governance::GovernanceOptions options;
    options.models = request_.models;
    governance::Governance governance(options);
    governance::DeployRequest deployment;
    deployment.files = files;
    deployment.dry_run = true;
    auto report = governance.deploy(deployment);
    if (!report.ok()) return nullptr;
    Diagnostics errors;
    for (const Diagnostic& diagnostic : report->diagnostics)
      if (diagnostic.severity == Diagnostic::Severity::kError) errors.push_back(diagnostic);
    add(errors);
    return report->snapshot;
  }

  /// Of the folder alone; compiled once.
  std::shared_ptr<const governance::Snapshot> folder() {
    if (!folder_compiled_) folder_ = compile(request_.files);
    folder_compiled_ = true;
    return folder_;
  }

  void read(const governance::SourceFile& file) {
    document::Reporter reporter(file.path, kMaxMistakes);
    if (file.content.size() > kMaxTestBytes) {
      reporter.error({1, 1}, "", "test.too_large",
                     "the file has " + std::to_string(file.content.size()) + " bytes",
                     "keep it under " + std::to_string(kMaxTestBytes));
      return add(reporter.take());
    }
    auto parsed = document::parse(file.content, file.path);
    add(parsed.diagnostics);
    if (parsed.root == nullptr) return;
    auto inner = inner_files(*parsed.root, file.path);
    Loaded loaded;
    loaded.source = &file;
    if (inner.empty()) {
      loaded.snapshot = folder();
    } else {
      inner.insert(inner.end(), request_.files.begin(), request_.files.end());
      loaded.snapshot = compile(inner);
    }
    if (loaded.snapshot == nullptr) return;
    loaded.cases = read_cases(*parsed.root, file.path, *loaded.snapshot, request_.files, reporter);
    add(reporter.take());
    loaded_.push_back(std::move(loaded));
  }

  void play_file(const Loaded& loaded) {
    std::vector<std::pair<const Case*, const Outcome*>> changed;
    std::vector<std::pair<const Case*, size_t>> reports;
    std::deque<Outcome> outcomes;
    for (const Case& test : loaded.cases.cases) {
      if (test.name.find(request_.filter) == std::string::npos) continue;
      const auto catalog = case_catalog(loaded.snapshot, loaded.cases.pipeline, test);
      auto stage = request_.stage ? request_.stage(catalog, test.seed)
                                  : machine_stage(catalog, test.seed, Restarts::kNone);
      const auto pipeline = catalog->pipeline_by_hash(loaded.cases.pipeline->hash);
      outcomes.push_back(play(test, *catalog, pipeline, *stage, request_));
      const Outcome& outcome = outcomes.back();
      CaseReport report{loaded.source->path, test.name, test.position.line, false, false, {},
                        outcome.took_us};
      if (!outcome.problem.empty()) {
        report.differences.push_back(outcome.problem);
      } else if (test.expect.has_value()) {
        report.differences = compare(*test.expect, outcome, test.starts);
      } else {
        report.differences.push_back("the case expects nothing; write expect:, or let --update write it");
      }
      report.passed = report.differences.empty();
      if (!report.passed && request_.update && outcome.problem.empty()) {
        changed.emplace_back(&test, &outcome);
        reports.emplace_back(&test, report_.cases.size());
      }
      report_.cases.push_back(std::move(report));
      cover(*loaded.snapshot, outcome);
    }
    if (!changed.empty()) write(loaded, changed, reports);
  }

  void write(const Loaded& loaded, const std::vector<std::pair<const Case*, const Outcome*>>& changed,
             const std::vector<std::pair<const Case*, size_t>>& reports) {
    std::vector<const Case*> refused;
    report_.rewritten[loaded.source->path] = rewrite(loaded.source->content, changed, refused);
    for (const auto& [test, index] : reports) {
      CaseReport& report = report_.cases[index];
      if (std::find(refused.begin(), refused.end(), test) != refused.end()) {
        report.differences.push_back(
            "the case is written on one line, where --update cannot put what it expects; write "
            "it over several lines");
        continue;
      }
      report.passed = report.updated = true;
      report.differences.clear();
    }
  }

  void cover(const workflow::Catalog& catalog, const Outcome& outcome) {
    std::set<std::string> seen;
    Arena arena;
    for (const Record& record : outcome.history) {
      if (record.header.type != static_cast<uint8_t>(EventType::kRunStarted)) continue;
      auto event = decode_event(EventType::kRunStarted, record.header.version, record.header.run,
                                record.header.step, record.header.time_us, record.payload, arena);
      const auto pipeline =
          event.ok() ? catalog.pipeline_by_hash(std::get<RunStarted>(event->body).pipeline_hash) : nullptr;
      if (pipeline == nullptr || !seen.insert(pipeline->full_name()).second) continue;
      coverage_.try_emplace(pipeline->full_name(), pipeline).first->second.add(outcome.history);
    }
  }

  const Request& request_;
  Report report_;
  bool folder_compiled_ = false;
  std::shared_ptr<const governance::Snapshot> folder_;  // shared by the files that add nothing to the folder
  std::vector<Loaded> loaded_;
  std::map<std::string, Coverage> coverage_;
};

}  // namespace

size_t Report::failed() const {
  return static_cast<size_t>(
      std::count_if(cases.begin(), cases.end(), [](const CaseReport& c) { return !c.passed; }));
}

Report rehearse(const Request& request) { return Rehearser(request).run(); }

}  // namespace switchyard::rehearsal
