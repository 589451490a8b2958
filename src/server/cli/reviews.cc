// review list, show, claim, release, answer, comment, escalate, reassign
#include <CLI/CLI.hpp>
#include <cstdio>
#include <ctime>
#include <memory>

#include "cli/api_client.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "switchyard/types/json.h"

namespace switchyard::server::cli {
namespace {

struct Settings {
  Connection connection;
  std::string id, queue, reviewer, assigned_to, text, why, limit = "50";
  std::vector<std::string> answer;
  int64_t lease_seconds = 0;
  bool unclaimed = false, json = false;
};

/// "in 12 min", "3 h ago": against this machine's clock.
std::string due_text(const Value& item) {
  const std::string due = raw_text_of(item, "due_at");
  if (due.empty()) return {};
  const int64_t left_us = time_us(due) - static_cast<int64_t>(std::time(nullptr)) * 1'000'000;
  return left_us >= 0 ? "in " + duration_text(left_us) : duration_text(-left_us) + " ago";
}

int list(const Settings& settings) {
  const std::string target = target_of("/api/v1/reviews", {{"queue", settings.queue},
                                                           {"assigned_to", settings.assigned_to},
                                                           {"unclaimed", settings.unclaimed ? "true" : ""},
                                                           {"limit", settings.limit}});
  return with_answer(settings.connection, http::Method::kGet, target, {}, [&](const Value& root) {
    if (settings.json) {
      std::printf("%s\n", to_pretty_json(root).c_str());
      return kDone;
    }
    Table table({"review", "queue", "prio", "status", "by", "due", "asked (UTC)", "title"});
    for (const Value& item : items_of(root, "reviews")) {
      const std::string status = text_of(item, "status"), due = due_text(item);
      const std::string by = status == "claimed" ? text_of(item, "claimed_by") : text_of(item, "assigned_to");
      const std::string title = text_of(item, "title");
      table.add(
          {text_of(item, "id"),
           text_of(item, "queue"),
           std::to_string(integer_of(item, "priority")),
           {status, colour_of_status(status)},
           by,
           {due, due.ends_with("ago") ? Colour::kRed : Colour::kNone},
           when_text(text_of(item, "created_at")),
           shorten(title.empty() ? text_of(item, "pipeline") + " " + text_of(item, "step") : title, 60)});
    }
    if (table.empty())
      std::printf("no open reviews\n");
    else
      table.print();
    return kDone;
  });
}

void print_members(const char* head, const Value& map) {
  if (!map.is(Kind::kMap) || map.members().empty()) return;
  std::printf("%s\n", paint(head, Colour::kBold).c_str());
  size_t widest = 0;
  for (const Member& member : map.members())
    widest = std::max(widest, width_of(plain(member.key.as_string())));
  for (const Member& member : map.members()) {
    const std::string name = plain(member.key.as_string());
    std::printf("  %s%*s  %s\n", name.c_str(), static_cast<int>(widest - width_of(name)), "",
                shorten(plain(to_json(member.value)), 200).c_str());
  }
}

void print_form(const Value& form) {
  const Value* properties = form.find("properties");
  if (properties == nullptr || !properties->is(Kind::kMap)) return;
  std::printf("%s\n", paint("Form", Colour::kBold).c_str());
  for (const Member& member : properties->members()) {
    const std::string_view name = member.key.as_string();
    bool required = false;
    for (const Value& each : items_of(form, "required"))
      required = required || (each.is(Kind::kString) && each.as_string() == name);
    const Value* choices = member.value.find("enum");
    const std::string type =
        choices != nullptr ? "one of " + to_json(*choices) : text_of(member.value, "type");
    std::printf("  %s: %s%s\n", plain(name).c_str(), plain(type).c_str(), required ? ", required" : "");
  }
}

void print_item(const Value& item) {
  const std::string status = text_of(item, "status"), title = text_of(item, "title");
  std::printf("%s  %s\n", paint("Review " + text_of(item, "id"), Colour::kBold).c_str(),
              paint(status, colour_of_status(status)).c_str());
  if (!title.empty()) std::printf("  %s\n", title.c_str());
  std::printf("  queue %s, priority %lld, of %s step %s, decision %s\n", text_of(item, "queue").c_str(),
              static_cast<long long>(integer_of(item, "priority")), text_of(item, "pipeline").c_str(),
              text_of(item, "step").c_str(), text_of(item, "decision").c_str());
  if (const std::string due = due_text(item); !due.empty())
    std::printf("  due %s UTC, %s\n", when_text(text_of(item, "due_at")).c_str(), due.c_str());
  if (const std::string by = text_of(item, "claimed_by"); !by.empty())
    std::printf("  claimed by %s until %s UTC\n", by.c_str(),
                when_text(text_of(item, "claimed_until")).c_str());
  if (const std::string to = text_of(item, "assigned_to"); !to.empty())
    std::printf("  assigned to %s\n", to.c_str());
  if (const std::string why = text_of(item, "ended_why"); !why.empty())
    std::printf("  ended: %s by %s\n", why.c_str(), text_of(item, "ended_by").c_str());
  if (const Value* shown = item.find("show")) print_members("Shown", *shown);
  if (const Value* form = item.find("form")) print_form(*form);
  for (const Value& comment : items_of(item, "comment_list"))
    std::printf("  %s %s: %s\n", when_text(text_of(comment, "at")).c_str(), text_of(comment, "who").c_str(),
                text_of(comment, "text").c_str());
  if (const Value* answer = item.find("answer")) print_members("Answer", *answer);
}

int print_changed(const Settings& settings, const Value& item) {
  if (settings.json)
    std::printf("%s\n", to_pretty_json(item).c_str());
  else
    print_item(item);
  return kDone;
}

std::string path_of(const Settings& settings, const char* verb) {
  return "/api/v1/reviews/" + encode(settings.id) + verb;
}

int show(const Settings& settings) {
  return with_answer(settings.connection, http::Method::kGet, path_of(settings, ""), {},
                     [&](const Value& item) { return print_changed(settings, item); });
}

int post(const Settings& settings, const char* verb, const Value& body) {
  return with_answer(settings.connection, http::Method::kPost, path_of(settings, verb), to_json(body),
                     [&](const Value& item) { return print_changed(settings, item); });
}

/// Adds the text when it is not empty. The builder keeps the view.
void add_text(MapBuilder& body, const char* name, const std::string& text) {
  if (!text.empty()) body.add(name, Value::string(text));
}

/// One JSON object (or file, or -), or field=value pairs whose values are JSON where they can be, else text.
Result<Document> read_answer(const std::vector<std::string>& given) {
  const bool pairs = given.front().find('=') != std::string::npos && given.front().find_first_of("{[-") != 0;
  if (!pairs) {
    if (given.size() > 1)
      return make_error(ErrorKind::kInvalidArgument, "cli.bad_answer",
                        "give one JSON object, or field=value for each field", "answer");
    return read_data(given.front(), "answer");
  }
  auto arena = std::make_shared<Arena>(1024);
  MapBuilder map(*arena);
  for (const std::string& pair : given) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      return make_error(ErrorKind::kInvalidArgument, "cli.bad_answer", "'" + pair + "' is no field=value",
                        "answer");
    const std::string_view text = std::string_view(pair).substr(equals + 1);
    const auto value = parse_json(text, *arena);
    map.add(Value::string(arena->copy(pair.substr(0, equals))),
            value.ok() ? *value : Value::string(arena->copy(text)));
  }
  Value twice;
  const Value root = map.build(&twice);
  if (root.is_null())
    return make_error(ErrorKind::kInvalidArgument, "cli.bad_answer",
                      "'" + std::string(twice.as_string()) + "' is given twice", "answer");
  return Document(std::move(arena), root);
}

int claim(const Settings& settings) {
  Arena arena;
  MapBuilder body(arena);
  add_text(body, "reviewer", settings.reviewer);
  if (settings.lease_seconds != 0) body.add("lease_seconds", Value::integer(settings.lease_seconds));
  return post(settings, "/claim", body.build());
}

int release(const Settings& settings) {
  Arena arena;
  MapBuilder body(arena);
  add_text(body, "reviewer", settings.reviewer);
  return post(settings, "/release", body.build());
}

int answer(const Settings& settings) {
  const auto given = read_answer(settings.answer);
  if (!given.ok()) return report(given.error());
  Arena arena;
  MapBuilder body(arena);
  add_text(body, "reviewer", settings.reviewer);
  body.add("answer", given->root());
  return post(settings, "/answer", body.build());
}

int comment(const Settings& settings) {
  Arena arena;
  MapBuilder body(arena);
  add_text(body, "reviewer", settings.reviewer);
  body.add("text", Value::string(settings.text));
  return post(settings, "/comment", body.build());
}

int escalate(const Settings& settings) {
  Arena arena;
  MapBuilder body(arena);
  body.add("queue", Value::string(settings.queue));
  add_text(body, "why", settings.why);
  return post(settings, "/escalate", body.build());
}

int reassign(const Settings& settings) {
  Arena arena;
  MapBuilder body(arena);
  add_text(body, "to", settings.assigned_to);
  return post(settings, "/reassign", body.build());
}

}  // namespace

