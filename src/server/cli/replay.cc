// replay
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/api_client.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "switchyard/types/json.h"

namespace switchyard::server::cli {
namespace {

struct ReplaySettings {
  Connection connection;
  std::string id, pipeline, since, until;
  std::vector<std::string> with;
  int64_t limit = 0;
  bool all = false, json = false;
};

constexpr size_t kValueWidth = 120;

std::string shown(const Value* value) {
  return value == nullptr || value->is_null() ? "nothing" : shorten(plain(to_json(*value)), kValueWidth);
}

/// One value before and after; of objects only the members that differ.
void print_change(const std::string& name, const Value* before, const Value* after) {
  const bool maps = before != nullptr && after != nullptr && before->is(Kind::kMap) && after->is(Kind::kMap);
  if (!maps) {
    std::printf("  %s: %s %s %s\n", paint(name, Colour::kBold).c_str(),
                paint(shown(before), Colour::kRed).c_str(), "→", paint(shown(after), Colour::kGreen).c_str());
    return;
  }
  std::printf("  %s\n", paint(name, Colour::kBold).c_str());
  const auto row = [](const Value& key, const Value* old_value, const Value* new_value) {
    std::printf("    %s: %s → %s\n", plain(key.as_string()).c_str(),
                paint(shown(old_value), Colour::kRed).c_str(),
                paint(shown(new_value), Colour::kGreen).c_str());
  };
  for (const Member& member : before->members()) {
    const Value* other = after->find(member.key);
    if (other == nullptr || !identical(member.value, *other)) row(member.key, &member.value, other);
  }
  for (const Member& member : after->members())
    if (before->find(member.key) == nullptr) row(member.key, nullptr, &member.value);
}

void print_report(const Value& root) {
  const bool same = bool_of(root, "identical"), exact = text_of(root, "mode") == "exact";
  const std::string events = std::to_string(integer_of(root, "events"));
  if (exact) {
    std::printf("%s  %s",
                paint(same ? "identical" : "different", same ? Colour::kGreen : Colour::kRed).c_str(),
                text_of(root, "decision").c_str());
    if (same)
      std::printf("  %s events, byte for byte\n", events.c_str());
    else
      std::printf("  after %s events: %s\n", events.c_str(), text_of(root, "difference").c_str());
    return;
  }
  std::printf(
      "%s  %s\n",
      paint(same ? "same outcome" : "another outcome", same ? Colour::kGreen : Colour::kYellow).c_str(),
      text_of(root, "decision").c_str());
  for (const Value& step : items_of(root, "changed_steps"))
    print_change("step " + text_of(step, "step"), step.find("before"), step.find("after"));
  if (same) return;
  const std::string before = text_of(root, "status_before"), after = text_of(root, "status_after");
  if (before != after)
    std::printf("  %s: %s → %s\n", paint("status", Colour::kBold).c_str(), before.c_str(), after.c_str());
  const Value *old_output = root.find("output_before"), *new_output = root.find("output_after");
  if (old_output != nullptr && new_output != nullptr && !identical(*old_output, *new_output))
    print_change("output", old_output, new_output);
}

void print_summary(const Value& root, bool exact) {
  std::printf(
      "%lld replayed: %lld %s, %lld %s, %lld could not be replayed\n",
      static_cast<long long>(integer_of(root, "replayed")),
      static_cast<long long>(integer_of(root, "identical")), exact ? "identical" : "with the same outcome",
      static_cast<long long>(integer_of(root, "different")), exact ? "different" : "with another outcome",
      static_cast<long long>(integer_of(root, "failed")));
  for (const Value& example : items_of(root, "examples")) print_report(example);
  for (const Value& failure : items_of(root, "failures"))
    std::printf("%s  %s  %s\n", paint("not replayed", Colour::kRed).c_str(),
                text_of(failure, "decision").c_str(), text_of(failure, "message").c_str());
}

void append_text(std::string& body, const char* name, const std::string& value) {
  if (value.empty()) return;
  body += (body.back() == '{' ? "\"" : ",\"") + std::string(name) + "\":";
  append_json_string(value, body);
}

int replay(const ReplaySettings& settings) {
  const auto wrong = [](const char* message) {
    return report(make_error(ErrorKind::kInvalidArgument, "cli.bad_replay", message));
  };
  if (settings.all && settings.pipeline.empty())
    return wrong("--all needs --pipeline: whose decisions are to be replayed?");
  if (settings.all && !settings.id.empty()) return wrong("give a decision's id, or --all, not both");
  if (!settings.all && settings.id.empty()) return wrong("give a decision's id, or --all --pipeline NAME");
  if (!settings.all && (!settings.pipeline.empty() || !settings.since.empty() || !settings.until.empty() ||
                        settings.limit != 0))
    return wrong("--pipeline, --since, --until and --limit choose among many; add --all");
  std::string body = "{";
  append_text(body, "pipeline", settings.pipeline);
  append_text(body, "since", settings.since);
  append_text(body, "until", settings.until);
  if (settings.limit != 0) body += ",\"limit\":" + std::to_string(settings.limit);
  body += body == "{" ? "\"with\":[" : ",\"with\":[";
  for (const std::string& change : settings.with) {
    if (body.back() != '[') body += ',';
    append_json_string(change, body);
  }
  body += "]}";
  const bool exact = settings.with.empty();
  const std::string target =
      settings.all ? "/api/v1/replays" : "/api/v1/decisions/" + encode(settings.id) + "/replay";
  return with_answer(settings.connection, http::Method::kPost, target, body, [&](const Value& root) {
    if (settings.json)
      std::printf("%s\n", to_pretty_json(root).c_str());
    else if (settings.all)
      print_summary(root, exact);
    else
      print_report(root);
    const bool agrees = settings.all ? integer_of(root, "different") == 0 && integer_of(root, "failed") == 0
                                     : bool_of(root, "identical");
    return exact && !agrees ? kNegative : kDone;
  });
}

}  // namespace

void add_replay(CLI::App& app, int* code) {
  auto settings = std::make_shared<ReplaySettings>();
  CLI::App* command = app.add_subcommand(
      "replay", "Decide again from the record: exactly, or with another model or rule table");
  command->add_option("decision", settings->id, "The decision's id");
  command->add_flag("--all", settings->all, "All finished decisions of a pipeline");
  command->add_option("--pipeline", settings->pipeline, "With --all: the pipeline");
  command->add_option("--since", settings->since,
                      "With --all: started since 15m, 2h, 3d, or 2026-11-23T10:00:00Z");
  command->add_option("--until", settings->until, "With --all: started before");
  command->add_option("--limit", settings->limit, "With --all: at most so many")->check(CLI::PositiveNumber);
  command
      ->add_option("--with", settings->with,
                   "What shall be different: model=name@version or rules=name@version")
      ->allow_extra_args(false);
  command->add_flag("--json", settings->json, "The whole answer");
  add_connection_options(*command, settings->connection);
  command->callback([settings, code] { *code = replay(*settings); });
}

}  // namespace switchyard::server::cli
