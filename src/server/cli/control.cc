// cancel, pause, resume, restart, bulk
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

struct ChangeSettings {
  Connection connection;
  std::string id, why, from, action;
};

/// Cancel, pause, resume, restart: what is done to one decision, and how the decision is then.
int change(const ChangeSettings& settings) {
  std::string body = "{\"why\":";
  append_json_string(settings.why, body);
  if (!settings.from.empty()) {
    body += ",\"from\":";
    append_json_string(settings.from, body);
    body += ",\"wait\":\"10s\"";
  }
  body += '}';
  return with_answer(
      settings.connection, http::Method::kPost,
      "/api/v1/decisions/" + encode(settings.id) + "/" + settings.action, body, [&](const Value& root) {
        std::printf("%s is %s\n", text_of(root, "id").c_str(), text_of(root, "status").c_str());
        return kDone;
      });
}

struct BulkSettings {
  Connection connection;
  std::string action, pipeline, version, status, key, why;
  std::vector<std::string> search;
  bool dry_run = false;
};

Result<std::string> bulk_request(const BulkSettings& settings) {
  Arena arena;
  MapBuilder filter(arena), request(arena);
  const auto text = [](const std::string& value) { return Value::string(value); };
  for (const auto& [name, value] : {std::pair{"pipeline", &settings.pipeline},
                                    {"version", &settings.version},
                                    {"status", &settings.status},
                                    {"key", &settings.key}}) {
    if (!value->empty()) filter.add(name, text(*value));
  }
  SY_RETURN_IF_ERROR(add_search(settings.search, filter, arena));
  request.add("action", text(settings.action));
  request.add("filter", filter.build());
  request.add("why", text(settings.why));
  request.add("dry_run", Value::boolean(settings.dry_run));
  return to_json(request.build());
}

/// Starts it and follows it to its end.
int bulk(const BulkSettings& settings) {
  const auto body = bulk_request(settings);
  if (!body.ok()) return report(body.error());
  const auto answer = run_operation(settings.connection, "/api/v1/bulk-operations", *body, "changed");
  if (!answer.ok()) return report(answer.error());
  const Value& root = answer->root();
  if (settings.dry_run)
    std::printf("%s decisions fit; nothing was changed\n", count_text(root, "matched").c_str());
  else
    std::printf("%s: %s of %s decisions changed, %s failed\n", settings.action.c_str(),
                count_text(root, "changed").c_str(), count_text(root, "matched").c_str(),
                count_text(root, "failed").c_str());
  for (const Value& failure : items_of(root, "failures"))
    std::printf("  %s  %s\n", text_of(failure, "id").c_str(), text_of(failure, "message").c_str());
  return text_of(root, "status") == "done" && integer_of(root, "failed") == 0 ? kDone : kFailed;
}

}  // namespace

void add_control(CLI::App& app, int* code) {
  struct Verb {
    const char *name, *help;
  };
  for (const Verb verb : {Verb{"cancel", "End a decision that is not finished"},
                          Verb{"pause", "Hold a decision: no step begins, no timer acts"},
                          Verb{"resume", "Let a paused decision go on"},
                          Verb{"restart", "Decide anew from a step of an ended decision"}}) {
    auto settings = std::make_shared<ChangeSettings>();
    settings->action = verb.name;
    CLI::App* command = app.add_subcommand(verb.name, verb.help);
    command->add_option("decision", settings->id, "The decision's id")->required();
    command->add_option("--why", settings->why, "The reason, for the record")->required();
    if (settings->action == "restart")
      command->add_option("--from", settings->from, "The step from which everything is done anew")
          ->required();
    add_connection_options(*command, settings->connection);
    command->callback([settings, code] { *code = change(*settings); });
  }

  auto many = std::make_shared<BulkSettings>();
  CLI::App* all = app.add_subcommand("bulk", "Cancel, pause or resume all decisions that fit a filter");
  all->add_option("action", many->action, "cancel, pause or resume")->required();
  all->add_option("--pipeline", many->pipeline, "Of this pipeline");
  all->add_option("--pipeline-version", many->version, "Of this version of it");
  all->add_option("--status", many->status, "queued, running, waiting or paused");
  all->add_option("--key", many->key, "With this partition key");
  all->add_option("--search", many->search, "attribute=value; several must all hold")
      ->allow_extra_args(false);
  all->add_option("--why", many->why, "The reason, for the record")->required();
  all->add_flag("--dry-run", many->dry_run, "Count what fits and change nothing");
  add_connection_options(*all, many->connection);
  all->callback([many, code] { *code = bulk(*many); });
}

}  // namespace switchyard::server::cli
