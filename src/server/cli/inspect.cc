#include "cli/inspect.h"

#include <algorithm>
#include <cstdio>
#include <string>

#include "cli/print.h"
#include "switchyard/types/json.h"

namespace switchyard::server::cli {
namespace {

constexpr size_t kValueWidth = 100;
constexpr size_t kShortHash = 12;

/// Whether something was shortened, so that the reader is told where the whole is.
bool cut = false;

std::string value_text(const Value& value, size_t width = kValueWidth) {
  const std::string json = to_json(value);
  const std::string shown = shorten(plain(json), width);
  cut = cut || shown.size() < json.size();
  return shown;
}

std::string short_hash(const std::string& hash) { return hash.substr(0, kShortHash); }

void line(size_t indent, std::string_view label, size_t label_width, const std::string& text) {
  const size_t pad = label_width > width_of(label) ? label_width - width_of(label) : 0;
  std::printf("%*s%s%*s  %s\n", static_cast<int>(indent), "", paint(label, Colour::kDim).c_str(),
              static_cast<int>(pad), "", text.c_str());
}

/// The members of an object one below the other, names aligned; anything else on one line.
void block(size_t indent, std::string_view label, size_t label_width, const Value& value) {
  if (!value.is(Kind::kMap) || value.members().empty())
    return line(indent, label, label_width, value_text(value));
  size_t widest = 0;
  for (const Member& member : value.members())
    widest = std::max(widest, width_of(plain(member.key.as_string())));
  bool first = true;
  for (const Member& member : value.members()) {
    const std::string name = plain(member.key.as_string());
    line(indent, first ? label : std::string_view(), label_width,
         name + std::string(widest - width_of(name) + 2, ' ') + value_text(member.value));
    first = false;
  }
}

void print_head(const Value& record) {
  const std::string status = text_of(record, "status");
  std::printf("%s  %s\n", paint("Decision " + text_of(record, "id"), Colour::kBold).c_str(),
              paint(status, colour_of_status(status)).c_str());
  constexpr size_t kWidth = 11;
  line(2, "pipeline", kWidth,
       text_of(record, "pipeline") + "@" + text_of(record, "version") + "  " +
           short_hash(text_of(record, "pipeline_hash")));
  std::string when = when_text(text_of(record, "started_at")) + " UTC";
  const bool ended = record.find("duration_us") != nullptr;
  if (ended) when += ", took " + duration_text(integer_of(record, "duration_us"));
  line(2, "started", kWidth, when);
  if (const double cost = real_of(record, "cost"); cost != 0) line(2, "cost", kWidth, number_text(cost));
  line(2, "asked by", kWidth, text_of(record, "principal"));
  for (const char* name : {"key", "idempotency_key", "trace"})
    if (const std::string text = text_of(record, name); !text.empty())
      line(2, name == std::string_view("idempotency_key") ? "idempotency" : name, kWidth, text);
  if (const Value* error = record.find("error"))
    line(2, "error", kWidth,
         paint(text_of(*error, "message"), Colour::kRed) + " [" + text_of(*error, "code") + "]");
  if (const Value* input = record.find("input")) block(2, "input", kWidth, *input);
}

void print_pins(const Value& record) {
  std::printf("\n%s\n", paint("Pinned to", Colour::kBold).c_str());
  Table table({"  kind", "name", "version", "sha256"});
  table.add({"  governance", "offset " + std::to_string(integer_of(record, "governance_offset")), "", ""});
  for (const Value& pin : items_of(record, "pins"))
    table.add({"  " + text_of(pin, "kind"), text_of(pin, "name"), text_of(pin, "version"),
               short_hash(text_of(pin, "sha256"))});
  if (const Value* seed = record.find("seed")) table.add({"  seed", to_json(*seed), "", ""});
  table.print();
}

/// What the far side told of itself: a model's version and batch, an HTTP status.
std::string by_text(const Value& by) {
  std::string text = text_of(by, "model");
  if (!text.empty()) {
    if (const std::string hash = text_of(by, "sha256"); !hash.empty())
      text += " (weights " + short_hash(hash) + ")";
    if (const std::string runtime = text_of(by, "runtime"); !runtime.empty()) text += ", " + runtime;
    if (const Value* hit = by.at_pointer("/routing/cache/hit"); hit != nullptr && hit->as_bool())
      return text + ", from the cache, where decision " +
             text_of(*by.at_pointer("/routing/cache"), "decision") + " had put it";
    text += ", batch of " + std::to_string(integer_of(by, "batch")) + ", place " +
            std::to_string(integer_of(by, "position"));
    text += ", queued " + duration_text(integer_of(by, "queue_us")) + ", ran " +
            duration_text(integer_of(by, "run_us"));
    if (const double cost = real_of(by, "cost"); cost != 0) text += ", cost " + number_text(cost);
    return text;
  }
  if (by.find("status") == nullptr && by.find("run_us") == nullptr) return value_text(by);
  if (by.find("status") != nullptr) text = "status " + std::to_string(integer_of(by, "status")) + ", ";
  return text + "took " + duration_text(integer_of(by, "run_us"));
}

/// "topic@1.0.0: small failed [models.unavailable] after 3 ms, big (fallback) answered after 20 ms"
std::string routing_text(const Value& routing) {
  std::string text = text_of(routing, "route");
  std::string_view before = ": ";
  for (const Value& attempt : items_of(routing, "attempts")) {
    const std::string why = text_of(attempt, "why"), error = text_of(attempt, "error");
    text.append(before) += text_of(attempt, "candidate");
    if (why != "first") text += " (" + why + ")";
    text += " " + text_of(attempt, "outcome") + (error.empty() ? "" : " [" + error + "]") + " after " +
            duration_text(integer_of(attempt, "took_us"));
    before = ", ";
  }
  const std::string error = text_of(routing, "error");
  return items_of(routing, "attempts").empty() && !error.empty() ? text + ": [" + error + "]" : text;
}

/// How a model step's calls were routed, in their order; `of`: whose they are.
void print_routing(const Value& meta, size_t width, const std::string& of = {}) {
  for (const Value& earlier : items_of(meta, "earlier_calls")) print_routing(earlier, width, of);
  if (const Value* routing = meta.find("routing")) line(6, "routed", width, of + routing_text(*routing));
  const Value* members = meta.find("members");
  if (members == nullptr || !members->is(Kind::kMap)) return;
  for (const Member& member : members->members())
    print_routing(member.value, width, plain(member.key.as_string()) + " by ");
}

/// One event of a review in words; `asked_us` is when the question was put.
std::string review_text(const Value& event, int64_t asked_us) {
  const std::string type = text_of(event, "type"), who = text_of(event, "who");
  const int64_t at_us = time_us(raw_text_of(event, "time"));
  const std::string after = asked_us == 0 ? std::string() : " after " + duration_text(at_us - asked_us);
  const auto reason = [&] {
    const std::string why = text_of(event, "why");
    return why.empty() ? std::string() : ": " + why;
  };
  if (type == "review_requested") {
    const std::string title = text_of(event, "title"), due = text_of(event, "due_at");
    return "asked queue " + text_of(event, "queue") + (title.empty() ? "" : ": " + title) +
           (due.empty() ? "" : ", due " + when_text(due)) + "  (review " + text_of(event, "review") + ")";
  }
  if (type == "review_claimed") return "claimed by " + who + after;
  if (type == "review_released") return "released by " + who + after;
  if (type == "review_commented") return who + " wrote: " + text_of(event, "text");
  if (type == "review_answered") {
    const int64_t claimed_us = time_us(raw_text_of(event, "claimed_at"));
    const std::string held =
        claimed_us == 0 ? "" : ", " + duration_text(at_us - claimed_us) + " after claiming";
    const Value* answer = event.find("answer");
    return "answered by " + who + after + held + (answer == nullptr ? "" : ": " + value_text(*answer));
  }
  if (type == "review_escalated")
    return "escalated to " + text_of(event, "queue") + (who.empty() ? ", because it was due" : " by " + who) +
           after + reason();
  if (type == "review_reassigned") {
    const std::string to = text_of(event, "to");
    return (to.empty() ? "given back to everybody" : "reassigned to " + to) +
           (who.empty() ? "" : " by " + who) + after;
  }
  if (type == "review_closed") return "closed" + after + reason();
  return type + after;
}

void print_reviews(const Value& step, size_t width) {
  int64_t asked_us = 0;
  bool first = true;
  for (const Value& event : items_of(step, "review")) {
    if (text_of(event, "type") == "review_requested") asked_us = time_us(raw_text_of(event, "time"));
    line(6, first ? "review" : "", width, review_text(event, asked_us));
    first = false;
  }
}

void print_step(const Value& step, size_t number, size_t name_width, size_t kind_width) {
  const std::string name = text_of(step, "name"), kind = text_of(step, "kind"),
                    status = text_of(step, "status");
  std::string head = std::string(name_width - width_of(name) + 2, ' ') + kind +
                     std::string(kind_width - width_of(kind) + 2, ' ');
  std::string took = step.find("duration_us") == nullptr
                         ? std::string()
                         : "  " + duration_text(integer_of(step, "duration_us"));
  std::printf("%4zu  %s%s%s%s\n", number, paint(name, Colour::kBold).c_str(), head.c_str(),
              paint(status, colour_of_status(status)).c_str(), took.c_str());
  constexpr size_t kWidth = 8;
  const Value* read = step.find("read");
  if (read != nullptr && read->is(Kind::kMap) && !read->members().empty() && !status.starts_with("pending"))
    block(6, "read", kWidth, *read);
  if (const Value* gave = step.find("gave")) block(6, "gave", kWidth, *gave);
  if (const Value* by = step.find("by")) {
    line(6, "by", kWidth, by_text(*by));
    print_routing(*by, kWidth);
  }
  if (status == "waiting" && step.find("waiting_until") != nullptr)
    line(6, "until", kWidth, when_text(text_of(step, "waiting_until")) + " UTC");
  if (const int64_t attempts = integer_of(step, "attempts"); attempts > 1)
    line(6, "attempts", kWidth, std::to_string(attempts));
  for (const Value& failed : items_of(step, "errors")) {
    const Value* error = failed.find("error");
    if (error == nullptr) continue;
    const std::string retried = failed.find("retry_at") != nullptr ? ", tried again" : "";
    line(6, "error", kWidth,
         paint(shorten(text_of(*error, "message"), 160), Colour::kRed) + " [" + text_of(*error, "code") +
             "] in attempt " + std::to_string(integer_of(failed, "attempt")) + retried);
    if (const Value* meta = failed.find("meta")) print_routing(*meta, kWidth);
  }
  print_reviews(step, kWidth);
}

}  // namespace

void print_record(const Value& record) {
  cut = false;
  print_head(record);
  print_pins(record);
  const auto steps = items_of(record, "steps");
  std::printf("\n%s\n", paint("Steps", Colour::kBold).c_str());
  size_t name_width = 0, kind_width = 0, number = 0;
  for (const Value& step : steps) {
    name_width = std::max(name_width, width_of(text_of(step, "name")));
    kind_width = std::max(kind_width, width_of(text_of(step, "kind")));
  }
  for (const Value& step : steps) print_step(step, ++number, name_width, kind_width);
  if (const Value* output = record.find("output")) {
    std::printf("\n%s  %s\n", paint("Output", Colour::kBold).c_str(),
                paint("sha256 " + short_hash(text_of(record, "output_sha256")), Colour::kDim).c_str());
    if (output->is(Kind::kMap)) {
      size_t widest = 0;
      for (const Member& member : output->members())
        widest = std::max(widest, width_of(plain(member.key.as_string())));
      for (const Member& member : output->members())
        line(2, plain(member.key.as_string()), widest, value_text(member.value));
    } else {
      std::printf("  %s\n", value_text(*output).c_str());
    }
  }
  if (cut)
    std::printf("\n%s\n", paint("Long values are shortened; --json shows everything.", Colour::kDim).c_str());
}

}  // namespace switchyard::server::cli
