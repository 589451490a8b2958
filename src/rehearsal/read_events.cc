#include "read_events.h"

#include "entries.h"
#include "fit.h"
#include "limits.h"
#include "switchyard/events/cloud_event.h"

namespace switchyard::rehearsal {
namespace {

using document::Node;

Document as_document(const Node& node) {
  auto arena = std::make_shared<Arena>(256);
  const Value value = document::to_value(node, *arena);
  return Document(std::move(arena), value);
}

/// "/data/total" below `path`.
std::string below(const std::string& path, const std::string& pointer) {
  std::string where = path;
  for (const char c : pointer) where += c == '/' ? '.' : c;
  return where;
}

}  // namespace

bool EventReader::is_list(const Node& node, const std::string& path, const std::string& name,
                          const std::string& example) {
  if (!node.is(Node::Kind::kSequence)) {
    reporter_.error(node.position, path, "test.wrong_type",
                    "`" + name + "` is a list, not " + node.describe(), "write " + name + ": " + example);
    return false;
  }
  if (node.items.size() <= kMaxCaseEvents) return true;
  reporter_.error(node.position, path, "test.too_many",
                  "`" + name + "` has " + std::to_string(node.items.size()) + " entries",
                  "keep at most " + std::to_string(kMaxCaseEvents));
  return false;
}

void EventReader::events(const Node& node, const std::string& path, std::vector<GivenEvent>& events) {
  if (!is_list(node, path, "events", "[ { after: 1h, type: order.placed, data: { total: 5 } } ]")) return;
  for (size_t i = 0; i < node.items.size(); ++i) {
    GivenEvent given;
    given.event = event(node.items[i], document::child_path(path, i), i + 1, &given.after_us);
    if (given.event.root().is(Kind::kMap)) events.push_back(std::move(given));
  }
}

/// In the JSON format of CloudEvents, which then is read as the server reads it.
Document EventReader::event(const Node& node, const std::string& path, size_t number, int64_t* after_us) {
  Entries entries(node, path, "an event", reporter_);
  *after_us = entries.duration("after").value_or(0);
  Arena arena;
  MapBuilder json(arena);
  const auto add = [&](const char* name, std::optional<std::string> given, const std::string& otherwise) {
    if (!given.has_value() && otherwise.empty()) return;
    json.add(name, Value::string(arena.copy(given.value_or(otherwise))));
  };
  json.add("specversion", Value::string("1.0"));
  const auto type = entries.text("type");
  if (!type.has_value() && entries.is_mapping() && node.find("type") == nullptr)
    entries.error(node, "type", "test.no_type", "the event does not say its type", "add type: order.placed");
  add("type", type, {});
  add("id", entries.text("id"), std::to_string(number));
  add("source", entries.text("source"), "/test");
  add("subject", entries.text("subject"), {});
  add("time", entries.text("time"), {});
  const Node* data = entries.find("data");
  if (const Node* extensions = entries.find("extensions")) {
    const Value more = document::to_value(*extensions, arena);
    if (more.is(Kind::kMap)) {
      for (const Member& member : more.members()) json.add(member.key, member.value);
    } else {
      entries.error(*extensions, "extensions", "test.wrong_type",
                    "`extensions` is a mapping, not " + extensions->describe(),
                    "write extensions: { partitionkey: berlin }");
    }
  }
  if (data != nullptr) json.add("data", document::to_value(*data, arena));
  entries.finish();
  if (!entries.is_mapping() || !type.has_value()) return {};
  std::vector<Error> mistakes;
  auto event = events::read_json(json.build(), "", mistakes);
  for (const Error& mistake : mistakes)
    reporter_.error(node.position, below(path, mistake.field), "test.bad_event", mistake.message,
                    "correct the attribute");
  if (!event.has_value()) return {};
  check_data(data != nullptr ? *data : node, path, event->root());
  return *event;
}

/// What a server refuses when it is published is a mistake of the file.
void EventReader::check_data(const Node& node, const std::string& path, const Value& event) {
  const auto type = catalog_.event_type(events::attribute(event, "type"));
  if (type == nullptr) return;
  const Status fits = events::check_data(event, *type, {});
  if (!fits.ok())
    reporter_.error(node.position, below(path, fits.error().field), "test.bad_event", fits.error().message,
                    "correct the data, or the type's schema");
}

void EventReader::downtimes(const Node& node, const std::string& path, std::vector<Downtime>& downtimes) {
  if (!is_list(node, path, "down", "[ { after: 1h, for: 3h } ]")) return;
  for (size_t i = 0; i < node.items.size(); ++i) {
    Entries entries(node.items[i], document::child_path(path, i), "an item of `down`", reporter_);
    Downtime down;
    down.after_us = entries.duration("after").value_or(0);
    down.for_us = entries.duration("for").value_or(0);
    entries.finish();
    if (!entries.is_mapping()) continue;
    if (down.for_us == 0 && node.items[i].find("for") == nullptr)
      entries.error(node.items[i], "for", "test.no_duration", "it is not said for how long", "add for: 3h");
    downtimes.push_back(down);
  }
}

Document EventReader::keeps(const Node& node, const std::string& path) {
  if (pipeline_ == nullptr) return {};
  if (!pipeline_->state.has_value()) {
    reporter_.error(node.position, path, "test.no_state", "pipeline " + pipeline_->name + " keeps no state",
                    "remove the entry, or give the pipeline a `state`");
    return {};
  }
  auto arena = std::make_shared<Arena>(256);
  const auto& schema = pipeline_->state->schema;
  const Value value = schema != nullptr ? fit(node, *schema, path, "what the agent keeps", *arena, reporter_)
                                        : document::to_value(node, *arena);
  return Document(std::move(arena), value);
}

std::vector<Document> EventReader::emitted(const Node& node, const std::string& path) {
  std::vector<Document> events;
  if (!is_list(node, path, "emitted", "[ { type: order.counted, data: { count: 3 } } ]")) return events;
  for (size_t i = 0; i < node.items.size(); ++i) {
    const Node& item = node.items[i];
    Entries entries(item, document::child_path(path, i), "an emitted event", reporter_);
    for (const char* known : {"type", "source", "subject", "id", "hops", "data", "extensions"})
      entries.find(known);
    entries.finish();
    Node flat = item;
    flat.entries.clear();
    for (const document::Entry& entry : item.entries) {
      if (entry.key != "extensions") flat.entries.push_back(entry);
      for (const document::Entry& extension : entry.value.entries)
        if (entry.key == "extensions") flat.entries.push_back(extension);
    }
    if (entries.is_mapping()) events.push_back(as_document(flat));
  }
  return events;
}

std::vector<std::pair<std::string, Document>> EventReader::kept(const Node& node, const std::string& path) {
  std::vector<std::pair<std::string, Document>> kept;
  Entries entries(node, path, "`keeps`", reporter_);
  if (!entries.is_mapping()) return kept;
  if (pipeline_ != nullptr && !pipeline_->state.has_value()) keeps(node, path);
  for (const document::Entry& entry : node.entries) kept.emplace_back(entry.key, as_document(entry.value));
  return kept;
}

std::vector<DeadLetterEntry> EventReader::dead_letters(const Node& node, const std::string& path) {
  std::vector<DeadLetterEntry> letters;
  if (!is_list(node, path, "dead_letters", "[ { name: shop/customer, code: event.not_deliverable } ]"))
    return letters;
  for (size_t i = 0; i < node.items.size(); ++i) {
    Entries entries(node.items[i], document::child_path(path, i), "a dead letter", reporter_);
    DeadLetterEntry letter;
    letter.name = entries.text("name").value_or("");
    letter.code = entries.text("code").value_or("");
    entries.finish();
    letters.push_back(std::move(letter));
  }
  return letters;
}

std::vector<std::pair<std::string, int64_t>> EventReader::webhooks(const Node& node,
                                                                   const std::string& path) {
  std::vector<std::pair<std::string, int64_t>> counts;
  Entries entries(node, path, "`webhooks`", reporter_);
  if (!entries.is_mapping()) return counts;
  for (const document::Entry& entry : node.entries) {
    if (catalog_.webhook(entry.key) == nullptr)
      reporter_.error(entry.position, entries.path(entry.key), "test.unknown_webhook",
                      "there is no webhook '" + entry.key + "' in this folder", "name one of its webhooks");
    if (const auto count = entries.integer(entry.key, 0, 1'000'000)) counts.emplace_back(entry.key, *count);
  }
  return counts;
}

}  // namespace switchyard::rehearsal
