// `switchyard events` and `switchyard agents`.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/api_client.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "switchyard/runtime/clock.h"
#include "switchyard/runtime/random.h"
#include "switchyard/types/ids.h"
#include "switchyard/types/json.h"
#include "switchyard/types/time_text.h"

namespace switchyard::server::cli {
namespace {

struct Settings {
  Connection connection;
  bool json = false;
  std::string data, type, source, subject, id;
  std::string consumer, name, agent, key, after;
  std::string code, since, until, cursor;
  std::vector<std::string> letters;
  bool all = false, discard = false, mermaid = false;
  int64_t limit = 50;
};

int print_json(const Value& root) {
  std::printf("%s\n", to_pretty_json(root).c_str());
  return kDone;
}

std::string joined(const Value& object, const char* name) {
  std::string text;
  for (const Value& each : items_of(object, name))
    text +=
        (text.empty() ? "" : ", ") + (each.is(Kind::kString) ? std::string(each.as_string()) : to_json(each));
  return text;
}

// --- events
// --------------------------------------------------------------------------------------------------------

/// One event of the options given, or the events of a file or of standard input as they are.
int publish(const Settings& settings) {
  std::string body, media = "application/cloudevents+json";
  Document data;
  if (!settings.data.empty()) {
    auto given = read_data(settings.data, "event");
    if (!given.ok()) return report(given.error());
    data = std::move(*given);
  }
  if (settings.type.empty()) {
    if (data.root().is_null())
      return report(make_error(ErrorKind::kInvalidArgument, "cli.no_event",
                               "give --type with the data, or whole events as a file or -", "event"));
    if (data.root().is(Kind::kList)) media = "application/cloudevents-batch+json";
    body = to_json(data.root());
  } else {
    Arena arena;
    MapBuilder event(arena);
    event.add("specversion", Value::string("1.0"));
    std::string id = settings.id;
    if (id.empty())
      id = RunId::make(runtime::system_clock().now_us() / 1000, runtime::system_random().next_u64(),
                       runtime::system_random().next_u64())
               .to_string();
    event.add("id", Value::string(arena.copy(id)));
    event.add("source", Value::string(settings.source.empty() ? "/cli" : std::string_view(settings.source)));
    event.add("type", Value::string(settings.type));
    if (!settings.subject.empty()) event.add("subject", Value::string(settings.subject));
    if (!settings.data.empty()) event.add("data", data.root());
    body = to_json(event.build());
  }
  auto client = ApiClient::connect(settings.connection);
  if (!client.ok()) return report(client.error());
  auto answer =
      ApiClient::ok((*client)->send(http::Method::kPost, "/api/v1/events", body, {{"Content-Type", media}}));
  if (!answer.ok()) return report(answer.error());
  if (settings.json) return print_json(answer->root());
  for (const Value& event : items_of(answer->root(), "events")) {
    const Value* repeated = event.find("repeated");
    const bool known = repeated != nullptr && repeated->is(Kind::kBool) && repeated->as_bool();
    std::printf("%s  %s%s\n", plain(text_of(event, "id")).c_str(), plain(text_of(event, "source")).c_str(),
                known ? "  (published before)" : "");
  }
  return kDone;
}

/// The list of those that the settings say.
std::string letters_target(const Settings& settings) {
  return target_of("/api/v1/events/dead-letters", {{"consumer", settings.consumer},
                                                   {"name", settings.name},
                                                   {"key", settings.key},
                                                   {"code", settings.code},
                                                   {"since", settings.since},
                                                   {"until", settings.until},
                                                   {"limit", std::to_string(settings.limit)},
                                                   {"cursor", settings.cursor}});
}

int dead_letters(const Settings& settings) {
  const std::string target = letters_target(settings);
  return with_answer(settings.connection, http::Method::kGet, target, {}, [&](const Value& root) {
    if (settings.json) return print_json(root);
    const auto letters = items_of(root, "dead_letters");
    for (const Value& letter : letters) {
      const Value* event = letter.find("event");
      std::printf("%s  %s %s  %s\n", paint(text_of(letter, "id"), Colour::kBold).c_str(),
                  text_of(letter, "consumer").c_str(), plain(text_of(letter, "name")).c_str(),
                  when_text(text_of(letter, "died_at")).c_str());
      if (event != nullptr)
        std::printf("  %s of %s\n", plain(text_of(*event, "type")).c_str(),
                    plain(text_of(*event, "source")).c_str());
      std::printf("  after %lld attempts: %s [%s]\n", static_cast<long long>(integer_of(letter, "attempts")),
                  plain(text_of(letter, "message")).c_str(), text_of(letter, "code").c_str());
    }
    const std::string next = text_of(root, "next_cursor");
    if (!next.empty()) std::printf("%s\n", paint("more: --cursor " + next, Colour::kDim).c_str());
    if (letters.empty() && next.empty()) std::printf("no dead letters\n");
    return kDone;
  });
}

/// Replays (or discards) the letters named, or all that fit the filter.
int replay(const Settings& settings) {
  auto client = ApiClient::connect(settings.connection);
  if (!client.ok()) return report(client.error());
  const char* verb = settings.discard ? "/discard" : "/replay";
  size_t done = 0;
  const auto settle = [&](const std::string& id) -> Status {
    auto answer = (*client)->post("/api/v1/events/dead-letters/" + encode(id) + verb, "");
    if (!answer.ok()) return answer.error();
    ++done;
    return {};
  };
  for (const std::string& id : settings.letters)
    if (const Status status = settle(id); !status.ok()) return report(status.error());
  if (settings.all) {
    Settings page_of = settings;
    page_of.limit = 200;
    // What dies again is not taken up again: it would never end.
    if (page_of.until.empty()) {
      const int64_t now_us = runtime::system_clock().now_us();
      append_timestamp(now_us / 1'000'000, static_cast<int32_t>(now_us % 1'000'000) * 1000, page_of.until);
    }
    do {
      auto page = (*client)->get(letters_target(page_of));
      if (!page.ok()) return report(page.error());
      for (const Value& letter : items_of(page->root(), "dead_letters"))
        if (const Status status = settle(text_of(letter, "id"));
            !status.ok() && status.error().kind != ErrorKind::kNotFound)
          return report(status.error());
      page_of.cursor = text_of(page->root(), "next_cursor");
    } while (!page_of.cursor.empty());
  }
  std::printf("%zu %s\n", done, settings.discard ? "discarded" : "sent on their way again");
  return kDone;
}

void print_mermaid(const Value& root) {
  std::printf("flowchart LR\n");
  for (const Value& consumer : items_of(root, "consumers")) {
    const std::string to = text_of(consumer, "name");
    for (const Value& from : items_of(consumer, "from"))
      std::printf("  p_%s[\"%s\"] -->|%s| %s_%s[\"%s\"]\n", encode(from.as_string()).c_str(),
                  std::string(from.as_string()).c_str(), joined(consumer, "types").c_str(),
                  text_of(consumer, "kind") == "webhook" ? "w" : "p", encode(to).c_str(), to.c_str());
  }
}

int graph(const Settings& settings) {
  return with_answer(
      settings.connection, http::Method::kGet, "/api/v1/events/graph", {}, [&](const Value& root) {
        if (settings.json) return print_json(root);
        if (settings.mermaid) {
          print_mermaid(root);
          return kDone;
        }
        for (const Value& producer : items_of(root, "producers"))
          std::printf("%s publishes %s\n", plain(text_of(producer, "pipeline")).c_str(),
                      plain(joined(producer, "types")).c_str());
        for (const Value& consumer : items_of(root, "consumers")) {
          const std::string from = joined(consumer, "from");
          std::printf("%s %s takes %s%s\n", text_of(consumer, "kind").c_str(),
                      plain(text_of(consumer, "name")).c_str(), plain(joined(consumer, "types")).c_str(),
                      from.empty() ? "" : (" from " + plain(from)).c_str());
        }
        for (const Value& cycle : items_of(root, "cycles")) {
          std::string names;
          for (const Value& name : cycle.items())
            names += (names.empty() ? "" : ", ") + std::string(name.as_string());
          std::printf("%s these can set each other off, at most 16 times: %s\n",
                      paint("cycle", Colour::kBold).c_str(), plain(names).c_str());
        }
        return kDone;
      });
}

// --- agents
// --------------------------------------------------------------------------------------------------------

int list_agents(const Settings& settings) {
  return with_answer(settings.connection, http::Method::kGet, "/api/v1/agents", {}, [&](const Value& root) {
    if (settings.json) return print_json(root);
    for (const Value& agent : items_of(root, "agents")) {
      const auto is = [&](const char* name) {
        const Value* value = agent.find(name);
        return value != nullptr && value->is(Kind::kBool) && value->as_bool();
      };
      std::printf("%s@%s  %s%s%s%s\n", plain(text_of(agent, "name")).c_str(),
                  text_of(agent, "version").c_str(), plain(joined(agent, "events")).c_str(),
                  is("keyed") ? "  keyed" : "", is("keeps_state") ? "  keeps state" : "",
                  is("switched_off") ? "  SWITCHED OFF" : "");
    }
    return kDone;
  });
}

int agent_state(const Settings& settings) {
  const std::string target = target_of("/api/v1/agents/state", {{"agent", settings.agent},
                                                                {"key", settings.key},
                                                                {"after", settings.after},
                                                                {"limit", std::to_string(settings.limit)}});
  return with_answer(settings.connection, http::Method::kGet, target, {}, [&](const Value& root) {
    if (settings.json) return print_json(root);
    for (const Value& state : items_of(root, "states")) {
      const Value* value = state.find("state");
      std::printf("%s  %s\n", paint(plain(text_of(state, "key")), Colour::kBold).c_str(),
                  value == nullptr ? "nothing yet" : plain(to_json(*value)).c_str());
      std::printf("  version %lld%s%s, %lld waiting\n", static_cast<long long>(integer_of(state, "version")),
                  text_of(state, "changed_by").empty() ? "" : ", written by ",
                  text_of(state, "changed_by").c_str(), static_cast<long long>(integer_of(state, "queued")));
    }
    return kDone;
  });
}

using Act = int (*)(const Settings&);

std::pair<CLI::App*, std::shared_ptr<Settings>> add(CLI::App* group, int* code, const char* name,
                                                    const char* help, Act act) {
  auto settings = std::make_shared<Settings>();
  CLI::App* command = group->add_subcommand(name, help);
  command->add_flag("--json", settings->json, "The whole answer");
  add_connection_options(*command, settings->connection);
  command->callback([settings, act, code] { *code = act(*settings); });
  return {command, settings};
}

void add_letter_filter(CLI::App& command, Settings& settings, const std::string& when) {
  command.add_option("--consumer", settings.consumer, when + "agent, webhook or listener");
  command.add_option("--name", settings.name, when + "of this consumer");
  command.add_option("--key", settings.key, when + "of events with this key");
  command.add_option("--code", settings.code, when + "that died of this error");
  command.add_option("--since", settings.since, when + "that died since: 15m, 2h, or 2026-11-23T10:00:00Z");
  command.add_option("--until", settings.until, when + "that died before");
}

}  // namespace

void add_events(CLI::App& app, int* code) {
  CLI::App* group = app.add_subcommand("events", "Events: publish, dead letters, who sends to whom");
  group->require_subcommand(1);
  auto [publishing, event] =
      add(group, code, "publish", "Publish one event, or the events of a file", publish);
  publishing->add_option("--type", event->type,
                         "The event's type; left out: the argument holds whole CloudEvents");
  publishing->add_option("--source", event->source, "Where it comes from (default /cli)");
  publishing->add_option("--subject", event->subject, "What it is about");
  publishing->add_option("--id", event->id, "Its id; the same id of the same source is published once");
  publishing->add_option("event", event->data, "The data: JSON, a file, or -");
  auto [listing, letters] = add(group, code, "dead-letters", "What consumers could not take", dead_letters);
  add_letter_filter(*listing, *letters, "");
  listing->add_option("--limit", letters->limit, "1 to 500")->capture_default_str();
  listing->add_option("--cursor", letters->cursor, "The next page");
  auto [replaying, again] = add(group, code, "replay", "Send dead letters on their way again", replay);
  replaying->add_option("letters", again->letters, "Their ids");
  replaying->add_flag("--all", again->all, "All that fit");
  add_letter_filter(*replaying, *again, "With --all: ");
  replaying->add_flag("--discard", again->discard, "Discard them instead");
  auto [drawing, picture] =
      add(group, code, "graph", "Who sends events to whom, and which agents go in circles", graph);
  drawing->add_flag("--mermaid", picture->mermaid, "As a Mermaid flowchart");

  CLI::App* agents = app.add_subcommand("agents", "Pipelines that events start");
  agents->require_subcommand(1);
  add(agents, code, "list", "The agents", list_agents);
  auto [showing, state] = add(agents, code, "state", "What an agent keeps under a key", agent_state);
  showing->add_option("agent", state->agent, "The agent's name")->required();
  showing->add_option("key", state->key, "The key; left out: all keys, a page at a time");
  showing->add_option("--after", state->after, "Only keys after this one");
  showing->add_option("--limit", state->limit, "1 to 500")->capture_default_str();
}

}  // namespace switchyard::server::cli
