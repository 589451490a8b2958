// The HTTP binding of CloudEvents 1.0.
#include <algorithm>

#include "switchyard/events/cloud_event.h"
#include "switchyard/events/limits.h"
#include "switchyard/types/json.h"
#include "switchyard/types/time_text.h"
#include "switchyard/types/utf8.h"

namespace switchyard::events {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

/// "application/json; charset=utf-8" → "application/json"
std::string media_type(std::string_view content_type) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
  while (!type.empty() && type.front() == ' ') type.remove_prefix(1);
  return lower(type);
}

bool is_json(std::string_view type) {
  return type.empty() || type == "application/json" || type == "text/json" || type.ends_with("+json");
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percent_decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low < 0) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

/// As the binding asks: blanks, quotes, percent signs and everything that is not printable ASCII.
std::string percent_encode(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7f && c != '"' && c != '%') {
      out += c;
    } else {
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

void add_mistake(Incoming& in, std::string code, std::string message, std::string field) {
  in.mistakes.push_back(make_error(ErrorKind::kInvalidArgument, "event." + std::move(code),
                                   std::move(message), std::move(field)));
}

void read_structured(std::string_view body, bool batch, Incoming& in) {
  auto json = parse_json_document(body);
  if (!json.ok())
    return add_mistake(in, "not_json", "the body is no valid JSON: " + json.error().message, "/");
  if (!batch) {
    if (auto event = read_json(json->root(), "", in.mistakes)) in.events.push_back(std::move(*event));
    return;
  }
  if (!json->root().is(Kind::kList))
    return add_mistake(in, "not_a_list", "a batch is a JSON array of events", "/");
  const auto items = json->root().items();
  if (items.size() > kMaxBatchEvents) {
    return add_mistake(in, "batch_too_large",
                       "the batch has " + std::to_string(items.size()) + " events; send at most " +
                           std::to_string(kMaxBatchEvents) + " at once",
                       "/");
  }
  for (size_t i = 0; i < items.size(); ++i) {
    auto event = read_json(items[i], "/" + std::to_string(i), in.mistakes);
    if (event.has_value()) in.events.push_back(std::move(*event));
  }
}

/// Binary: the attributes are headers, the body is the data.
void read_binary(std::string_view content_type, std::span<const HeaderView> headers, std::string_view body,
                 Incoming& in) {
  Arena arena;
  MapBuilder map(arena);
  bool any = false;
  for (const auto& [name, value] : headers) {
    const std::string small = lower(name);
    if (!small.starts_with("ce-")) continue;
    any = true;
    map.add(Value::string(arena.copy(small.substr(3))), Value::string(arena.copy(percent_decode(value))));
  }
  if (!any) {
    return add_mistake(
        in, "no_event",
        "the request is no CloudEvent: send the attributes as ce- headers, or the whole event with "
        "Content-Type application/cloudevents+json",
        "Content-Type");
  }
  const std::string type = media_type(content_type);
  if (!content_type.empty()) map.add("datacontenttype", Value::string(arena.copy(content_type)));
  if (!body.empty()) {
    if (is_json(type)) {
      auto json = parse_json(body, arena);
      if (!json.ok())
        return add_mistake(in, "not_json", "the body is no valid JSON: " + json.error().message, "/data");
      map.add("data", *json);
    } else if (type.starts_with("text/") && is_valid_utf8(body)) {
      map.add("data", Value::string(body));
    } else {
      map.add("data", Value::bytes(body));
    }
  }
  Value duplicate;
  const Value json = map.build(&duplicate);
  if (!json.is(Kind::kMap))
    return add_mistake(in, "bad_attribute", "a ce- header comes twice", "ce-" + to_json(duplicate));
  // Bytes are no JSON: they go around the reader, which takes everything else.
  const Value* data = json.find("data");
  if (data == nullptr || !data->is(Kind::kBytes)) {
    if (auto event = read_json(json, "", in.mistakes)) in.events.push_back(std::move(*event));
    return;
  }
  if (body.size() > kMaxEventBytes)
    return add_mistake(in, "too_large", "data may have at most " + std::to_string(kMaxEventBytes) + " bytes",
                       "/data");
  MapBuilder without(arena);
  for (const Member& member : json.members())
    if (member.key.as_string() != "data") without.add(member.key, member.value);
  auto event = read_json(without.build(), "", in.mistakes);
  if (!event.has_value()) return;
  auto owned = std::make_shared<Arena>(body.size() + 512);
  MapBuilder whole(*owned);
  for (const Member& member : event->root().members())
    whole.add(copy_value(member.key, *owned), copy_value(member.value, *owned));
  whole.add("data", Value::bytes(owned->copy(body)));
  const Value root = whole.build();
  in.events.emplace_back(std::move(owned), root);
}

std::string attribute_text(const Value& value) {
  if (value.is(Kind::kString)) return percent_encode(value.as_string());
  if (value.is(Kind::kTimestamp)) {
    std::string text;
    append_timestamp(value.seconds(), value.nanos(), text);
    return text;
  }
  return to_json(value);
}

}  // namespace

Incoming read_http(std::string_view content_type, std::span<const HeaderView> headers,
                   std::string_view body) {
  Incoming in;
  const std::string type = media_type(content_type);
  if (type == "application/cloudevents-batch+json") {
    in.batch = true;
    read_structured(body, true, in);
  } else if (type == "application/cloudevents+json") {
    read_structured(body, false, in);
  } else if (type.starts_with("application/cloudevents")) {
    add_mistake(in, "unknown_format", "the event format '" + type + "' is not read here; send JSON",
                "Content-Type");
  } else {
    read_binary(content_type, headers, body, in);
  }
  if (!in.mistakes.empty()) in.events.clear();
  return in;
}

BinaryMessage to_binary(const Value& event) {
  BinaryMessage message;
  std::string type = "application/json";
  message.headers.emplace_back("ce-specversion", "1.0");
  for (const Member& member : event.members()) {
    const std::string_view name = member.key.as_string();
    if (name == "datacontenttype") {
      type = std::string(member.value.as_string());
    } else if (name != "data") {
      message.headers.emplace_back("ce-" + std::string(name), attribute_text(member.value));
    } else if (member.value.is(Kind::kBytes)) {
      message.body = std::string(member.value.as_bytes());
    } else if (member.value.is(Kind::kString) && !is_json(media_type(attribute(event, "datacontenttype")))) {
      message.body = std::string(member.value.as_string());
    } else {
      message.body = to_json(member.value);
    }
  }
  message.headers.emplace_back("Content-Type", type);
  return message;
}

}  // namespace switchyard::events
