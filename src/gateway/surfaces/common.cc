#include "surfaces/common.h"

#include <algorithm>
#include <charconv>
#include <ctime>

namespace switchyard::gateway::surfaces {
namespace {

Error missing(std::string_view name) {
  return make_error(ErrorKind::kInvalidArgument, "request.missing",
                    "the member '" + std::string(name) + "' is missing", std::string(name));
}
Error bad_type(std::string_view name, std::string_view wanted, const Value& got) {
  return make_error(ErrorKind::kInvalidArgument, "request.bad_type",
                    "'" + std::string(name) + "' must be " + std::string(wanted) + ", and is " +
                        std::string(kind_name(got.kind())),
                    std::string(name));
}

std::optional<int64_t> duration_us(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0 || number > 1'000'000'000) return std::nullopt;
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  if (unit.empty() || unit == "s") return number * 1'000'000;
  if (unit == "ms") return number * 1'000;
  if (unit == "m") return number * 60'000'000;
  if (unit == "h") return number * 3'600'000'000;
  if (unit == "d") return number * 86'400'000'000;
  return std::nullopt;
}

}  // namespace

Result<std::string> text_member(const Value& object, std::string_view name) {
  const Value* value = object.find(name);
  if (value == nullptr) return missing(name);
  if (!value->is(Kind::kString)) return bad_type(name, "a text", *value);
  return std::string(value->as_string());
}

Result<std::string> optional_text(const Value& object, std::string_view name) {
  const Value* value = object.find(name);
  if (value == nullptr || value->is_null()) return std::string();
  return text_member(object, name);
}

Result<bool> optional_bool(const Value& object, std::string_view name, bool otherwise) {
  const Value* value = object.find(name);
  if (value == nullptr || value->is_null()) return otherwise;
  if (!value->is(Kind::kBool)) return bad_type(name, "true or false", *value);
  return value->as_bool();
}

Result<int64_t> optional_integer(const Value& object, std::string_view name, int64_t otherwise) {
  const Value* value = object.find(name);
  if (value == nullptr || value->is_null()) return otherwise;
  if (!value->is(Kind::kInteger)) return bad_type(name, "a whole number", *value);
  return value->as_integer();
}

Status only_members(const Value& object, std::initializer_list<std::string_view> known) {
  for (const Member& member : object.members()) {
    const std::string_view name = member.key.as_string();
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    std::string names;
    for (const auto& each : known) names += (names.empty() ? "" : ", ") + std::string(each);
    return make_error(ErrorKind::kInvalidArgument, "request.unknown_member",
                      "'" + std::string(name) + "' is not known here; the members are " + names,
                      std::string(name));
  }
  return {};
}

Result<Value> object_body(const Call& call, Arena& arena, const JsonLimits& limits) {
  const auto parsed = parse_json(call.request.body(), arena, limits);
  if (!parsed.ok()) {
    // Told as all operations tell it: the same text fails there as well.
    const auto told = call.json_body(limits);
    return told.ok() ? parsed.error() : told.error();
  }
  if (parsed->is(Kind::kMap)) return *parsed;
  return make_error(ErrorKind::kInvalidArgument, "request.not_an_object", "the body must be a JSON object");
}

std::pair<std::string, std::string> split_reference(const std::string& reference) {
  const size_t at = reference.rfind('@');
  if (at == std::string::npos) return {reference, {}};
  return {reference.substr(0, at), reference.substr(at + 1)};
}

Result<Document> object_body(const Call& call) {
  if (call.request.body().empty()) {
    auto arena = std::make_shared<Arena>(64);
    MapBuilder empty(*arena);
    const Value value = empty.build();
    return Document(std::move(arena), value);
  }
  SY_ASSIGN_OR_RETURN(Document document, call.json_body({.max_bytes = kMaxRequestBytes}));
  if (!document->is(Kind::kMap))
    return make_error(ErrorKind::kInvalidArgument, "request.not_an_object", "the body must be a JSON object");
  return document;
}

Result<int64_t> query_integer(const http::Request& request, std::string_view name, int64_t otherwise,
                              int64_t least, int64_t most) {
  const auto text = request.query_value(name);
  if (!text.has_value()) return otherwise;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size() || number < least || number > most) {
    return make_error(ErrorKind::kInvalidArgument, "request.bad_parameter",
                      "'" + std::string(name) + "' must be a whole number from " + std::to_string(least) +
                          " to " + std::to_string(most),
                      std::string(name));
  }
  return number;
}

