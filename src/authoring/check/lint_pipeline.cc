#include <algorithm>
#include <cctype>
#include <string>
#include <utility>

#include "lint.h"
#include "switchyard/document/reporter.h"

namespace switchyard::authoring {
namespace {

using workflow::EffectClass;
using workflow::HttpSpec;
using workflow::ReviewSpec;
using workflow::Step;

class PipelineLint {
 public:
  PipelineLint(const workflow::Pipeline& pipeline, const workflow::Outline& outline,
               const document::Node& root, const std::string& file, Diagnostics& findings)
      : pipeline_(pipeline), outline_(outline), root_(root), file_(file), findings_(findings) {}

  void run() {
    if (pipeline_.input == nullptr && reads_input()) {
      warn("input", "lint.no_input_schema", "the pipeline reads `input` and does not say what it is",
           "add input: { schema: ./<name>.schema.json }, or a schema inline");
    }
    for (const Step& step : pipeline_.steps) {
      const std::string path = outline_.steps[step.index.value].path;
      lint_condition(step, path);
      if (const auto* http = std::get_if<HttpSpec>(&step.spec)) lint_http(step, *http, path);
      if (const auto* task = std::get_if<workflow::TaskSpec>(&step.spec);
          task != nullptr && step.retry.attempts > 1 && task->effect == EffectClass::kEffectful) {
        warn(child(path, "retry"), "lint.retried_effect",
             "the task '" + step.name + "' is effectful and is tried again when it fails",
             "say effect: idempotent where the worker keeps the idempotency key, or remove `retry`");
      }
      if (const auto* review = std::get_if<ReviewSpec>(&step.spec);
          review != nullptr && review->show.empty()) {
        warn(child(path, "review"), "lint.review_shows_nothing",
             "the review '" + step.name + "' shows its reviewers nothing but the form",
             "add show: [input, ...], with what they need to answer");
      }
    }
  }

 private:
  static std::string child(const std::string& path, std::string_view key) {
    return document::child_path(path, key);
  }
  void warn(const std::string& path, std::string code, std::string message, std::string mend) {
    const auto at = document::position_of(root_, path);
    findings_.push_back({Diagnostic::Severity::kWarning, std::move(code), file_, at.line, at.column, path,
                         std::move(message), std::move(mend)});
  }

  bool reads_input() const {
    std::set<std::string> paths;
    for (const Step& step : pipeline_.steps) workflow::collect_reads(step, paths);
    return pipeline_.key.has_value() || std::any_of(paths.begin(), paths.end(), [](const std::string& path) {
             return path == "input" || path.starts_with("input.");
           });
  }

  void lint_condition(const Step& step, const std::string& path) {
    if (!step.when.has_value()) return;
    const auto value = step.when->constant();
    if (!value.has_value() || !value->is(Kind::kBool)) return;
    warn(child(path, "when"), "lint.constant_condition",
         "the condition of '" + step.name + "' is always " + (value->as_bool() ? "true" : "false"),
         value->as_bool() ? "remove it" : "remove the step, or write the condition that is meant");
  }

  void lint_http(const Step& step, const HttpSpec& http, const std::string& path) {
    const std::string inside = child(path, "http");
    if (step.timeout_us == 0) {
      warn(inside, "lint.http_without_timeout", "the call '" + step.name + "' has no time-out of its own",
           "add timeout: 2s beside `http`");
    }
    if (step.retry.attempts > 1 && http.effect == EffectClass::kEffectful) {
      warn(child(path, "retry"), "lint.retried_effect",
           "the call '" + step.name + "' is effectful and is tried again when it fails",
           "say effect: idempotent where the service keeps the idempotency key, or remove `retry`");
    }
    if (const auto url = http.url.constant(); url.has_value() && url->is(Kind::kString)) {
      const std::string_view text = url->as_string();
      const bool local = text.starts_with("http://localhost") || text.starts_with("http://127.") ||
                         text.starts_with("http://[::1]");
      if (text.starts_with("http://") && !local) {
        warn(child(inside, "url"), "lint.insecure_url", "the call '" + step.name + "' is not encrypted",
             "write https://");
      }
      if (text.find('@') < text.find('/', text.find("//") + 2)) {
        warn(child(inside, "url"), "lint.secret_in_document",
             "the address of '" + step.name + "' names a user", "keep credentials out of the document");
      }
    }
    for (const auto& [name, value] : http.headers) {
      if (!is_secret_header(name) || !value.constant().has_value()) continue;
      warn(child(child(inside, "headers"), name), "lint.secret_in_document",
           "the header '" + name + "' of '" + step.name + "' is written out",
           "pass it in with the input, or let the service in front add it");
    }
  }

  static bool is_secret_header(std::string name) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
    for (const std::string_view word : {"authorization", "cookie", "api-key", "apikey", "token", "secret"})
      if (name.find(word) != std::string::npos) return true;
    return false;
  }

  const workflow::Pipeline& pipeline_;
  const workflow::Outline& outline_;
  const document::Node& root_;
  const std::string& file_;
  Diagnostics& findings_;
};

}  // namespace

void lint_pipeline(const workflow::Pipeline& pipeline, const workflow::Outline& outline,
                   const document::Node& root, const std::string& file, Diagnostics& findings) {
  PipelineLint(pipeline, outline, root, file, findings).run();
}

}  // namespace switchyard::authoring
