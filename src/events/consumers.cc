#include "switchyard/events/consumers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "switchyard/document/reporter.h"
#include "switchyard/events/cloud_event.h"
#include "switchyard/events/limits.h"
#include "switchyard/types/json.h"

namespace switchyard::events {
namespace {

using document::Node;
using document::Reporter;

bool is_type_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
         c == '_' || c == '/' || c == ':';
}

bool is_version_text(std::string_view text) {
  int parts = 0;
  size_t at = 0;
  while (at <= text.size()) {
    const size_t end = std::min(text.find('.', at), text.size());
    if (end == at || end - at > 9 ||
        !std::all_of(text.begin() + static_cast<ptrdiff_t>(at), text.begin() + static_cast<ptrdiff_t>(end),
                     [](char c) { return c >= '0' && c <= '9'; }))
      return false;
    ++parts;
    at = end + 1;
  }
  return parts == 3;
}

/// Reads one document; reports everything that is wrong with it.
class DocumentReader {
 public:
  DocumentReader(const Node& root, const std::string& file) : root_(root), reporter_(file) {}

  /// "name@1.0.0" under `word`.
  void name(std::string_view word, const char* example, std::string& name, std::string& version) {
    const Node* node = find(word);
    const std::string text = node != nullptr && node->is(Node::Kind::kString) ? node->text : std::string();
    const size_t at = text.find('@');
    name = text.substr(0, at);
    version = at == std::string::npos ? std::string() : text.substr(at + 1);
    const bool good =
        !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), is_type_byte);
    if (!good || !is_version_text(version))
      error(word, "bad_name", "'" + text + "' is no name with a version",
            "write " + std::string(word) + ": " + example);
  }

  const Node* find(std::string_view key) {
    known_.emplace_back(key);
    return root_.find(key);
  }
  std::string text(std::string_view key, bool required, const char* mend) {
    const Node* node = find(key);
    if (node == nullptr) {
      if (required) error(key, "missing", "`" + std::string(key) + "` is missing", mend);
      return {};
    }
    if (node->is(Node::Kind::kString)) return node->text;
    error(key, "not_text", "`" + std::string(key) + "` must be text, and this is " + node->describe(), mend);
    return {};
  }
  int64_t integer(const Node& node, const std::string& path, int64_t least, int64_t most, int64_t otherwise) {
    if (node.is(Node::Kind::kInteger) && node.integer >= least && node.integer <= most) return node.integer;
    error(path, "bad_number",
          "`" + path + "` must be a whole number from " + std::to_string(least) + " to " +
              std::to_string(most) + ", and this is " + node.describe(),
          "write a number in that range");
    return otherwise;
  }
  /// "250ms", "5s", "10m", "4h", "1d".
  static std::optional<int64_t> duration(std::string_view text) {
    static constexpr std::array<std::pair<std::string_view, int64_t>, 5> kUnits{
        {{"ms", 1000}, {"s", 1'000'000}, {"m", 60'000'000}, {"h", 3'600'000'000}, {"d", 86'400'000'000}}};
    int64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc() || count <= 0 || count > 1'000'000) return std::nullopt;
    const std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
    for (const auto& [name, us] : kUnits)
      if (name == unit) return count * us;
    return std::nullopt;
  }

  void error(std::string_view path, std::string_view code, std::string message, std::string mend) {
    reporter_.error(document::position_of(root_, path), std::string(path), "events." + std::string(code),
                    std::move(message), std::move(mend));
  }
  void error_at(document::Position at, std::string path, std::string code, std::string message,
                std::string mend) {
    reporter_.error(at, std::move(path), std::move(code), std::move(message), std::move(mend));
  }
  void refuse_unknown(const Node& mapping, const std::string& path, const std::vector<std::string>& known) {
    for (const auto& entry : mapping.entries) {
      if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
      const std::string near = document::nearest(entry.key, known);
      reporter_.error(entry.position, document::child_path(path, entry.key), "events.unknown_field",
                      "nothing here is called '" + entry.key + "'",
                      near.empty() ? "remove it" : "did you mean '" + near + "'?");
    }
  }
  Diagnostics take() {
    refuse_unknown(root_, "", known_);
    return reporter_.take();
  }

 private:
  const Node& root_;
  Reporter reporter_;
  std::vector<std::string> known_;
};

