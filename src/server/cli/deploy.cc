// deploy, kill, revive, activate, artefacts
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>

#include "cli/api_client.h"
#include "cli/cli.h"
#include "switchyard/base/base64.h"
#include "switchyard/types/diagnostic.h"
#include "switchyard/types/json.h"

namespace switchyard::server::cli {
namespace {

namespace fs = std::filesystem;

constexpr uintmax_t kMaxFileBytes = 48u << 20;

bool is_deployable(const fs::path& path) {
  const auto extension = path.extension().string();
  return extension == ".yaml" || extension == ".yml" || extension == ".json" || extension == ".onnx";
}

/// The folder's documents and weights as the body of a deployment; hidden files and folders are left out.
Result<std::string> bundle(const std::string& directory, const std::string& message, bool dry_run) {
  std::error_code error;
  if (!fs::is_directory(directory, error)) {
    return make_error(ErrorKind::kInvalidArgument, "deploy.no_folder",
                      "'" + directory + "' is no folder; name the one that holds the documents");
  }
  std::vector<fs::path> paths;
  for (auto it = fs::recursive_directory_iterator(directory, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    const bool hidden = it->path().filename().string().starts_with('.');
    if (hidden && it->is_directory()) it.disable_recursion_pending();
    if (!hidden && it->is_regular_file() && is_deployable(it->path())) paths.push_back(it->path());
  }
  if (error)
    return make_error(ErrorKind::kIo, "deploy.cannot_read",
                      "cannot read '" + directory + "': " + error.message());
  std::sort(paths.begin(), paths.end());
  std::string body = "{\"message\":";
  append_json_string(message, body);
  body += dry_run ? ",\"dry_run\":true,\"files\":[" : ",\"dry_run\":false,\"files\":[";
  for (const fs::path& path : paths) {
    if (fs::file_size(path, error) > kMaxFileBytes) {
      return make_error(ErrorKind::kTooLarge, "deploy.file_too_large",
                        path.string() + " is larger than 48 MiB");
    }
    std::ifstream file(path, std::ios::binary);
    const std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (!file) return make_error(ErrorKind::kIo, "deploy.cannot_read", "cannot read " + path.string());
    if (body.back() != '[') body += ',';
    body += "{\"path\":";
    append_json_string(fs::relative(path, directory).generic_string(), body);
    const bool text = path.extension() != ".onnx";
    body += text ? ",\"content\":" : ",\"content_base64\":";
    append_json_string(text ? content : base64_encode(content), body);
    body += '}';
  }
  return body + "]}";
}

std::string text_of(const Value& object, std::string_view name) {
  const Value* value = object.find(name);
  return value != nullptr && value->is(Kind::kString) ? std::string(value->as_string()) : std::string();
}
uint32_t number_of(const Value& object, std::string_view name) {
  const Value* value = object.find(name);
  return value != nullptr && value->is(Kind::kInteger) ? static_cast<uint32_t>(value->as_integer()) : 0;
}

void print_diagnostics(const Value* list) {
  if (list == nullptr || !list->is(Kind::kList)) return;
  for (const Value& item : list->items()) {
    Diagnostic diagnostic;
    diagnostic.severity = text_of(item, "severity") == "warning" ? Diagnostic::Severity::kWarning
                                                                 : Diagnostic::Severity::kError;
    diagnostic.code = text_of(item, "code");
    diagnostic.file = text_of(item, "file");
    diagnostic.line = number_of(item, "line");
    diagnostic.column = number_of(item, "column");
    diagnostic.path = text_of(item, "path");
    diagnostic.message =
        text_of(item, "message").empty() ? text_of(item, "detail") : text_of(item, "message");
    diagnostic.mend = text_of(item, "mend");
    std::fprintf(stderr, "%s\n", diagnostic.to_string().c_str());
  }
}

int deploy(const Connection& connection, const std::string& directory, const std::string& message,
           bool dry_run) {
  const auto body = bundle(directory, message, dry_run);
  if (!body.ok()) return report(body.error());
  auto client = ApiClient::connect(connection);
  if (!client.ok()) return report(client.error());
  auto answer = (*client)->send(http::Method::kPost, "/api/v1/deployments", *body);
  if (!answer.ok()) return report(answer.error());
  const Value& root = answer->body.root();
  print_diagnostics(root.find("diagnostics"));
  print_diagnostics(root.find("errors"));
  if (answer->status != 200) return report(ApiClient::ok(std::move(answer)).error());
  size_t added = 0;
  for (const Value& change : root.find("changes")->items()) {
    const std::string replaces = text_of(change, "replaces");
    const bool is_new = text_of(change, "change") == "added";
    added += is_new;
    std::printf("%s %-8s %s@%s%s\n", is_new ? "+" : "=", text_of(change, "kind").c_str(),
                text_of(change, "name").c_str(), text_of(change, "version").c_str(),
                replaces.empty() ? "" : ("  (was " + replaces + ")").c_str());
    if (const std::string diff = text_of(change, "diff"); !diff.empty()) std::printf("%s", diff.c_str());
  }
  std::printf("%zu %s%s\n", added, added == 1 ? "new version" : "new versions",
              dry_run      ? " would be deployed (dry run)"
              : added == 0 ? ", nothing to do"
                           : " deployed");
  return kDone;
}

struct SwitchSettings {
  Connection connection;
  std::string kind, name, why;
};

int change(const SwitchSettings& settings, const std::string& action) {
  auto client = ApiClient::connect(settings.connection);
  if (!client.ok()) return report(client.error());
  const size_t at = settings.name.rfind('@');
  Arena arena;
  MapBuilder body(arena);
  if (action != "activate") body.add("action", Value::string(action));
  body.add("kind", Value::string(settings.kind));
  body.add("name", Value::string(std::string_view(settings.name).substr(0, at)));
  if (at != std::string::npos)
    body.add("version", Value::string(std::string_view(settings.name).substr(at + 1)));
  body.add("why", Value::string(settings.why));
  auto answer = (*client)->post(action == "activate" ? "/api/v1/activations" : "/api/v1/switches",
                                to_json(body.build()));
  if (!answer.ok()) return report(answer.error());
  std::printf("%s: %s %s, governance offset %s\n", action.c_str(), settings.kind.c_str(),
              settings.name.c_str(), to_json(*answer->root().find("governance_offset")).c_str());
  return kDone;
}

}  // namespace

void add_deploy(CLI::App& app, int* code) {
  struct Settings {
    Connection connection;
    std::string directory, message;
    bool dry_run = false;
  };
  auto settings = std::make_shared<Settings>();
  CLI::App* deployment = app.add_subcommand(
      "deploy",
      "Deploy a folder's pipelines, rule tables, models, costs, prompts and retention, all or nothing");
  deployment->add_option("folder", settings->directory, "Folder")->required();
  deployment->add_option("-m,--message", settings->message, "Why, for the record");
  deployment->add_flag("--dry-run", settings->dry_run, "Check and show the differences, change nothing");
  add_connection_options(*deployment, settings->connection);
  deployment->callback([settings, code] {
    *code = deploy(settings->connection, settings->directory, settings->message, settings->dry_run);
  });

  for (const std::string action : {"kill", "revive", "activate"}) {
    auto words = std::make_shared<SwitchSettings>();
    CLI::App* command =
        app.add_subcommand(action, action == "kill"     ? "Switch a pipeline, rule table or model off"
                                   : action == "revive" ? "Switch it on again"
                                                        : "Make a deployed version the active one");
    command->add_option("kind", words->kind, "pipeline, rules or model")->required();
    command->add_option("name", words->name, "name, or name@version")->required();
    command->add_option("--why", words->why, "The reason, for the record")->required();
    add_connection_options(*command, words->connection);
    command->callback([words, action, code] { *code = change(*words, action); });
  }
}

}  // namespace switchyard::server::cli