Status only_parameters(const http::Request& request, std::initializer_list<std::string_view> known) {
  const auto is_known = [&](std::string_view name) {
    return std::any_of(known.begin(), known.end(), [&](std::string_view each) {
      const size_t rest = each.find('<');
      return rest == std::string_view::npos ? name == each : name.starts_with(each.substr(0, rest));
    });
  };
  for (const auto& parameter : request.query()) {
    if (is_known(parameter.name)) continue;
    std::string all;
    for (const std::string_view each : known) all += (all.empty() ? "" : ", ") + std::string(each);
    return make_error(ErrorKind::kInvalidArgument, "request.unknown_parameter",
                      "'" + parameter.name + "' is no filter; use " + all, parameter.name);
  }
  return {};
}

Error bad_cursor() {
  return make_error(ErrorKind::kInvalidArgument, "request.bad_cursor",
                    "'cursor' must be the next_cursor of an earlier page", "cursor");
}

Result<int64_t> query_time(const http::Request& request, std::string_view name, int64_t now_us) {
  const auto text = request.query_value(name);
  if (!text.has_value()) return 0;
  if (const auto back = duration_us(*text);
      back.has_value() && !std::isdigit(static_cast<unsigned char>(text->back())))
    return now_us - *back;
  std::tm tm{};
  const std::string copy(*text);
  const char* end = strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &tm);
  if (end != nullptr) {
    int64_t us = static_cast<int64_t>(timegm(&tm)) * 1'000'000;
    if (*end == '.') {
      int64_t scale = 100'000;
      for (++end; std::isdigit(static_cast<unsigned char>(*end)); ++end, scale /= 10)
        us += (*end - '0') * scale;
    }
    if (std::string_view(end) == "Z") return us;
  }
  return make_error(ErrorKind::kInvalidArgument, "request.bad_parameter",
                    "'" + std::string(name) +
                        "' must be a time like 2026-11-23T10:00:00Z, or a time span back from now like 15m",
                    std::string(name));
}

Result<int64_t> parse_wait(std::string_view text, std::string_view field) {
  if (const auto us = duration_us(text)) return *us;
  return make_error(ErrorKind::kInvalidArgument, "request.bad_wait",
                    "'" + std::string(text.substr(0, 40)) + "' is no time to wait; write 500ms, 5s or 2m",
                    std::string(field));
}

Result<RunId> path_id(const http::Request& request) {
  auto id = RunId::parse(request.path_parameter("id"));
  if (!id.ok()) {
    Error error = std::move(id).error();
    error.field = "id";
    return error;
  }
  return id;
}

std::string time_text(int64_t us) {
  const std::time_t seconds = us / 1'000'000;
  std::tm tm{};
  gmtime_r(&seconds, &tm);
  char text[40];
  const size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
  char fraction[12];
  std::snprintf(fraction, sizeof fraction, ".%06dZ", static_cast<int>(us % 1'000'000));
  return std::string(text, size) + fraction;
}

void append_error(const workflow::RunError& error, std::string& out) {
  JsonObject object(out);
  object.text("code", error.code).text("kind", error_kind_name(error.kind)).text("message", error.message);
  if (!error.field.empty()) object.text("field", error.field);
  object.close();
}

void append_diagnostics(const Diagnostics& diagnostics, std::string& out) {
  out += '[';
  for (const Diagnostic& diagnostic : diagnostics) {
    if (out.back() != '[') out += ',';
    JsonObject object(out);
    object.text("severity", diagnostic.severity == Diagnostic::Severity::kError ? "error" : "warning")
        .text("code", diagnostic.code);
    if (!diagnostic.file.empty()) object.text("file", diagnostic.file);
    if (diagnostic.line != 0) object.number("line", diagnostic.line).number("column", diagnostic.column);
    if (!diagnostic.path.empty()) object.text("path", diagnostic.path);
    object.text("message", diagnostic.message);
    if (!diagnostic.mend.empty()) object.text("mend", diagnostic.mend);
    object.close();
  }
  out += ']';
}

