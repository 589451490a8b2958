// keys create, list, revoke
#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <memory>
#include <optional>

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

int create(const Settings& settings) {
  const auto roles = gateway::roles_from(settings.roles);
  if (!roles.ok()) return report(roles.error());
  int64_t expires_us = 0;
  if (!settings.expires.empty()) {
    const auto span = span_us(settings.expires);
    if (!span.has_value())
      return report(make_error(ErrorKind::kInvalidArgument, "keys.bad_expiry",
                               "'" + settings.expires + "' is no time span; write 90d, 12h or 30m",
                               "--expires"));
    expires_us = runtime::system_clock().now_us() + *span;
  }
  auto store = open(settings);
  if (!store.ok()) return report(store.error());
  const auto key = (*store)->create(settings.name, *roles, expires_us, settings.tenant);
  if (!key.ok()) return report(key.error());
  // The key alone on standard output, so that a script can take it.
  std::printf("%s\n", key->text.reveal().c_str());
  std::fprintf(stderr, "This is the only time the key is shown. Its id is %s%s.\n", key->info.id.c_str(),
               expires_us == 0 ? "; it never expires" : ("; it expires at " + time_text(expires_us)).c_str());
  return kDone;
}

int list(const Settings& settings) {
  auto store = open(settings);
  if (!store.ok()) return report(store.error());
  const int64_t now_us = runtime::system_clock().now_us();
  Table table({"id", "name", "tenant", "roles", "state", "created", "expires"});
  for (const gateway::KeyInfo& key : (*store)->list()) {
    std::string roles;
    for (const gateway::Role role : key.roles)
      roles += (roles.empty() ? "" : ",") + std::string(gateway::role_name(role));
    const bool expired = key.expires_us != 0 && key.expires_us <= now_us;
    const char* state = key.revoked_us != 0 ? "revoked" : expired ? "expired" : "valid";
    table.add({key.id,
               plain(key.name),
               key.tenant.empty() ? std::string(gateway::kDefaultTenant) : plain(key.tenant),
               roles,
               {state, key.revoked_us != 0 || expired ? Colour::kRed : Colour::kGreen},
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
                   "viewer, reviewer, developer, operator, auditor, admin; several with commas")
      ->required();
  creating->add_option("--expires", made->expires, "After 90d, 12h, ...; left out: never");
  creating->add_option(
      "--tenant", made->tenant,
      "Whose work it starts: tenants take turns when there is more than can be done at once; "
      "left out: default");
  add("list", "Show the keys, without their secrets", list);
  auto [revoking, gone] = add("revoke", "Make a key invalid", revoke);
  revoking->add_option("id", gone->id, "The key's id, as 'keys list' shows it")->required();
}

}  // namespace switchyard::server::cli
