// retention status, apply, hold, release
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
  std::string name, why, decision, pipeline, key, since, until;
  std::vector<std::string> search;
  bool dry_run = false, json = false;
};

std::string bytes_text(int64_t bytes) {
  if (bytes < 10'000) return std::to_string(bytes) + " B";
  if (bytes < 10'000'000) return std::to_string(bytes / 1000) + " kB";
  return std::to_string(bytes / 1'000'000) + " MB";
}

void print_policy(const Value& root) {
  const std::string policy = text_of(root, "policy");
  if (policy.empty()) {
    std::printf("no retention policy is in force: every decision is kept\n");
    return;
  }
  const std::string keys = text_of(root, "idempotency_keys");
  std::printf("%s%s\n", paint("Policy " + policy, Colour::kBold).c_str(),
              keys.empty() ? "" : (", Idempotency-Keys hold " + keys).c_str());
  Table table({"class", "pipelines", "whole for", "input", "results", "output", "deleted after"});
  for (const Value& each : items_of(root, "classes")) {
    std::string pipelines;
    for (const Value& pattern : items_of(each, "pipelines"))
      pipelines += (pipelines.empty() ? "" : ", ") + plain(pattern.as_string());
    const Value* record = each.find("record");
    const auto part = [&](const char* name) {
      return record == nullptr ? std::string() : text_of(*record, name);
    };
    table.add({text_of(each, "class"), shorten(pipelines, 60), text_of(each, "full"), part("input"),
               part("results"), part("output"), text_of(each, "delete")});
  }
  table.print();
}

void print_holds(const Value& root) {
  Table table({"hold", "of", "since (UTC)", "by", "why"});
  for (const Value& hold : items_of(root, "holds")) {
    std::string of;
    const auto add = [&](const char* name) {
      if (const std::string text = text_of(hold, name); !text.empty())
        of += (of.empty() ? "" : ", ") + std::string(name) + " " + text;
    };
    for (const char* name : {"decision", "pipeline", "key", "since", "until"}) add(name);
    if (const Value* search = hold.find("search"))
      of += (of.empty() ? "" : ", ") + std::string("search ") + plain(to_json(*search));
    table.add({text_of(hold, "name"), shorten(of, 80), when_text(text_of(hold, "at")), text_of(hold, "who"),
               shorten(text_of(hold, "why"), 60)});
  }
  if (table.empty())
    std::printf("nothing is held\n");
  else
    table.print();
}

int status(const Settings& settings) {
  return with_answer(
      settings.connection, http::Method::kGet, "/api/v1/retention", {}, [&](const Value& root) {
        return with_answer(
            settings.connection, http::Method::kGet, "/api/v1/holds", {}, [&](const Value& holds) {
              if (settings.json) {
                std::printf("%s\n%s\n", to_pretty_json(root).c_str(), to_pretty_json(holds).c_str());
                return kDone;
              }
              print_policy(root);
              print_holds(holds);
              Table table({"partition", "log", "archive", "bundles", "compacted", "deleted",
                           "last pass (UTC)", "state"});
              for (const Value& each : items_of(root, "partitions")) {
                const std::string error = text_of(each, "last_error");
                table.add({std::to_string(integer_of(each, "id")),
                           bytes_text(integer_of(each, "log_bytes")),
                           bytes_text(integer_of(each, "archive_bytes")),
                           std::to_string(integer_of(each, "archive_bundles")),
                           std::to_string(integer_of(each, "compacted")),
                           std::to_string(integer_of(each, "deleted")),
                           when_text(text_of(each, "last_pass")),
                           {error.empty() ? "ok" : error, error.empty() ? Colour::kGreen : Colour::kRed}});
              }
              table.print();
              return kDone;
            });
      });
}

int apply(const Settings& settings) {
  const std::string body = settings.dry_run ? R"({"dry_run":true})" : "{}";
  return with_answer(settings.connection, http::Method::kPost, "/api/v1/retention/apply", body,
                     [&](const Value& root) {
                       if (settings.json) {
                         std::printf("%s\n", to_pretty_json(root).c_str());
                         return kDone;
                       }
                       const char* would = bool_of(root, "dry_run") ? "to be " : "";
                       Table table({"class", "compacted", "deleted"});
                       for (const Value& each : items_of(root, "classes"))
                         table.add({text_of(each, "class"), std::to_string(integer_of(each, "compacted")),
                                    std::to_string(integer_of(each, "deleted"))});
                       if (!table.empty()) table.print();
                       std::printf("%scompacted %lld, %sdeleted %lld, held %lld\n", would,
                                   static_cast<long long>(integer_of(root, "compacted")), would,
                                   static_cast<long long>(integer_of(root, "deleted")),
                                   static_cast<long long>(integer_of(root, "held")));
                       if (!bool_of(root, "dry_run"))
                         std::printf("archived %lld events, trimmed %s of log, removed %lld large values\n",
                                     static_cast<long long>(integer_of(root, "archived_events")),
                                     bytes_text(integer_of(root, "trimmed_bytes")).c_str(),
                                     static_cast<long long>(integer_of(root, "removed_payloads")));
                       return kDone;
                     });
}

int hold(const Settings& settings) {
  Arena arena;
  MapBuilder body(arena);
  const auto add = [&](const char* name, const std::string& text) {
    if (!text.empty()) body.add(name, Value::string(text));
  };
  add("name", settings.name);
  add("why", settings.why);
  add("decision", settings.decision);
  add("pipeline", settings.pipeline);
  add("key", settings.key);
  add("since", settings.since);
  add("until", settings.until);
  if (!settings.search.empty()) {
    MapBuilder search(arena);
    for (const std::string& pair : settings.search) {
      const size_t at = pair.find('=');
      if (at == std::string::npos || at == 0) {
        return report(make_error(ErrorKind::kInvalidArgument, "cli.bad_search",
                                 "'" + pair + "' is no attribute; write --search name=value"));
      }
      search.add(arena.copy(pair.substr(0, at)), Value::string(arena.copy(pair.substr(at + 1))));
    }
    body.add("search", search.build());
  }
  return with_answer(settings.connection, http::Method::kPost, "/api/v1/holds", to_json(body.build()),
                     [&](const Value& root) {
                       if (settings.json)
                         std::printf("%s\n", to_pretty_json(root).c_str());
                       else
                         std::printf("held: %s\n", text_of(root, "name").c_str());
                       return kDone;
                     });
}

int release(const Settings& settings) {
  Arena arena;
  MapBuilder body(arena);
  body.add("why", Value::string(settings.why));
  return with_answer(settings.connection, http::Method::kPost,
                     "/api/v1/holds/" + encode(settings.name) + "/release", to_json(body.build()),
                     [&](const Value& root) {
                       std::printf("released: %s\n", text_of(root, "released").c_str());
                       return kDone;
                     });
}

}  // namespace

