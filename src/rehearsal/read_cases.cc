#include <algorithm>

#include "case.h"
#include "entries.h"
#include "fit.h"
#include "limits.h"
#include "places.h"
#include "read_events.h"
#include "read_stubs.h"
#include "switchyard/types/json.h"

namespace switchyard::rehearsal {
namespace {

using document::Node;

/// What `defaults` may say.
constexpr std::string_view kDefaults[] = {"input", "at",     "seed", "principal", "key",    "until",
                                          "stubs", "people", "then", "keeps",     "events", "down"};

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash + 1);
}

class CasesReader {
 public:
  CasesReader(const std::string& file, const workflow::Catalog& catalog,
              const std::vector<governance::SourceFile>& files, document::Reporter& reporter)
      : catalog_(catalog), files_(files), reporter_(reporter) {
    result_.file = file;
  }

  CaseFile read(const Node& root) {
    Entries entries(root, "", "a test file", reporter_);
    read_pipeline(entries, root);
    entries.text("description");
    entries.find("files");
    defaults_ = entries.find("defaults");
    check_defaults();
    const Node* cases = entries.find("cases");
    entries.finish();
    if (!entries.is_mapping()) return std::move(result_);
    if (cases == nullptr || !cases->is(Node::Kind::kMapping) || cases->entries.empty()) {
      reporter_.error(cases == nullptr ? root.position : cases->position, "cases", "test.no_cases",
                      "there are no cases", "add cases: with a name and an input for each");
      return std::move(result_);
    }
    if (cases->entries.size() > kMaxCases) {
      reporter_.error(cases->position, "cases", "test.too_many_cases",
                      "there are " + std::to_string(cases->entries.size()) + " cases",
                      "keep at most " + std::to_string(kMaxCases) + " in one file");
      return std::move(result_);
    }
    for (const document::Entry& entry : cases->entries) read_case(entry);
    return std::move(result_);
  }

 private:
  void read_pipeline(Entries& entries, const Node& root) {
    const auto reference = entries.text("test");
    if (!reference.has_value()) {
      if (root.find("test") == nullptr)
        reporter_.error(root.position, "test", "test.no_pipeline",
                        "the file does not say which pipeline it tests",
                        "begin with test: <name of a pipeline>");
      return;
    }
    const size_t at = reference->find('@');
    const std::string name = reference->substr(0, at);
    const std::string version = at == std::string::npos ? std::string() : reference->substr(at + 1);
    result_.pipeline = catalog_.pipeline(name, version);
    if (result_.pipeline == nullptr)
      entries.error(*root.find("test"), "test", "test.unknown_pipeline",
                    "there is no pipeline '" + *reference + "' in this folder",
                    "name one of its pipelines, or correct the mistakes that keep it from compiling");
  }

  /// The case with what the defaults say beside it; what the case says of a step or a field goes first.
  /// Entries keep their places.
  Node with_defaults(const Node& own) const {
    Node merged = own;
    if (defaults_ == nullptr || !own.is(Node::Kind::kMapping)) return merged;
    for (const document::Entry& entry : defaults_->entries) {
      if (std::find(std::begin(kDefaults), std::end(kDefaults), entry.key) == std::end(kDefaults)) continue;
      const auto found = std::find_if(merged.entries.begin(), merged.entries.end(),
                                      [&](const document::Entry& e) { return e.key == entry.key; });
      if (found == merged.entries.end()) {
        merged.entries.push_back(entry);
      } else if (entry.key == "stubs") {
        for (const document::Entry& stub : entry.value.entries)
          if (found->value.find(stub.key) == nullptr) found->value.entries.push_back(stub);
      }
    }
    return merged;
  }

  void check_defaults() {
    if (defaults_ == nullptr) return;
    Entries own(*defaults_, "defaults", "`defaults`", reporter_);
    for (const std::string_view key : kDefaults) own.find(key);
    own.finish();
    if (!own.is_mapping()) defaults_ = nullptr;
  }

