// routes, reroute, spend
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
  std::string route, from, to, why;
  bool json = false;
};

std::string percent(double share) { return number_text(share * 100) + " %"; }

void print_routes(const Value& root) {
  Table table(
      {"route", "candidate", "model", "share", "breaker", "calls", "failed", "in flight", "p50", "p95"});
  for (const Value& route : items_of(root, "routes")) {
    const std::string version = text_of(route, "version");
    const std::string name = text_of(route, "name") + (version.empty() ? "" : "@" + version);
    for (const Value& candidate : items_of(route, "candidates")) {
      const auto number = [&](const char* member) { return std::to_string(integer_of(candidate, member)); };
      const std::string breaker = text_of(candidate, "breaker");
      table.add({name,
                 text_of(candidate, "name"),
                 text_of(candidate, "model"),
                 percent(real_of(candidate, "share")),
                 {breaker, breaker == "closed" ? Colour::kGreen : Colour::kRed},
                 number("calls"),
                 number("failures"),
                 number("in_flight"),
                 duration_text(integer_of(candidate, "p50_us")),
                 duration_text(integer_of(candidate, "p95_us"))});
    }
  }
  if (table.empty()) {
    std::printf("no route is deployed, and no model was called\n");
    return;
  }
  table.print();
  for (const Value& route : items_of(root, "routes")) {
    const Value* canary = route.find("canary");
    if (canary == nullptr) continue;
    std::printf("\ncanary of %s: %s, step %lld\n", text_of(route, "name").c_str(),
                text_of(*canary, "phase").c_str(), static_cast<long long>(integer_of(*canary, "step")) + 1);
  }
}

void print_spend(const Value& root) {
  Table table({"scope", "account", "window", "spent", "set aside", "tokens"});
  for (const Value& account : items_of(root, "accounts")) {
    const std::string day = text_of(account, "day");
    const std::string currency = " " + text_of(account, "currency");
    table.add({text_of(account, "scope"), text_of(account, "id"),
               day.empty() ? text_of(account, "month") : day, text_of(account, "spent") + currency,
               text_of(account, "reserved") + currency, std::to_string(integer_of(account, "tokens"))});
  }
  if (table.empty())
    std::printf("nothing was spent in this month\n");
  else
    table.print();
}

int show(const Settings& settings, const std::string& path, void (*print)(const Value&)) {
  return with_answer(settings.connection, http::Method::kGet, path, {}, [&](const Value& root) {
    if (settings.json)
      std::printf("%s\n", to_pretty_json(root).c_str());
    else
      print(root);
    return kDone;
  });
}

int reroute(const Settings& settings) {
  Arena arena;
  MapBuilder body(arena);
  for (const auto& [name, value] : {std::pair{"route", &settings.route},
                                    {"from", &settings.from},
                                    {"to", &settings.to},
                                    {"why", &settings.why}})
    body.add(name, Value::string(*value));
  return with_answer(settings.connection, http::Method::kPost, "/api/v1/reroutes", to_json(body.build()),
                     [&](const Value& root) {
                       std::printf("%s of %s answers %s (governance offset %lld)\n",
                                   plain(settings.from).c_str(), plain(settings.route).c_str(),
                                   settings.to.empty() ? "for itself again"
                                                       : ("no more: " + plain(settings.to) + " does").c_str(),
                                   static_cast<long long>(integer_of(root, "governance_offset")));
                       return kDone;
                     });
}

}  // namespace

void add_routes(CLI::App& app, int* code) {
  const auto list = [&](const char* name, const char* help, std::string path, void (*print)(const Value&)) {
    auto settings = std::make_shared<Settings>();
    CLI::App* command = app.add_subcommand(name, help);
    command->add_flag("--json", settings->json, "The whole answer");
    add_connection_options(*command, settings->connection);
    command->callback(
        [settings, path = std::move(path), print, code] { *code = show(*settings, path, print); });
  };
  list("routes", "Show how every route stands", "/api/v1/routes", print_routes);
  list("spend", "Show what was spent in this day and month", "/api/v1/spend", print_spend);
  auto settings = std::make_shared<Settings>();
  CLI::App* command = app.add_subcommand("reroute", "Send a candidate's traffic to another, from now on");
  command->add_option("route", settings->route, "The route")->required();
  command->add_option("from", settings->from, "The candidate whose traffic it is")->required();
  command->add_option("to", settings->to, "The candidate that answers in its place; left out: no longer");
  command->add_option("--why", settings->why, "Recorded with the change")->required();
  add_connection_options(*command, settings->connection);
  command->callback([settings, code] { *code = reroute(*settings); });
}

}  // namespace switchyard::server::cli
