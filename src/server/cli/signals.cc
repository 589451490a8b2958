// signal, query
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/api_client.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "switchyard/types/json.h"

namespace switchyard::server::cli {
namespace {

struct SignalSettings {
  Connection connection;
  std::string id, name, payload, why, idempotency_key;
};

int signal(const SignalSettings& settings) {
  std::string body = "{\"name\":";
  append_json_string(settings.name, body);
  if (!settings.payload.empty()) {
    const auto payload = read_data(settings.payload, "--payload");
    if (!payload.ok()) return report(payload.error());
    body += ",\"payload\":";
    append_json(payload->root(), body);
  }
  if (!settings.why.empty()) {
    body += ",\"why\":";
    append_json_string(settings.why, body);
  }
  body += '}';
  auto client = ApiClient::connect(settings.connection);
  if (!client.ok()) return report(client.error());
  std::vector<http::Header> headers;
  if (!settings.idempotency_key.empty()) headers.push_back({"Idempotency-Key", settings.idempotency_key});
  const auto answer = ApiClient::ok((*client)->send(
      http::Method::kPost, "/api/v1/decisions/" + encode(settings.id) + "/signal", body, headers));
  if (!answer.ok()) return report(answer.error());
  std::printf("%s is %s\n", text_of(answer->root(), "id").c_str(), text_of(answer->root(), "status").c_str());
  return kDone;
}

struct QuerySettings {
  Connection connection;
  std::string id, name;
};

int query(const QuerySettings& settings) {
  std::string target = "/api/v1/decisions/" + encode(settings.id) + "/queries";
  if (!settings.name.empty()) target += "/" + encode(settings.name);
  return with_answer(settings.connection, http::Method::kGet, target, {}, [&](const Value& root) {
    const Value* value = root.find(settings.name.empty() ? "queries" : "value");
    std::printf("%s\n", to_pretty_json(value == nullptr ? Value() : *value).c_str());
    const Value* errors = root.find("errors");
    if (errors == nullptr) return kDone;
    for (const Member& error : errors->members())
      std::fprintf(stderr, "switchyard: %s: %s\n", std::string(error.key.as_string()).c_str(),
                   std::string(error.value.as_string()).c_str());
    return kFailed;
  });
}

}  // namespace

void add_signals(CLI::App& app, int* code) {
  auto told = std::make_shared<SignalSettings>();
  CLI::App* command = app.add_subcommand("signal", "Tell a decision under way something it listens to");
  command->add_option("decision", told->id, "The decision's id")->required();
  command->add_option("name", told->name, "The signal's name")->required();
  command->add_option("--payload", told->payload, "JSON, a file, or - for standard input");
  command->add_option("--why", told->why, "The reason, for the record");
  command->add_option("--idempotency-key", told->idempotency_key,
                      "The same key again is the same signal, not another");
  add_connection_options(*command, told->connection);
  command->callback([told, code] { *code = signal(*told); });

  auto asked = std::make_shared<QuerySettings>();
  CLI::App* asking = app.add_subcommand("query", "Ask a decision what its pipeline's queries say of it");
  asking->add_option("decision", asked->id, "The decision's id")->required();
  asking->add_option("name", asked->name, "One query; without it, all of them");
  add_connection_options(*asking, asked->connection);
  asking->callback([asked, code] { *code = query(*asked); });
}

}  // namespace switchyard::server::cli
