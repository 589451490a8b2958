// artefacts, models, workers, switches, governance, status
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/api_client.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "switchyard/types/json.h"

namespace switchyard::server::cli {
namespace {

struct Settings {
  Connection connection;
  std::string kind, limit;
  bool json = false;
};

int show(const Settings& settings, const std::string& target, void (*print)(const Value&)) {
  return with_answer(settings.connection, http::Method::kGet, target, {}, [&](const Value& root) {
    if (settings.json)
      std::printf("%s\n", to_pretty_json(root).c_str());
    else
      print(root);
    return kDone;
  });
}

void print_or(const Table& table, const char* none) {
  if (table.empty())
    std::printf("%s\n", none);
  else
    table.print();
}

void print_artefacts(const Value& root) {
  Table table({"kind", "name", "version", "state", "sha256", "deployed (UTC)", "by", "message"});
  for (const Value& item : items_of(root, "artefacts")) {
    const bool killed = bool_of(item, "killed"), active = bool_of(item, "active");
    table.add({text_of(item, "kind"),
               text_of(item, "name"),
               text_of(item, "version"),
               {killed   ? "killed"
                : active ? "active"
                         : "",
                killed ? Colour::kRed : Colour::kGreen},
               text_of(item, "sha256").substr(0, 12),
               when_text(text_of(item, "deployed_at")),
               text_of(item, "deployed_by"),
               shorten(text_of(item, "message"), 50)});
  }
  print_or(table, "nothing is deployed; see 'switchyard deploy --help'");
}

/// "3, 1 ejected"; empty for a model of the server's own process.
std::string replicas_text(const Value& model) {
  const Value* backend = model.find("backend");
  if (backend == nullptr) return {};
  size_t count = 0, ejected = 0;
  for (const Value& replica : items_of(*backend, "replicas")) {
    ++count;
    ejected += bool_of(replica, "ejected");
  }
  return std::to_string(count) + (ejected == 0 ? "" : ", " + std::to_string(ejected) + " ejected");
}

/// "open in support", for each route whose breaker does not let every call through.
std::string breakers_text(const Value& model) {
  std::string text;
  for (const Value& breaker : items_of(model, "breakers"))
    if (const std::string state = text_of(breaker, "breaker"); state != "closed")
      text += (text.empty() ? "" : ", ") + state + " in " + text_of(breaker, "route");
  return text;
}

void print_models(const Value& root) {
  Table table(
      {"model", "state", "waiting", "running", "runtime", "replicas", "breakers", "bytes", "load", "sha256"});
  for (const Value& model : items_of(root, "models")) {
    const std::string state = bool_of(model, "disabled") ? "disabled" : text_of(model, "state");
    const bool is_here = model.find("backend") == nullptr;
    table.add({text_of(model, "name") + "@" + text_of(model, "version"),
               {state, colour_of_status(state)},
               std::to_string(integer_of(model, "waiting")),
               std::to_string(integer_of(model, "running")),
               text_of(model, "runtime"),
               replicas_text(model),
               breakers_text(model),
               is_here ? std::to_string(integer_of(model, "bytes")) : "",
               is_here ? duration_text(static_cast<int64_t>(real_of(model, "load_ms") * 1000)) : "",
               text_of(model, "sha256").substr(0, 12)});
  }
  print_or(table, "no model is deployed");
}

void print_workers(const Value& root) {
  Table queues({"queue", "waiting", "in flight", "oldest", "done", "failed", "timed out", "leases lost"});
  for (const Value& queue : items_of(root, "queues")) {
    const auto number = [&](const char* name) { return std::to_string(integer_of(queue, name)); };
    queues.add({text_of(queue, "queue"), number("waiting"), number("in_flight"),
                duration_text(static_cast<int64_t>(real_of(queue, "oldest_waiting_ms") * 1000)),
                number("completed"), number("failed"), number("timed_out"), number("leases_lost")});
  }
  if (queues.empty()) {
    std::printf("no worker has asked for tasks, and no task was given\n");
    return;
  }
  queues.print();
  Table workers({"worker", "queue", "version", "in flight", "done", "failed", "lost", "last seen (UTC)"});
  for (const Value& worker : items_of(root, "workers")) {
    const auto number = [&](const char* name) { return std::to_string(integer_of(worker, name)); };
    workers.add({text_of(worker, "worker"), text_of(worker, "queue"), text_of(worker, "version"),
                 number("in_flight"), number("completed"), number("failed"), number("lost"),
                 when_text(text_of(worker, "last_seen_at"))});
  }
  std::printf("\n");
  print_or(workers, "no worker is there");
}

void print_switches(const Value& root) {
  Table table({"kind", "name", "version", "since (UTC)", "by", "why"});
  for (const Value& item : items_of(root, "killed")) {
    const std::string version = text_of(item, "version");
    table.add({text_of(item, "kind"), text_of(item, "name"), version.empty() ? "all" : version,
               when_text(text_of(item, "at")), text_of(item, "who"), text_of(item, "why")});
  }
  print_or(table, "nothing is switched off");
}

void print_governance(const Value& root) {
  Table table({"offset", "time (UTC)", "what", "kind", "name", "who", "why"});
  for (const Value& event : items_of(root, "events")) {
    const std::string version = text_of(event, "version");
    table.add({std::to_string(integer_of(event, "offset")), when_text(text_of(event, "time")),
               text_of(event, "type"), text_of(event, "kind"),
               text_of(event, "name") + (version.empty() ? "" : "@" + version), text_of(event, "who"),
               shorten(text_of(event, "why"), 60)});
  }
  print_or(table, "nothing happened yet");
}

void print_status(const Value& root) {
  const bool ready = bool_of(root, "ready");
  std::printf("switchyard %s  %s%s\n", text_of(root, "version").c_str(),
              paint(ready ? "ready" : "not ready", ready ? Colour::kGreen : Colour::kRed).c_str(),
              ready ? "" : (": " + text_of(root, "reason")).c_str());
  std::printf("governance offset %lld, %lld commands waiting\n",
              static_cast<long long>(integer_of(root, "governance_offset")),
              static_cast<long long>(integer_of(root, "queue_depth")));
  Table table({"partition", "state", "log end", "events", "in memory", "commits", "syncs", "checkpoints"});
  for (const Value& each : items_of(root, "partitions")) {
    const std::string failure = text_of(each, "failure");
    const bool stalled = bool_of(each, "stalled");
    const auto number = [&](const char* name) { return std::to_string(integer_of(each, name)); };
    table.add({number("id"),
               {!failure.empty() ? "failed: " + failure
                : stalled        ? "stalled: no space"
                                 : "ok",
                !failure.empty() || stalled ? Colour::kRed : Colour::kGreen},
               number("durable_end"),
               number("events"),
               number("hot_runs"),
               number("commits"),
               number("syncs"),
               number("checkpoints")});
  }
  table.print();
}

}  // namespace

void add_overview(CLI::App& app, int* code) {
  const auto add = [code](CLI::App& parent, const char* name, const char* help, std::string path,
                          void (*print)(const Value&)) {
    auto settings = std::make_shared<Settings>();
    CLI::App* command = parent.add_subcommand(name, help);
    command->add_flag("--json", settings->json, "The whole answer");
    if (print == print_artefacts)
      command->add_option("--kind", settings->kind, "pipeline, rules, model, route, backend, prompt, ...");
    if (print == print_governance) command->add_option("--limit", settings->limit, "1 to 1000");
    add_connection_options(*command, settings->connection);
    command->callback([settings, path = std::move(path), print, code] {
      *code = show(*settings, target_of(path, {{"kind", settings->kind}, {"limit", settings->limit}}), print);
    });
  };
  add(app, "artefacts", "List everything that was deployed, version by version", "/api/v1/artefacts",
      print_artefacts);
  add(app, "models", "List the loaded models", "/api/v1/models", print_models);
  add(app, "workers", "List the workers and their queues", "/api/v1/workers", print_workers);
  add(app, "switches", "List what is switched off", "/api/v1/switches", print_switches);
  CLI::App* governance = app.add_subcommand("governance", "What operators decided");
  governance->require_subcommand(1);
  add(*governance, "history", "Deployments, activations and switches, newest first",
      "/api/v1/governance/history", print_governance);
  add(app, "status", "Show how the server is doing", "/api/v1/status", print_status);
}

}  // namespace switchyard::server::cli
