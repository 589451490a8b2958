// keys create, list, show, edit, rotate, revoke
#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "cli/cli.h"
#include "cli/print.h"
#include "switchyard/gateway/keys.h"
#include "switchyard/runtime/clock.h"
#include "switchyard/runtime/disk.h"
#include "switchyard/server/server.h"

namespace switchyard::server::cli {
namespace {

struct Settings {
  std::string data = "switchyard-data", name, roles, expires, id, tenant;
  std::optional<uint32_t> requests_per_minute, concurrent;
  std::optional<uint64_t> tokens_per_minute;
  std::vector<std::string> routes;
  std::string budget_per_day, budget_per_month, priority, grace = "1d";
};

Result<std::unique_ptr<gateway::KeyStore>> open(const Settings& settings) {
  SY_ASSIGN_OR_RETURN(const bool known, runtime::posix_disk().exists(settings.data));
  if (!known) {
    return make_error(ErrorKind::kNotFound, "keys.no_data_folder",
                      "there is no folder '" + settings.data +
                          "'; name the data folder of a server with --data, or make it",
                      "--data");
  }
  return gateway::KeyStore::open(key_file(settings.data), runtime::system_clock());
}

/// "90d", "12h", "30m".
std::optional<int64_t> span_us(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number <= 0 || number > 1'000'000 || end + 1 != text.data() + text.size())
    return std::nullopt;
  switch (*end) {
    case 's': return number * 1'000'000;
    case 'm': return number * 60'000'000;
    case 'h': return number * 3'600'000'000;
    case 'd': return number * 86'400'000'000;
    default: return std::nullopt;
  }
}

Result<int64_t> span_option(const std::string& text, const char* option) {
  if (const auto span = span_us(text)) return *span;
  return make_error(ErrorKind::kInvalidArgument, "keys.bad_expiry",
                    "'" + text + "' is no time span; write 90d, 12h or 30m", option);
}

/// What the options that were given say.
Result<gateway::KeyChanges> changes_of(const Settings& settings) {
  gateway::KeyChanges changes;
  if (!settings.name.empty()) changes.name = settings.name;
  if (!settings.roles.empty()) {
    SY_ASSIGN_OR_RETURN(changes.roles, gateway::roles_from(settings.roles));
  }
  if (settings.expires == "never") {
    changes.expires_us = 0;
  } else if (!settings.expires.empty()) {
    SY_ASSIGN_OR_RETURN(const int64_t span, span_option(settings.expires, "--expires"));
    changes.expires_us = runtime::system_clock().now_us() + span;
  }
  changes.requests_per_minute = settings.requests_per_minute;
  changes.tokens_per_minute = settings.tokens_per_minute;
  changes.concurrent = settings.concurrent;
  for (const auto& [option, text, micros] :
       {std::tuple{"--budget-per-day", &settings.budget_per_day, &changes.budget_day_micros},
        {"--budget-per-month", &settings.budget_per_month, &changes.budget_month_micros}}) {
    if (text->empty()) continue;
    *micros = gateway::parse_money(*text);
    if (!*micros)
      return make_error(ErrorKind::kInvalidArgument, "gateway.bad_budget",
                        "'" + *text + "' is no amount; write 25 or 0.50", option);
  }
  if (!settings.routes.empty()) changes.routes = settings.routes;
  if (!settings.priority.empty()) {
    changes.priority = gateway::priority_from(settings.priority);
    if (!changes.priority)
      return make_error(ErrorKind::kInvalidArgument, "gateway.bad_priority",
                        "'" + settings.priority + "' is no priority; write low, normal or high",
                        "--priority");
  }
  return changes;
}

/// The key alone on standard output, so that a script can take it.
void print_new(const gateway::NewKey& key) {
  std::printf("%s\n", key.text.reveal().c_str());
  const int64_t expires_us = key.info.expires_us;
  std::fprintf(stderr, "This is the only time the key is shown. Its id is %s%s.\n", key.info.id.c_str(),
               expires_us == 0 ? "; it never expires" : ("; it expires at " + time_text(expires_us)).c_str());
}

int create(const Settings& settings) {
  const auto said = changes_of(settings);
  if (!said.ok()) return report(said.error());
  gateway::KeySpec spec{settings.name,
                        said->roles.value_or(std::vector<gateway::Role>()),
                        said->expires_us.value_or(0),
                        settings.tenant,
                        {}};
  spec.policy.limits = {said->requests_per_minute.value_or(0), said->tokens_per_minute.value_or(0),
                        said->concurrent.value_or(0)};
  spec.policy.budget = {said->budget_day_micros.value_or(0), said->budget_month_micros.value_or(0)};
  spec.policy.routes = said->routes.value_or(std::vector<std::string>());
  spec.policy.priority = said->priority.value_or(gateway::Priority::kNormal);
  auto store = open(settings);
  if (!store.ok()) return report(store.error());
  const auto key = (*store)->create(spec);
  if (!key.ok()) return report(key.error());
  print_new(*key);
  return kDone;
}

int edit(const Settings& settings) {
  const auto changes = changes_of(settings);
  if (!changes.ok()) return report(changes.error());
  auto store = open(settings);
  if (!store.ok()) return report(store.error());
  const auto key = (*store)->edit(settings.id, *changes);
  if (!key.ok()) return report(key.error());
  std::printf("changed %s; a running server heeds it within a second\n", settings.id.c_str());
  return kDone;
}

int rotate(const Settings& settings) {
  const auto grace = settings.grace == "0" ? Result<int64_t>(0) : span_option(settings.grace, "--grace");
  if (!grace.ok()) return report(grace.error());
  auto store = open(settings);
  if (!store.ok()) return report(store.error());
  const auto key = (*store)->rotate(settings.id, *grace);
  if (!key.ok()) return report(key.error());
  print_new(*key);
  std::fprintf(stderr, "The old secret is valid until %s.\n", time_text(key->info.previous_until_us).c_str());
  return kDone;
}

std::string state_of(const gateway::KeyInfo& key, int64_t now_us) {
  if (key.revoked_us != 0) return "revoked";
  return key.expires_us != 0 && key.expires_us <= now_us ? "expired" : "valid";
}

std::string roles_text(const gateway::KeyInfo& key) {
  std::string roles;
  for (const gateway::Role role : key.roles)
    roles += (roles.empty() ? "" : ",") + std::string(gateway::role_name(role));
  return roles;
}

int show(const Settings& settings) {
  auto store = open(settings);
  if (!store.ok()) return report(store.error());
  const auto key = (*store)->find(settings.id);
  if (!key.ok()) return report(key.error());
  const auto line = [](const char* name, const std::string& value) {
    std::printf("%-20s %s\n", name, value.c_str());
  };
  const auto limit = [](uint64_t number) { return number == 0 ? "no limit" : std::to_string(number); };
  const auto money = [](int64_t micros) { return micros == 0 ? "no limit" : gateway::money_text(micros); };
  const auto time = [](int64_t us) { return us == 0 ? "never" : time_text(us); };
  const gateway::KeyPolicy& policy = key->policy;
  line("id", key->id);
  line("name", plain(key->name));
  line("tenant", key->tenant.empty() ? std::string(gateway::kDefaultTenant) : plain(key->tenant));
  line("roles", roles_text(*key));
  line("state", state_of(*key, runtime::system_clock().now_us()));
  line("created", time_text(key->created_us));
  line("expires", time(key->expires_us));
  line("rotated", time(key->rotated_us));
  if (key->rotated_us != 0) line("old secret until", time(key->previous_until_us));
  line("requests a minute", limit(policy.limits.requests_per_minute));
  line("tokens a minute", limit(policy.limits.tokens_per_minute));
  line("at once", limit(policy.limits.concurrent));
  line("budget a day", money(policy.budget.day_micros));
  line("budget a month", money(policy.budget.month_micros));
  std::string routes;
  for (const std::string& route : policy.routes) routes += (routes.empty() ? "" : ", ") + route;
  line("routes", routes.empty() ? "all" : routes);
  line("priority", std::string(gateway::priority_name(policy.priority)));
  return kDone;
}

int list(const Settings& settings) {
  auto store = open(settings);
  if (!store.ok()) return report(store.error());
  const int64_t now_us = runtime::system_clock().now_us();
  Table table({"id", "name", "tenant", "roles", "state", "created", "expires"});
  for (const gateway::KeyInfo& key : (*store)->list()) {
    const std::string state = state_of(key, now_us);
    table.add({key.id,
               plain(key.name),
               key.tenant.empty() ? std::string(gateway::kDefaultTenant) : plain(key.tenant),
               roles_text(key),
               {state, state == "valid" ? Colour::kGreen : Colour::kRed},
               time_text(key.created_us),
               key.expires_us == 0 ? "never" : time_text(key.expires_us)});
  }
  if (table.empty())
    std::printf("no keys; make one with 'switchyard keys create'\n");
  else
    table.print();
  return kDone;
}

int revoke(const Settings& settings) {
  auto store = open(settings);
  if (!store.ok()) return report(store.error());
  if (const Status done = (*store)->revoke(settings.id); !done.ok()) return report(done.error());
  std::printf("revoked %s; a running server refuses it within a second\n", settings.id.c_str());
  return kDone;
}

}  // namespace