/// Reads a webhook's document.
class WebhookReader {
 public:
  WebhookReader(const Node& root, const std::string& file, const EventTypes& types)
      : in_(root, file), types_(types), hook_(std::make_shared<Webhook>()) {
    Arena arena;
    hook_->sha256 = sha256(to_canonical_json(document::to_value(root, arena)));
  }

  WebhookOutcome read() {
    in_.name("webhook", "warehouse@1.0.0", hook_->name, hook_->version);
    hook_->description = in_.text("description", false, "write a sentence");
    read_events();
    read_when();
    read_url();
    read_mode();
    read_secret();
    read_headers();
    read_retry();
    if (const Node* node = in_.find("timeout"))
      hook_->timeout_us = duration(*node, "timeout", kMaxWebhookTimeoutUs, hook_->timeout_us);
    Diagnostics diagnostics = in_.take();
    return {has_errors(diagnostics) ? nullptr : hook_, std::move(diagnostics)};
  }

 private:
  void read_events() {
    const Node* node = in_.find("events");
    if (node == nullptr)
      return in_.error("events", "missing", "`events` is missing",
                       "say which it sends: events: [order.placed]");
    std::vector<const Node*> items;
    if (node->is(Node::Kind::kSequence))
      for (const Node& item : node->items) items.push_back(&item);
    else
      items.push_back(node);
    if (items.empty() || items.size() > kMaxPatterns)
      return in_.error("events", "bad_events",
                       "a webhook names 1 to " + std::to_string(kMaxPatterns) + " event types",
                       "write events: [order.placed, \"payment.*\"]");
    for (size_t i = 0; i < items.size(); ++i) {
      if (items[i]->is(Node::Kind::kString) && is_pattern(items[i]->text)) {
        hook_->patterns.push_back(items[i]->text);
        continue;
      }
      in_.error_at(items[i]->position,
                   node->is(Node::Kind::kSequence) ? document::child_path("events", i) : "events",
                   "events.bad_pattern", items[i]->describe() + " is no event type",
                   "write a type such as order.placed, all below one (\"order.*\"), or \"*\"");
    }
  }

  void read_when() {
    const Node* node = in_.find("when");
    if (node == nullptr) return;
    if (!node->is(Node::Kind::kString))
      return in_.error("when", "not_text", "`when` is an expression, and this is " + node->describe(),
                       "write when: event.data.total > 100.0");
    expression::Environment environment;
    environment.declare("event", type_of_events(hook_->patterns, types_, &hook_->reads));
    expression::CompileOptions options;
    options.expected = expression::Type::boolean();
    auto compiled = expression::compile(node->text, environment, options);
    for (const auto& mistake : compiled.mistakes)
      in_.error_at(document::position_in(*node, mistake.offset), "when", mistake.code, mistake.message,
                   mistake.mend.empty() ? "correct the expression" : mistake.mend);
    hook_->when = std::move(compiled.program);
  }

  void read_url() {
    hook_->url = in_.text("url", true, "write url: https://example.org/hooks/orders");
    const bool web = hook_->url.starts_with("https://") || hook_->url.starts_with("http://");
    const bool blank = hook_->url.find_first_of(" \t\r\n#") != std::string::npos;
    if (!hook_->url.empty() && (!web || blank || hook_->url.size() > 2000))
      in_.error("url", "bad_url", "'" + hook_->url.substr(0, 100) + "' is no http or https address",
                "write url: https://example.org/hooks/orders");
  }

  void read_mode() {
    const std::string mode = in_.text("mode", false, "write one of structured, binary and batch");
    if (mode == "binary")
      hook_->mode = Webhook::Mode::kBinary;
    else if (mode == "batch")
      hook_->mode = Webhook::Mode::kBatch;
    else if (!mode.empty() && mode != "structured")
      in_.error("mode", "bad_mode", "'" + mode + "' is no mode", "write one of structured, binary and batch");
    if (const Node* node = in_.find("batch")) {
      if (hook_->mode != Webhook::Mode::kBatch)
        return in_.error("batch", "bad_mode", "`batch` is for mode: batch only",
                         "add mode: batch, or remove it");
      hook_->batch = static_cast<uint32_t>(in_.integer(*node, "batch", 1, kMaxWebhookBatch, 100));
    }
  }