void add_reviews(CLI::App& app, int* code) {
  CLI::App* group = app.add_subcommand("review", "Questions put to people");
  group->require_subcommand(1);
  using Act = int (*)(const Settings&);
  const auto add = [group, code](const char* name, const char* help, Act act) {
    auto settings = std::make_shared<Settings>();
    CLI::App* command = group->add_subcommand(name, help);
    if (act != list) command->add_option("review", settings->id, "The review's id")->required();
    command->add_flag("--json", settings->json, "The whole answer");
    add_connection_options(*command, settings->connection);
    command->callback([settings, act, code] { *code = act(*settings); });
    return std::pair(command, settings);
  };
  const auto for_somebody = [](auto& added) {
    added.first->add_option("--reviewer", added.second->reviewer, "Act for this reviewer (operators only)");
  };

  auto listing = add("list", "Open questions, most urgent first", list);
  listing.first->add_option("--queue", listing.second->queue, "Of this queue");
  listing.first->add_option("--assigned-to", listing.second->assigned_to, "Assigned to this reviewer");
  listing.first->add_flag("--unclaimed", listing.second->unclaimed, "Only what nobody works on");
  listing.first->add_option("--limit", listing.second->limit, "1 to 500")->capture_default_str();
  add("show", "Show a question with what the reviewer sees", show);
  auto claiming = add("claim", "Take a question", claim);
  claiming.first
      ->add_option("--lease", claiming.second->lease_seconds, "Seconds it is yours: 1 to 28800 (default 600)")
      ->check(CLI::PositiveNumber);
  for_somebody(claiming);
  auto releasing = add("release", "Give a question back", release);
  for_somebody(releasing);
  auto answering = add("answer", "Answer a question that you claimed", answer);
  answering.first
      ->add_option("answer", answering.second->answer, "field=value ..., a JSON object, a file, or -")
      ->required();
  for_somebody(answering);
  auto commenting = add("comment", "Write a comment", comment);
  commenting.first->add_option("text", commenting.second->text, "The comment")->required();
  for_somebody(commenting);
  auto escalating = add("escalate", "Move a question to another queue", escalate);
  escalating.first->add_option("--to", escalating.second->queue, "The queue")->required();
  escalating.first->add_option("--why", escalating.second->why, "The reason, for the record");
  auto reassigning = add("reassign", "Give a question to one reviewer, or back to everybody", reassign);
  reassigning.first->add_option("--to", reassigning.second->assigned_to, "The reviewer; left out: anybody");
}

}  // namespace switchyard::server::cli