namespace {

/// What a key may use: the same options for new keys and for changes.
void add_policy(CLI::App& command, Settings& settings) {
  command.add_option("--requests-per-minute", settings.requests_per_minute, "0: no limit");
  command.add_option("--tokens-per-minute", settings.tokens_per_minute,
                     "Of language models, asked and answered; 0: no limit");
  command.add_option("--concurrent", settings.concurrent, "Requests at once; 0: no limit");
  command.add_option("--budget-per-day", settings.budget_per_day,
                     "Money for models: 25 or 0.50; 0: no limit");
  command.add_option("--budget-per-month", settings.budget_per_month, "The same for a month");
  command
      .add_option("--routes", settings.routes,
                  "Routes and models it may call, with commas: chat/*,embed; * for all")
      ->delimiter(',');
  command.add_option("--priority", settings.priority,
                     "low, normal or high: the lowest is turned away first when there is too much to do");
}

}  // namespace

void add_keys(CLI::App& app, int* code) {
  CLI::App* group = app.add_subcommand("keys", "API keys of a data folder; works beside a running server");
  group->require_subcommand(1);
  const auto add = [group, code](const char* name, const char* help, int (*act)(const Settings&)) {
    auto settings = std::make_shared<Settings>();
    CLI::App* command = group->add_subcommand(name, help);
    command->add_option("--data", settings->data, "The data folder")
        ->envname("SWITCHYARD_DATA")
        ->capture_default_str();
    command->callback([settings, act, code] { *code = act(*settings); });
    return std::pair(command, settings);
  };
  auto [creating, made] = add("create", "Make a key and print it, once", create);
  creating->add_option("--name", made->name, "Whose it is: a person or a program")->required();
  creating
      ->add_option("--role", made->roles,
                   "viewer, reviewer, developer, operator, auditor, worker, admin; several with commas")
      ->required();
  creating->add_option("--expires", made->expires, "After 90d, 12h, ...; left out: never");
  creating->add_option(
      "--tenant", made->tenant,
      "Whose work it starts: tenants take turns when there is more than can be done at once; "
      "left out: default");
  add_policy(*creating, *made);
  add("list", "Show the keys, without their secrets", list);
  auto [showing, shown] = add("show", "Show one key and what it may use", show);
  showing->add_option("id", shown->id, "The key's id, as 'keys list' shows it")->required();
  auto [editing, edited] = add("edit", "Change what a key may do; what is left out stays", edit);
  editing->add_option("id", edited->id, "The key's id, as 'keys list' shows it")->required();
  editing->add_option("--name", edited->name, "Whose it is");
  editing->add_option("--role", edited->roles, "Its roles from now on, with commas");
  editing->add_option("--expires", edited->expires, "After 90d, 12h, ... from now; or never");
  add_policy(*editing, *edited);
  auto [rotating, rotated] = add("rotate", "Give a key a new secret and print it, once", rotate);
  rotating->add_option("id", rotated->id, "The key's id, as 'keys list' shows it")->required();
  rotating->add_option("--grace", rotated->grace, "How long the old secret stays valid: 1d, 12h, ... or 0")
      ->capture_default_str();
  auto [revoking, gone] = add("revoke", "Make a key invalid", revoke);
  revoking->add_option("id", gone->id, "The key's id, as 'keys list' shows it")->required();
}

}  // namespace switchyard::server::cli
