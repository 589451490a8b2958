// warmup
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <set>

#include "cli/api_client.h"
#include "cli/cli.h"
#include "cli/folder.h"
#include "cli/print.h"
#include "private_calls.h"
#include "private_tensors.h"
#include "switchyard/governance/governance.h"
#include "switchyard/models/limits.h"
#include "switchyard/privacy/reduce.h"
#include "switchyard/types/json.h"

namespace switchyard::server::cli {
namespace {

struct WarmUpSettings {
  Connection connection;
  std::string model, pipeline, since, output, privacy;
  int64_t limit = 50, look_at = 1000;
};

/// Whether `answered_by`, a model's name and version, is the model that is meant: with a version, this one.
bool is_meant(std::string_view answered_by, std::string_view model) {
  return answered_by == model ||
         (model.find('@') == std::string_view::npos && answered_by.substr(0, answered_by.find('@')) == model);
}

/// Gathers inputs from decisions, the newest first.
class Recorded {
 public:
  Recorded(ApiClient& client, const WarmUpSettings& settings) : client_(client), settings_(settings) {}

  Status gather() {
    std::string cursor;
    do {
      SY_ASSIGN_OR_RETURN(const Document page,
                          client_.get(target_of("/api/v1/decisions", {{"pipeline", settings_.pipeline},
                                                                      {"since", settings_.since},
                                                                      {"limit", "200"},
                                                                      {"cursor", cursor}})));
      for (const Value& run : items_of(page.root(), "decisions")) {
        if (is_full() || looked_at_ >= settings_.look_at) return {};
        ++looked_at_;
        SY_RETURN_IF_ERROR(look_at(run));
      }
      cursor = raw_text_of(page.root(), "next_cursor");
    } while (!cursor.empty() && !is_full());
    return {};
  }

  const std::vector<Document>& inputs() const { return inputs_; }
  int64_t looked_at() const { return looked_at_; }
  int64_t left_out() const { return left_out_; }

 private:
  bool is_full() const { return static_cast<int64_t>(inputs_.size()) >= settings_.limit; }

  Status look_at(const Value& run) {
    const std::string decision = "/api/v1/decisions/" + encode(raw_text_of(run, "id"));
    // A call of a model itself: its input is the decision's.
    if (raw_text_of(run, "pipeline").starts_with(governance::kCallsPrefix)) {
      SY_ASSIGN_OR_RETURN(const Document record, client_.get(decision + "/record"));
      const Value* input = record->find("input");
      for (const Value& step : items_of(record.root(), "steps")) {
        const Value* by = step.find("by");
        if (by == nullptr || !is_meant(raw_text_of(*by, "model"), settings_.model)) continue;
        if (bool_of(record.root(), "compacted") || input == nullptr)
          ++left_out_;
        else
          take(*input);
      }
      return {};
    }
    // What a step gave its model follows from the record: deciding again tells it.
    const auto report = client_.post(decision + "/replay", R"({"asked":true})");
    if (!report.ok()) {
      // Compacted, or of a pipeline that this server lacks.
      const bool is_gone =
          report.error().kind == ErrorKind::kUnprocessable || report.error().kind == ErrorKind::kConflict;
      if (!is_gone) return report.error();
      ++left_out_;
      return {};
    }
    for (const Value& call : items_of(report->root(), "asked"))
      if (const Value* input = call.find("input");
          input != nullptr && is_meant(raw_text_of(call, "answered_by"), settings_.model))
        take(*input);
    return {};
  }

  void take(const Value& input) {
    if (is_full() || !known_.insert(to_canonical_json(input)).second) return;
    auto arena = std::make_shared<Arena>(1024);
    const Value copied = copy_value(input, *arena);
    inputs_.emplace_back(std::move(arena), copied);
  }