  void read_case(const document::Entry& entry) {
    Case test;
    test.name = entry.key;
    test.position = entry.position;
    const Node node = with_defaults(entry.value);
    Entries entries(node, "cases." + entry.key, "a case", reporter_);
    if (!entries.is_mapping()) return;
    entries.text("description");
    test.block =
        !entry.value.entries.empty() && entry.value.entries.front().position.line > entry.position.line;
    if (const auto at = entries.time("at")) test.at_us = *at;
    if (const auto seed = entries.integer("seed", 0, INT64_MAX)) test.seed = static_cast<uint64_t>(*seed);
    if (const auto until = entries.duration("until")) test.until_us = *until;
    if (const auto who = entries.text("principal")) test.principal = *who;
    if (const auto key = entries.text("key")) test.key = *key;
    read_events(entries, test);
    read_input(entries, entry, test);
    check_beginning(entries, entry, test);
    StubReader reader(result_.pipeline.get(), catalog_, reporter_);
    if (const Node* stubs = entries.find("stubs")) reader.stubs(*stubs, entries.path("stubs"), test.stubs);
    if (const Node* people = entries.find("people"))
      reader.people(*people, entries.path("people"), test.people);
    if (const Node* then = entries.find("then")) reader.moves(*then, entries.path("then"), test.moves);
    if (const Node* expect = entries.find("expect")) {
      test.expect = read_expectation(*expect, entries.path("expect"), true);
      if (test.expect->runs.has_value() && test.expect->speaks_of_a_run())
        entries.error(*expect, "expect", "test.two_answers", "`runs` speaks of every run of the pipeline",
                      "put what is expected of a single run into its entry of `runs`");
      for (const document::Entry& e : node.entries)
        if (e.key == "expect") test.expect_key = e.position;
    }
    entries.finish();
    result_.cases.push_back(std::move(test));
  }

  void read_events(Entries& entries, Case& test) {
    EventReader reader(result_.pipeline.get(), catalog_, reporter_);
    if (const Node* events = entries.find("events"))
      reader.events(*events, entries.path("events"), test.events);
    if (const Node* down = entries.find("down"))
      reader.downtimes(*down, entries.path("down"), test.downtimes);
    if (const Node* keeps = entries.find("keeps")) test.keeps = reader.keeps(*keeps, entries.path("keeps"));
  }

  /// What starts a run: somebody who asks, or else events and the clock.
  void check_beginning(Entries& entries, const document::Entry& entry, const Case& test) {
    const workflow::Pipeline* pipeline = result_.pipeline.get();
    if (pipeline == nullptr) return;
    const auto mistake = [&](const char* key, const char* code, const char* message, const char* mend) {
      reporter_.error(entry.position, entries.path(key), code, message, mend);
    };
    if (test.starts && pipeline->state.has_value())
      mistake("input", "test.agent_with_state", "an agent with a state is started by events alone",
              "remove input, and add events: [ { type: ..., data: { ... } } ]");
    if (!test.starts && pipeline->schedule.has_value() && !pipeline->on.has_value() && test.until_us == 0)
      mistake("until", "test.no_end", "a schedule ticks for ever", "say how far the clock goes: until: 3d");
    if (!test.starts && !pipeline->schedule.has_value() && test.events.empty())
      mistake("events", "test.nothing_happens", "nothing starts a run: there is neither input nor an event",
              "add events: [ { type: ..., data: { ... } } ], or an input");
  }