  void read_secret() {
    const Node* node = in_.find("secret");
    if (node == nullptr) return;
    const Node* variable = node->find("env");
    const Node* file = node->find("file");
    const Node* named = variable != nullptr ? variable : file;
    if (!node->is(Node::Kind::kMapping) || node->entries.size() != 1 || named == nullptr ||
        !named->is(Node::Kind::kString) || named->text.empty()) {
      return in_.error(
          "secret", "bad_secret",
          "`secret` says where the server finds the signing secret, never the secret itself",
          "write secret: { env: WAREHOUSE_SECRET }, or secret: { file: /run/secrets/warehouse }");
    }
    hook_->secret = {variable != nullptr ? Webhook::Secret::From::kEnvironment : Webhook::Secret::From::kFile,
                     named->text};
  }

  void read_headers() {
    const Node* node = in_.find("headers");
    if (node == nullptr) return;
    if (!node->is(Node::Kind::kMapping) || node->entries.size() > kMaxWebhookHeaders)
      return in_.error("headers", "bad_headers",
                       "`headers` maps at most " + std::to_string(kMaxWebhookHeaders) + " names to texts",
                       "write headers: { X-Shop: berlin }");
    for (const auto& entry : node->entries) {
      const std::string path = document::child_path("headers", entry.key);
      const bool name = std::all_of(entry.key.begin(), entry.key.end(), [](char c) {
        return c == '-' || c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0;
      });
      std::string small = entry.key;
      std::transform(small.begin(), small.end(), small.begin(),
                     [](unsigned char c) { return std::tolower(c); });
      const bool ours = small.starts_with("ce-") || small.starts_with("webhook-") ||
                        small == "content-type" || small == "content-length" || small == "host";
      const bool clean =
          entry.value.is(Node::Kind::kString) && entry.value.text.find_first_of("\r\n") == std::string::npos;
      if (!name || entry.key.empty() || ours || !clean)
        in_.error_at(entry.position, path, "events.bad_header",
                     ours ? "the header '" + entry.key + "' is written by the server"
                          : "'" + entry.key + "' is no header with a text",
                     ours ? "remove it" : "write X-Shop: berlin");
      else
        hook_->headers.emplace_back(entry.key, entry.value.text);
    }
  }

  void read_retry() {
    const Node* node = in_.find("retry");
    if (node == nullptr) return;
    if (!node->is(Node::Kind::kMapping))
      return in_.error("retry", "bad_retry", "`retry` must be a mapping, and this is " + node->describe(),
                       "write retry: { attempts: 12, backoff: 5s..10h }");
    in_.refuse_unknown(*node, "retry", {"attempts", "backoff"});
    if (const Node* attempts = node->find("attempts"))
      hook_->attempts =
          static_cast<uint16_t>(in_.integer(*attempts, "retry.attempts", 1, kMaxWebhookAttempts, 12));
    const Node* backoff = node->find("backoff");
    if (backoff == nullptr) return;
    const size_t dots = backoff->text.find("..");
    const auto first = DocumentReader::duration(std::string_view(backoff->text).substr(0, dots));
    const auto most = dots == std::string::npos
                          ? first
                          : DocumentReader::duration(std::string_view(backoff->text).substr(dots + 2));
    if (!first.has_value() || !most.has_value() || *most < *first)
      return in_.error("retry.backoff", "bad_duration", "'" + backoff->text + "' is no span of pauses",
                       "write backoff: 5s..10h");
    hook_->backoff_first_us = *first;
    hook_->backoff_max_us = *most;
  }

  int64_t duration(const Node& node, const std::string& path, int64_t most, int64_t otherwise) {
    const auto us = DocumentReader::duration(node.text);
    if (us.has_value() && *us <= most) return *us;
    in_.error(path, "bad_duration",
              "`" + path + "` must be a duration of at most " + std::to_string(most / 1'000'000) +
                  " s, and this is " + node.describe(),
              "write a whole number with a unit: 500ms, 15s");
    return otherwise;
  }