void add_retention(CLI::App& app, int* code) {
  CLI::App* group = app.add_subcommand("retention", "How long decisions are kept, and what is held");
  group->require_subcommand(1);
  using Act = int (*)(const Settings&);
  const auto add = [group, code](const char* name, const char* help, Act act) {
    auto settings = std::make_shared<Settings>();
    CLI::App* command = group->add_subcommand(name, help);
    add_connection_options(*command, settings->connection);
    command->callback([settings, act, code] { *code = act(*settings); });
    return std::pair(command, settings);
  };
  auto showing = add("status", "The policy in force, the holds, and what logs and archives take", status);
  showing.first->add_flag("--json", showing.second->json, "The whole answer");
  auto applying = add("apply", "Compact, delete and archive now what is due", apply);
  applying.first->add_flag("--dry-run", applying.second->dry_run, "Only count what is due");
  applying.first->add_flag("--json", applying.second->json, "The whole answer");
  auto holding = add("hold", "Keep decisions from being compacted or deleted, later ones included", hold);
  Settings& held = *holding.second;
  holding.first->add_option("name", held.name, "The hold's name: case-4711")->required();
  holding.first->add_option("--why", held.why, "The reason, for the record")->required();
  holding.first->add_option("--decision", held.decision, "One decision, by its id");
  holding.first->add_option("--pipeline", held.pipeline, "Of this pipeline; * stands for any text");
  holding.first->add_option("--key", held.key, "Of this key");
  holding.first->add_option("--since", held.since, "Started at or after this time, or so long ago: 30d");
  holding.first->add_option("--until", held.until, "Started before this time");
  holding.first->add_option("--search", held.search, "With this attribute: name=value");
  holding.first->add_flag("--json", held.json, "The whole answer");
  auto releasing = add("release", "Lift a hold", release);
  releasing.first->add_option("name", releasing.second->name, "The hold's name")->required();
  releasing.first->add_option("--why", releasing.second->why, "The reason, for the record")->required();
}

}  // namespace switchyard::server::cli