  // --- the input
  void read_input(Entries& entries, const document::Entry& entry, Case& test) {
    Node merged;
    entries.find("input");
    const Node* input = entry.value.find("input");
    const Node* base = defaults_ == nullptr ? nullptr : defaults_->find("input");
    std::unique_ptr<Node> from_file, base_from_file;
    input = named(input, entries.path("input"), from_file);
    base = named(base, "defaults.input", base_from_file);
    if (input == nullptr) input = base;
    if (input == nullptr) {
      const bool starts_itself = result_.pipeline != nullptr &&
                                 (result_.pipeline->on.has_value() || result_.pipeline->schedule.has_value());
      test.starts = !starts_itself;
      if (result_.pipeline != nullptr && result_.pipeline->input != nullptr && !starts_itself)
        reporter_.error(entry.position, entries.path("input"), "test.no_input", "the case has no input",
                        "add input: { ... } or input: <file>");
      return;
    }
    if (base != nullptr && input != base && base->is(Node::Kind::kMapping) &&
        input->is(Node::Kind::kMapping)) {
      merged = *input;
      for (const document::Entry& field : base->entries)
        if (merged.find(field.key) == nullptr) merged.entries.push_back(field);
      input = &merged;
    }
    auto arena = std::make_shared<Arena>(1024);
    const bool checked = result_.pipeline != nullptr && result_.pipeline->input != nullptr;
    const Value value =
        checked ? fit(*input, *result_.pipeline->input, entries.path("input"), "the input", *arena, reporter_)
                : document::to_value(*input, *arena);
    test.input = Document(std::move(arena), value);
  }

  /// A text names a file beside the test file.
  const Node* named(const Node* node, const std::string& path, std::unique_ptr<Node>& holder) {
    if (node == nullptr || !node->is(Node::Kind::kString)) return node;
    std::string wanted = node->text;
    if (wanted.starts_with("./")) wanted.erase(0, 2);
    wanted = folder_of(result_.file) + wanted;
    for (const governance::SourceFile& file : files_) {
      if (file.path != wanted) continue;
      auto parsed = document::parse(file.content, file.path);
      for (const Diagnostic& mistake : parsed.diagnostics) reporter_.add(mistake);
      if (parsed.root == nullptr) return nullptr;
      holder = std::move(parsed.root);
      // Mistakes are told where the file is named.
      holder->position = node->position;
      return holder.get();
    }
    reporter_.error(node->position, path, "test.no_file",
                    "there is no file " + node->text + " beside this one",
                    "correct the name, or write the value here");
    return nullptr;
  }

  // --- what must come of it
  /// `whole`: of a case; else of one of its runs.
  Expectation read_expectation(const Node& node, const std::string& path, bool whole) {
    Expectation expect;
    expect.position = node.position;
    Entries entries(node, path, whole ? "`expect`" : "a run", reporter_);
    static const std::vector<std::string> kStatuses{"completed", "failed", "cancelled", "waiting"};
    expect.status = entries.text("status");
    if (expect.status.has_value() &&
        std::find(kStatuses.begin(), kStatuses.end(), *expect.status) == kStatuses.end()) {
      entries.error(*node.find("status"), "status", "test.unknown_status",
                    "'" + *expect.status + "' is no status", "write completed, failed, cancelled or waiting");
    }
    for (const auto& [key, slot] :
         {std::pair{"output", &expect.output}, std::pair{"output_has", &expect.output_has}}) {
      const Node* value = entries.find(key);
      if (value == nullptr) continue;
      auto arena = std::make_shared<Arena>(512);
      const Value copied = document::to_value(*value, *arena);
      *slot = Document(std::move(arena), copied);
    }
    if (const Node* error = entries.find("error")) read_error(*error, entries.path("error"), expect);
    if (const Node* steps = entries.find("path")) expect.path = read_path(*steps, entries.path("path"));
    expect.key = entries.text("key");
    expect.took_us = entries.duration("took");
    if (whole) read_whole(entries, expect);
    expect.tolerance = entries.number("tolerance").value_or(0);
    entries.finish();
    return expect;
  }

  void read_whole(Entries& entries, Expectation& expect) {
    EventReader reader(result_.pipeline.get(), catalog_, reporter_);
    if (const Node* calls = entries.find("calls")) expect.calls = read_calls(*calls, entries.path("calls"));
    if (const Node* events = entries.find("emitted"))
      expect.emitted = reader.emitted(*events, entries.path("emitted"));
    if (const Node* keeps = entries.find("keeps")) expect.keeps = reader.kept(*keeps, entries.path("keeps"));
    if (const Node* letters = entries.find("dead_letters"))
      expect.dead_letters = reader.dead_letters(*letters, entries.path("dead_letters"));
    if (const Node* webhooks = entries.find("webhooks"))
      expect.webhooks = reader.webhooks(*webhooks, entries.path("webhooks"));
    const Node* runs = entries.find("runs");
    if (runs == nullptr) return;
    expect.runs.emplace();
    if (!runs->is(Node::Kind::kSequence)) {
      entries.error(*runs, "runs", "test.wrong_type", "`runs` is a list, not " + runs->describe(),
                    "write runs: [ { output: { ... } } ]");
      return;
    }
    for (size_t i = 0; i < runs->items.size(); ++i)
      expect.runs->push_back(
          read_expectation(runs->items[i], document::child_path(entries.path("runs"), i), false));
  }

