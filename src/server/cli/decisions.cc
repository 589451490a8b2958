// run, inspect, list, history
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/api_client.h"
#include "cli/cli.h"
#include "cli/inspect.h"
#include "cli/print.h"
#include "switchyard/types/json.h"

namespace switchyard::server::cli {
namespace {

struct RunSettings {
  Connection connection;
  std::string pipeline, input = "{}", idempotency_key, wait = "10s";
};

int start(const RunSettings& settings) {
  const auto input = read_data(settings.input, "--input");
  if (!input.ok()) return report(input.error());
  std::string body = "{\"pipeline\":";
  append_json_string(settings.pipeline, body);
  body += ",\"input\":";
  append_json(input->root(), body);
  body += ",\"wait\":";
  append_json_string(settings.wait, body);
  body += '}';
  auto client = ApiClient::connect(settings.connection);
  if (!client.ok()) return report(client.error());
  std::vector<http::Header> headers;
  if (!settings.idempotency_key.empty()) headers.push_back({"Idempotency-Key", settings.idempotency_key});
  const auto answer = ApiClient::ok((*client)->send(http::Method::kPost, "/api/v1/decisions", body, headers));
  if (!answer.ok()) return report(answer.error());
  std::printf("%s\n", to_pretty_json(answer->root()).c_str());
  const std::string status = text_of(answer->root(), "status"), id = text_of(answer->root(), "id");
  if (status == "failed") return kFailed;
  if (status == "waiting" || status == "running")
    std::fprintf(stderr, "switchyard: the decision is %s; see it with 'switchyard inspect %s'\n",
                 status.c_str(), id.c_str());
  return kDone;
}

struct IdSettings {
  Connection connection;
  std::string id;
  bool json = false;
};

std::string decision_path(const std::string& id, const std::string& rest) {
  return "/api/v1/decisions/" + encode(id) + rest;
}

int inspect(const IdSettings& settings) {
  return with_answer(settings.connection, http::Method::kGet, decision_path(settings.id, "/record"), {},
                     [&](const Value& record) {
                       if (settings.json)
                         std::printf("%s\n", to_pretty_json(record).c_str());
                       else
                         print_record(record);
                       return kDone;
                     });
}

/// What an event is about, in a few words, without what the columns say already.
std::string event_summary(const Value& event) {
  Arena arena;
  MapBuilder rest(arena);
  for (const Member& member : event.members()) {
    const std::string_view name = member.key.as_string();
    if (name != "type" && name != "time" && name != "step") rest.add(member.key, member.value);
  }
  const Value value = rest.build();
  return value.members().empty() ? std::string() : shorten(plain(to_json(value)), 110);
}

/// One page; `after` becomes where the next begins, 0: there is none.
int history_page(const IdSettings& settings, int64_t& after, int64_t& first_us) {
  const std::string target = target_of(decision_path(settings.id, "/history"),
                                       {{"after", after == 0 ? std::string() : std::to_string(after)}});
  return with_answer(settings.connection, http::Method::kGet, target, {}, [&](const Value& root) {
    after = integer_of(root, "next_after");
    if (settings.json) {
      std::printf("%s\n", to_pretty_json(root).c_str());
      return kDone;
    }
    Table table({"time", "after", "step", "event", ""});
    for (const Value& event : items_of(root, "events")) {
      const int64_t at_us = time_us(raw_text_of(event, "time"));
      if (first_us == 0) first_us = at_us;
      const Value* step = event.find("step");
      table.add({when_text(text_of(event, "time")), duration_text(at_us - first_us),
                 step == nullptr ? std::string() : to_json(*step), text_of(event, "type"),
                 event_summary(event)});
    }
    table.print();
    return kDone;
  });
}

int history(const IdSettings& settings) {
  int64_t after = 0, first_us = 0;
  int code = kDone;
  do {
    code = history_page(settings, after, first_us);
  } while (code == kDone && after != 0);
  return code;
}

struct ListSettings {
  Connection connection;
  std::string pipeline, version, status, since, until, key, cursor, limit = "50";
  std::vector<std::string> search;
  bool json = false;
};

int list(const ListSettings& settings) {
  std::vector<std::pair<std::string, std::string>> parameters = {
      {"pipeline", settings.pipeline}, {"version", settings.version}, {"status", settings.status},
      {"since", settings.since},       {"until", settings.until},     {"key", settings.key},
      {"limit", settings.limit},       {"cursor", settings.cursor}};
  for (const std::string& each : settings.search) {
    const size_t equals = each.find('=');
    if (equals == std::string::npos || equals == 0) {
      return report(make_error(ErrorKind::kInvalidArgument, "cli.bad_search",
                               "'" + each + "' is no search; write --search name=value", "--search"));
    }
    parameters.emplace_back("search." + each.substr(0, equals), each.substr(equals + 1));
  }
  return with_answer(
      settings.connection, http::Method::kGet, target_of("/api/v1/decisions", parameters), {},
      [&](const Value& root) {
        if (settings.json) {
          std::printf("%s\n", to_pretty_json(root).c_str());
          return kDone;
        }
        Table table({"decision", "pipeline", "status", "started (UTC)", "took", "key", "search"});
        for (const Value& run : items_of(root, "decisions")) {
          const std::string status = text_of(run, "status");
          const Value* took = run.find("duration_ms");
          const Value* search = run.find("search");
          table.add({text_of(run, "id"),
                     text_of(run, "pipeline") + "@" + text_of(run, "version"),
                     {status, colour_of_status(status)},
                     when_text(text_of(run, "started_at")),
                     took == nullptr ? std::string()
                                     : duration_text(static_cast<int64_t>(took->to_double() * 1000)),
                     shorten(text_of(run, "key"), 24),
                     search == nullptr ? std::string() : shorten(plain(to_json(*search)), 60)});
        }
        if (table.empty())
          std::printf("no decisions\n");
        else
          table.print();
        if (const std::string next = text_of(root, "next_cursor"); !next.empty())
          std::printf("%s\n", paint("more: --cursor " + next, Colour::kDim).c_str());
        return kDone;
      });
}

}  // namespace

void add_decisions(CLI::App& app, int* code) {
  auto run = std::make_shared<RunSettings>();
  CLI::App* starting = app.add_subcommand("run", "Start a decision and print it");
  starting->add_option("pipeline", run->pipeline, "name, or name@version")->required();
  starting->add_option("--input", run->input, "JSON, a file, or - for standard input")->capture_default_str();
  starting->add_option("--key", run->idempotency_key,
                       "Idempotency key: the same key starts the decision once");
  starting->add_option("--wait", run->wait, "How long to wait for the end: 500ms, 10s, 1m (at most a minute)")
      ->capture_default_str();
  add_connection_options(*starting, run->connection);
  starting->callback([run, code] { *code = start(*run); });

  auto filter = std::make_shared<ListSettings>();
  CLI::App* listing = app.add_subcommand("list", "List decisions, newest first");
  listing->add_option("--pipeline", filter->pipeline, "Of this pipeline");
  listing->add_option("--pipeline-version", filter->version, "Of this version of it");
  listing->add_option("--status", filter->status,
                      "queued, running, waiting, paused, completed, failed or cancelled");
  listing->add_option("--since", filter->since, "Started since: 15m, 2h, 3d, or 2026-11-23T10:00:00Z");
  listing->add_option("--until", filter->until, "Started before");
  listing->add_option("--key", filter->key, "With this partition key");
  listing->add_option("--search", filter->search, "attribute=value; several must all hold")
      ->allow_extra_args(false);
  listing->add_option("--limit", filter->limit, "1 to 500")->capture_default_str();
  listing->add_option("--cursor", filter->cursor, "The next page");
  listing->add_flag("--json", filter->json, "The whole answer");
  add_connection_options(*listing, filter->connection);
  listing->callback([filter, code] { *code = list(*filter); });

  struct Verb {
    const char *name, *help;
    int (*act)(const IdSettings&);
  };
  for (const Verb verb : {Verb{"inspect", "Show a decision's record: why it came out as it did", inspect},
                          Verb{"history", "Show the events of a decision", history}}) {
    auto settings = std::make_shared<IdSettings>();
    CLI::App* command = app.add_subcommand(verb.name, verb.help);
    command->add_option("decision", settings->id, "The decision's id")->required();
    command->add_flag("--json", settings->json, "The whole answer");
    add_connection_options(*command, settings->connection);
    command->callback([settings, verb, code] { *code = verb.act(*settings); });
  }
}

}  // namespace switchyard::server::cli
