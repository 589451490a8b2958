// check: mistakes and lint of documents, without a server.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <set>

#include "cli/api_client.h"
#include "cli/cli.h"
#include "cli/folder.h"
#include "cli/print.h"
#include "switchyard/authoring/check.h"

#ifndef SWITCHYARD_VERSION
#define SWITCHYARD_VERSION "0.0.0"
#endif

namespace switchyard::server::cli {
namespace {

// As linters have it: 0 nothing wrong, 1 something found, 2 it could not be looked at.
constexpr int kFound = 1;

struct CheckSettings {
  Connection connection;
  std::vector<std::string> paths{"."};
  std::string format = "text", server;
  bool strict = false, no_lint = false;
};

/// A document of the server with the files it names, as a folder of its own.
std::vector<governance::SourceFile> files_of(const Value& artefact) {
  const std::string path = raw_text_of(artefact, "path");
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  std::vector<governance::SourceFile> files{{path, raw_text_of(artefact, "source")}};
  const Value* named = artefact.find("files");
  if (named == nullptr || !named->is(Kind::kMap)) return files;
  for (const Member& member : named->members()) {
    std::string name(member.key.as_string());
    while (name.starts_with("./")) name.erase(0, 2);
    files.push_back({folder + name, std::string(member.value.as_string())});
  }
  return files;
}

/// Asks the server for what the folder lacks, and for what that needs in turn.
Status ask_server(const CheckSettings& settings, authoring::CheckRequest& request) {
  SY_ASSIGN_OR_RETURN(auto client, ApiClient::connect(settings.connection));
  std::set<governance::ArtefactKey> asked;
  auto wanted = authoring::missing_artefacts(request.files);
  while (!wanted.empty()) {
    const auto key = wanted.back();
    wanted.pop_back();
    if (!asked.insert(key).second) continue;
    const std::string target =
        target_of("/api/v1/artefacts/" + std::string(artefact_kind_name(key.kind)) + "/" + encode(key.name),
                  {{"version", key.version}});
    SY_ASSIGN_OR_RETURN(auto answer, client->send(http::Method::kGet, target));
    if (answer.status == 404) continue;
    if (answer.status != 200) return ApiClient::ok(std::move(answer)).error();
    request.known.push_back(files_of(answer.body.root()));
    const auto further = authoring::missing_artefacts(request.known.back());
    wanted.insert(wanted.end(), further.begin(), further.end());
  }
  request.asked_server = true;
  return {};
}

int check(const CheckSettings& settings) {
  auto selection = select(settings.paths);
  if (!selection.ok()) {
    report(selection.error());
    return kBadInput;
  }
  authoring::CheckRequest request;
  request.files = std::move(selection->files);
  request.only = std::move(selection->only);
  request.lint = !settings.no_lint;
  if (!settings.server.empty()) {
    if (const auto asked = ask_server(settings, request); !asked.ok()) {
      report(asked.error());
      return kBadInput;
    }
  }
  const auto found = authoring::check(request);
  const std::string text = settings.format == "json"    ? authoring::to_json(found)
                           : settings.format == "sarif" ? authoring::to_sarif(found, SWITCHYARD_VERSION)
                                                        : authoring::to_text(found);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return found.errors > 0 || (settings.strict && found.warnings > 0) ? kFound : kDone;
}

}  // namespace

void add_check(CLI::App& app, int* code) {
  auto settings = std::make_shared<CheckSettings>();
  CLI::App* command = app.add_subcommand(
      "check", "Find every mistake in documents, and what is probably not meant, without a server");
  command->add_option("paths", settings->paths, "A folder, or documents; . when nothing is said");
  command->add_option("--format", settings->format, "text, json or sarif")
      ->check(CLI::IsMember({"text", "json", "sarif"}));
  command->add_flag("--strict", settings->strict, "Warnings fail the check too");
  command->add_flag("--no-lint", settings->no_lint, "Mistakes and the compilers' warnings only");
  // Not from the environment: a check that needs no server asks none.
  command->add_option("--server", settings->server, "Ask this server for artefacts that the folder lacks");
  command->add_option("--api-key", settings->connection.key, "API key; better given in the environment")
      ->envname("SWITCHYARD_API_KEY");
  command->add_option("--data", settings->connection.data_directory, "Data folder, for its development key")
      ->envname("SWITCHYARD_DATA");
  command->callback([settings, code] {
    if (!settings->server.empty()) settings->connection.server = settings->server;
    *code = check(*settings);
  });
}

}  // namespace switchyard::server::cli