  void read_error(const Node& node, const std::string& path, Expectation& expect) {
    if (node.is(Node::Kind::kString)) {
      expect.error_code = node.text;
      return;
    }
    Entries entries(node, path, "`error`", reporter_);
    expect.error_code = entries.text("code");
    expect.error_field = entries.text("field");
    expect.error_message = entries.text("message");
    entries.finish();
  }

  void check_step(const Node& at, const std::string& path, const std::string& name) {
    if (result_.pipeline == nullptr || !steps_named(*result_.pipeline, name, catalog_).empty()) return;
    StubReader(result_.pipeline.get(), catalog_, reporter_).unknown_step(at.position, path, name);
  }

  std::vector<PathEntry> read_path(const Node& node, const std::string& path) {
    static const std::vector<std::string> kEnds{"completed", "skipped", "failed", "replaced", "left_out"};
    std::vector<PathEntry> steps;
    if (!node.is(Node::Kind::kSequence)) {
      reporter_.error(node.position, path, "test.wrong_type",
                      "`path` is a list of steps, not " + node.describe(),
                      "write path: [first, { second: skipped }]");
      return steps;
    }
    for (size_t i = 0; i < node.items.size(); ++i) {
      const Node& item = node.items[i];
      const std::string here = document::child_path(path, i);
      if (item.is(Node::Kind::kString)) {
        check_step(item, here, item.text);
        steps.push_back({item.text, "completed"});
        continue;
      }
      const bool pair = item.is(Node::Kind::kMapping) && item.entries.size() == 1;
      const std::string how = pair ? item.entries.front().value.text : std::string();
      if (!pair || std::find(kEnds.begin(), kEnds.end(), how) == kEnds.end()) {
        reporter_.error(
            item.position, here, "test.bad_path", "here must be a step's name, or { name: how it ended }",
            "write for example light, or { heavy: skipped }; a step ends completed, skipped, failed, "
            "replaced or left_out");
        continue;
      }
      check_step(item, here, item.entries.front().key);
      steps.push_back({item.entries.front().key, how});
    }
    return steps;
  }

  std::vector<std::pair<std::string, int64_t>> read_calls(const Node& node, const std::string& path) {
    std::vector<std::pair<std::string, int64_t>> calls;
    Entries entries(node, path, "`calls`", reporter_);
    for (const document::Entry& entry : node.entries) {
      if (const auto count = entries.integer(entry.key, 0, 1'000'000)) calls.emplace_back(entry.key, *count);
      check_step(entry.value, entries.path(entry.key), entry.key);
    }
    return calls;
  }

  const workflow::Catalog& catalog_;
  const std::vector<governance::SourceFile>& files_;
  document::Reporter& reporter_;
  const Node* defaults_ = nullptr;
  CaseFile result_;
};

}  // namespace

CaseFile read_cases(const Node& root, const std::string& file, const workflow::Catalog& catalog,
                    const std::vector<governance::SourceFile>& files, document::Reporter& reporter) {
  return CasesReader(file, catalog, files, reporter).read(root);
}

std::vector<governance::SourceFile> inner_files(const Node& root, const std::string& file) {
  std::vector<governance::SourceFile> files;
  const Node* inner = root.find("files");
  if (inner == nullptr || !inner->is(Node::Kind::kMapping)) return files;
  for (const document::Entry& entry : inner->entries)
    if (entry.value.is(Node::Kind::kString)) files.push_back({folder_of(file) + entry.key, entry.value.text});
  return files;
}

}  // namespace switchyard::rehearsal