  DocumentReader in_;
  const EventTypes& types_;
  std::shared_ptr<Webhook> hook_;  // shared with deliveries in flight
};

}  // namespace

bool matches(std::string_view pattern, std::string_view type) {
  if (pattern == "*") return true;
  if (pattern.ends_with(".*")) return type.starts_with(pattern.substr(0, pattern.size() - 1));
  return pattern == type;
}

bool matches_any(const std::vector<std::string>& patterns, std::string_view type) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return matches(pattern, type); });
}

bool is_exact(std::string_view pattern) { return !pattern.empty() && pattern.back() != '*'; }

bool is_pattern(std::string_view text) {
  if (text.empty() || text.size() > kMaxAttributeBytes) return false;
  if (text == "*") return true;
  if (text.ends_with(".*")) text.remove_suffix(2);
  return !text.empty() && std::all_of(text.begin(), text.end(), is_type_byte);
}

bool Webhook::wants(const Value& event) const {
  if (!matches_any(patterns, attribute(event, "type"))) return false;
  if (!when.has_value()) return true;
  Arena arena;
  const auto wanted = when->evaluate(std::span(&event, 1), arena);
  return wanted.ok() && wanted->is(Kind::kBool) && wanted->as_bool();
}

int64_t Webhook::pause_us(uint16_t attempt, double spread) const {
  const double factor = std::pow(2.0, std::min<int>(attempt - 1, 40));
  const double pause =
      std::min(static_cast<double>(backoff_first_us) * factor, static_cast<double>(backoff_max_us));
  return static_cast<int64_t>(pause * (0.8 + 0.4 * spread));
}

EventTypeOutcome compile_event_type(const document::Node& root, const std::string& file) {
  DocumentReader in(root, file);
  auto type = std::make_shared<EventType>();
  in.name("event", "order.placed@1.0.0", type->name, type->version);
  type->description = in.text("description", false, "write a sentence");
  const std::string compatibility = in.text("compatibility", false, "write backward or none");
  if (!compatibility.empty() && compatibility != "backward" && compatibility != "none")
    in.error("compatibility", "bad_compatibility", "'" + compatibility + "' is no rule of compatibility",
             "write backward (the default: what was published before stays valid) or none");
  type->any_change = compatibility == "none";
  Arena arena;
  if (const Node* node = in.find("schema"); node == nullptr) {
    in.error("schema", "missing", "`schema` is missing", "write the JSON Schema of the event's data");
  } else {
    auto compiled = schema::Schema::compile(document::to_value(*node, arena));
    for (const auto& found : compiled.diagnostics)
      if (found.severity == Diagnostic::Severity::kError)
        in.error_at(document::position_of_pointer(*node, found.path), "schema", found.code, found.message,
                    found.mend.empty() ? "correct the schema" : found.mend);
    type->schema = compiled.schema;
  }
  type->sha256 = sha256(to_canonical_json(document::to_value(root, arena)));
  Diagnostics diagnostics = in.take();
  return {has_errors(diagnostics) ? nullptr : type, std::move(diagnostics)};
}

Status check_data(const Value& event, const EventType& type, const std::string& pointer) {
  const Value* data = event.find("data");
  const auto violations = type.schema->validate(data == nullptr ? Value() : *data);
  if (violations.empty()) return {};
  return make_error(
      ErrorKind::kInvalidArgument, "event.bad_data",
      "the data do not fit " + type.name + "@" + type.version + ": " + violations.front().message +
          (violations.size() > 1 ? " (and " + std::to_string(violations.size() - 1) + " more)" : ""),
      pointer + "/data" + violations.front().pointer);
}

WebhookOutcome compile_webhook(const document::Node& root, const std::string& file, const EventTypes& types) {
  return WebhookReader(root, file, types).read();
}

expression::Type type_of_events(const std::vector<std::string>& patterns, const EventTypes& types,
                                std::vector<std::string>* read) {
  if (patterns.size() == 1 && is_exact(patterns[0]) && types) {
    if (const auto type = types(patterns[0])) {
      if (read != nullptr) read->push_back(type->name);
      return type_of_event(type->data_type);
    }
  }
  return type_of_event(expression::Type::dyn());
}

}  // namespace switchyard::events
