// migrate
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/api_client.h"
#include "cli/cli.h"
#include "cli/operation.h"
#include "cli/print.h"
#include "switchyard/types/json.h"

namespace switchyard::server::cli {
namespace {

struct MigrateSettings {
  Connection connection;
  std::string pipeline, to, status, key, why;
  std::vector<std::string> from, search;
  bool dry_run = false, json = false;
};

Result<std::string> migration_request(const MigrateSettings& settings) {
  Arena arena;
  MapBuilder filter(arena), request(arena);
  const auto text = [](const std::string& value) { return Value::string(value); };
  if (!settings.key.empty()) filter.add("key", text(settings.key));
  if (!settings.status.empty()) filter.add("status", text(settings.status));
  SY_RETURN_IF_ERROR(add_search(settings.search, filter, arena));
  request.add("pipeline", text(settings.pipeline));
  if (settings.from.empty()) {
    request.add("from", Value::string("all"));
  } else {
    ListBuilder from(arena);
    for (const std::string& version : settings.from) from.add(text(version));
    request.add("from", from.build());
  }
  request.add("to", text(settings.to));
  request.add("filter", filter.build());
  request.add("dry_run", Value::boolean(settings.dry_run));
  request.add("why", text(settings.why));
  return to_json(request.build());
}

void print_report(const MigrateSettings& settings, const Value& root) {
  std::printf("%s of %s decisions %s to %s@%s; %s stay, %s failed\n", count_text(root, "migrated").c_str(),
              count_text(root, "matched").c_str(), settings.dry_run ? "would go" : "went",
              settings.pipeline.c_str(), settings.to.c_str(), count_text(root, "stays").c_str(),
              count_text(root, "failed").c_str());
  for (const Value& decision : items_of(root, "decisions")) {
    if (raw_text_of(decision, "outcome") == "migrated") continue;
    std::printf("  %s  (%s)\n", text_of(decision, "id").c_str(), text_of(decision, "from").c_str());
    for (const Value& reason : items_of(decision, "reasons"))
      std::printf("    %s\n", plain(std::string(reason.as_string())).c_str());
  }
}

/// Starts it and follows it to its end.
int migrate(const MigrateSettings& settings) {
  const auto body = migration_request(settings);
  if (!body.ok()) return report(body.error());
  const auto answer = run_operation(settings.connection, "/api/v1/migrations", *body, "migrated");
  if (!answer.ok()) return report(answer.error());
  const Value& root = answer->root();
  if (settings.json)
    std::printf("%s\n", to_pretty_json(root).c_str());
  else
    print_report(settings, root);
  const bool all = integer_of(root, "stays") == 0 && integer_of(root, "failed") == 0;
  return text_of(root, "status") == "done" && all ? kDone : kFailed;
}

}  // namespace

void add_migrate(CLI::App& app, int* code) {
  auto settings = std::make_shared<MigrateSettings>();
  CLI::App* command =
      app.add_subcommand("migrate", "Take decisions that wait to another version of their pipeline");
  command->add_option("pipeline", settings->pipeline, "The pipeline's name, without a version")->required();
  command->add_option("--to", settings->to, "The version under which they go on")->required();
  command->add_option("--from", settings->from, "Only those of this version; may be given several times")
      ->allow_extra_args(false);
  command->add_option("--status", settings->status, "waiting or paused");
  command->add_option("--key", settings->key, "With this partition key");
  command->add_option("--search", settings->search, "attribute=value; several must all hold")
      ->allow_extra_args(false);
  command->add_option("--why", settings->why, "The reason, for the record")->required();
  command->add_flag("--dry-run", settings->dry_run, "Say who could go and who could not, and change nothing");
  command->add_flag("--json", settings->json, "The whole report as JSON");
  add_connection_options(*command, settings->connection);
  command->callback([settings, code] { *code = migrate(*settings); });
}

}  // namespace switchyard::server::cli