void append_decision(const partition::RunView& view, std::string& out) {
  const auto& run = view.summary;
  JsonObject object(out);
  const std::string id = run.id.to_string();
  object.text("id", id)
      .text("pipeline", run.pipeline)
      .text("version", run.version)
      .text("status", workflow::run_status_name(run.status));
  object.time("started_at", run.started_us).time("ended_at", run.ended_us);
  if (run.ended_us != 0)
    object.real("duration_ms", static_cast<double>(run.ended_us - run.started_us) / 1000);
  if (!run.key.empty()) object.text("key", run.key);
  if (!run.tenant.empty()) object.text("tenant", run.tenant);
  if (run.priority != kDefaultPriority) object.number("priority", run.priority);
  if (run.group.has_value()) {
    JsonObject concurrency(object.raw("concurrency"));
    concurrency.text("key", *run.group).close();
  }
  if (run.search.root().is(Kind::kMap)) object.value("search", run.search.root());
  object.real("cost", run.cost);
  if (view.has_output) object.value("output", view.output.root());
  if (view.compaction.has_value()) {
    JsonObject compacted(object.raw("compacted"));
    compacted.time("at", view.compaction->at_us)
        .text("policy", view.compaction->policy)
        .text("class", view.compaction->retention_class)
        .close();
  }
  if (run.status == workflow::RunStatus::kFailed || run.status == workflow::RunStatus::kCancelled)
    append_error(run.error, object.raw("error"));
  object.text("href", "/api/v1/decisions/" + id);
  object.close();
}

void append_review(const review::Item& item, int64_t now_us, bool whole, std::string& out) {
  JsonObject object(out);
  object.text("id", item.id.to_string())
      .text("decision", item.run.to_string())
      .text("pipeline", item.pipeline)
      .text("step", item.step_name);
  const bool lapsed = item.status == review::ItemStatus::kClaimed && !item.claimed_at(now_us);
  object.text("queue", item.queue).text("status", lapsed ? "open" : review::item_status_name(item.status));
  if (!item.title.empty()) object.text("title", item.title);
  object.number("priority", item.priority).time("created_at", item.created_us).time("due_at", item.due_us);
  if (item.claimed_at(now_us))
    object.text("claimed_by", item.claimed_by).time("claimed_until", item.claim_until_us);
  if (!item.assigned_to.empty()) object.text("assigned_to", item.assigned_to);
  object.number("escalations", item.escalations)
      .number("comments", static_cast<int64_t>(item.comments.size()));
  if (item.ended_us != 0) object.time("ended_at", item.ended_us).text("ended_why", item.ended_why);
  if (!item.ended_by.empty()) object.text("ended_by", item.ended_by);
  if (whole) {
    object.raw("form") += item.form.empty() ? "true" : item.form;
    object.value("show", item.show.root());
    std::string& comments = object.raw("comment_list");
    comments += '[';
    for (const auto& comment : item.comments) {
      if (comments.back() != '[') comments += ',';
      JsonObject(comments)
          .text("who", comment.who)
          .text("text", comment.text)
          .time("at", comment.at_us)
          .close();
    }
    comments += ']';
    if (item.status == review::ItemStatus::kAnswered) object.value("answer", item.answer.root());
  }
  object.close();
}

Status fill_output(const partition::Engine& engine, partition::RunView& view) {
  if (view.has_output || view.summary.status != workflow::RunStatus::kCompleted ||
      view.summary.offsets.empty())
    return {};
  SY_ASSIGN_OR_RETURN(const auto events, engine.read_events(view.summary.id, {view.summary.offsets.back()}));
  const auto* completed = std::get_if<RunCompleted>(&events.back().event.body);
  SY_CHECK(completed != nullptr);
  view.output = make_document(completed->output);
  view.has_output = true;
  return {};
}

void on_pool(const Services& services, Call&& call, std::function<void(Call&)> work) {
  auto shared = std::make_shared<Call>(std::move(call));
  if (services.pool->submit([shared, work = std::move(work)] { work(*shared); })) return;
  shared->fail(make_error(ErrorKind::kUnavailable, "gateway.pool_full",
                          "too many slow requests wait; try again shortly"));
}

}  // namespace switchyard::gateway::surfaces