  ApiClient& client_;
  const WarmUpSettings& settings_;
  std::vector<Document> inputs_;
  std::set<std::string> known_;
  int64_t looked_at_ = 0, left_out_ = 0;
};

/// The policy of a file `privacy: name@version`; its mistakes are printed, and nothing is given.
std::optional<privacy::Policy> read_policy(const std::string& path) {
  const auto text = read_file(path);
  if (!text.ok()) {
    report(text.error());
    return std::nullopt;
  }
  auto parsed = document::parse(*text, path);
  Diagnostics found = std::move(parsed.diagnostics);
  std::shared_ptr<privacy::Policy> policy;
  const auto* name = parsed.root == nullptr ? nullptr : parsed.root->find("privacy");
  if (parsed.root != nullptr) {
    auto outcome = privacy::compile(*parsed.root, path);
    policy = std::move(outcome.policy);
    found.insert(found.end(), outcome.diagnostics.begin(), outcome.diagnostics.end());
  }
  if (name == nullptr && found.empty()) {
    report(make_error(ErrorKind::kInvalidArgument, "cli.no_policy",
                      path + " is no privacy policy; it begins with privacy: <name>@1.0.0", "--privacy"));
    return std::nullopt;
  }
  for (const auto& each : found) std::fprintf(stderr, "%s\n", each.to_string().c_str());
  if (policy == nullptr) return std::nullopt;
  policy->name = name->text.substr(0, name->text.find('@'));
  return *policy;
}

/// The inputs as the policy lets them leave.
Result<std::vector<Document>> reduce(const std::vector<Document>& inputs, const privacy::Policy& policy) {
  SY_ASSIGN_OR_RETURN(const auto key, privacy_key_of_environment());
  std::vector<Document> reduced;
  for (const Document& input : inputs) {
    auto one = apply_to_input(policy, input.root(), key.has_value() ? &*key : nullptr);
    if (!one.ok()) return std::move(one).error();
    reduced.push_back(std::move(one->document));
  }
  return reduced;
}

int warm_up(const WarmUpSettings& settings) {
  std::optional<privacy::Policy> policy;
  if (!settings.privacy.empty()) {
    policy = read_policy(settings.privacy);
    if (!policy.has_value()) return kBadInput;
  }
  auto client = ApiClient::connect(settings.connection);
  if (!client.ok()) return report(client.error());
  Recorded recorded(**client, settings);
  if (const Status done = recorded.gather(); !done.ok()) return report(done.error());
  if (recorded.inputs().empty()) {
    return report(make_error(
        ErrorKind::kNotFound, "cli.nothing_recorded",
        "none of the " + std::to_string(recorded.looked_at()) + " newest decisions has an input of " +
            settings.model + " (" + std::to_string(recorded.left_out()) +
            " cannot be told any more); look at more of them with --look-at, or name a --pipeline"));
  }
  auto inputs = policy.has_value() ? reduce(recorded.inputs(), *policy)
                                   : Result<std::vector<Document>>(recorded.inputs());
  if (!inputs.ok()) return report(inputs.error());
  std::string text = "[\n";
  for (const Document& input : *inputs)
    text += "  " + to_json(input.root()) + (&input == &inputs->back() ? "\n" : ",\n");
  text += "]\n";
  if (const Status written = write_output(settings.output, text); !written.ok())
    return report(written.error());
  std::fprintf(stderr, "%zu inputs of %s from %lld decisions", inputs->size(), plain(settings.model).c_str(),
               static_cast<long long>(recorded.looked_at()));
  if (recorded.left_out() > 0)
    std::fprintf(stderr,
                 "; %lld were passed over, whose inputs retention removed or which cannot be replayed",
                 static_cast<long long>(recorded.left_out()));
  std::fprintf(
      stderr, "%s\n",
      policy.has_value() ? "" : "; they are as the records hold them, personal data too (--privacy FILE)");
  return kDone;
}

}  // namespace

void add_warm_up(CLI::App& app, int* code) {
  auto settings = std::make_shared<WarmUpSettings>();
  CLI::App* command = app.add_subcommand(
      "warmup", "Write what a model was asked by recent decisions as the inputs of a manifest's `warmup`");
  command->add_option("model", settings->model, "The model that answered: name, or name@version")->required();
  command->add_option("--limit", settings->limit, "Inputs at most, each once, of the newest decisions")
      ->check(CLI::Range(int64_t{1}, static_cast<int64_t>(models::kMaxWarmUpRows)))
      ->capture_default_str();
  command->add_option("--output", settings->output, "The file; standard output when not said");
  command->add_option("--privacy", settings->privacy,
                      "A privacy policy (privacy: name@version): what it removes does not get into the file");
  command->add_option("--pipeline", settings->pipeline, "Decisions of this pipeline only");
  command->add_option("--since", settings->since, "Started since 15m, 2h, 3d, or 2026-11-23T10:00:00Z");
  command->add_option("--look-at", settings->look_at, "Decisions to look at, at most")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  add_connection_options(*command, settings->connection);
  command->callback([settings, code] { *code = warm_up(*settings); });
}

}  // namespace switchyard::server::cli
