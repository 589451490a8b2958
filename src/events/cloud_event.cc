#include "switchyard/events/cloud_event.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "switchyard/base/base64.h"
#include "switchyard/events/limits.h"
#include "switchyard/types/json.h"
#include "switchyard/types/time_text.h"

namespace switchyard::events {
namespace {

constexpr std::array<std::string_view, 3> kRequired{"id", "source", "type"};
constexpr std::array<std::string_view, 3> kOptionalText{"subject", "datacontenttype", "dataschema"};

/// Reads one event; reports everything that is wrong with it.
class EventReader {
 public:
  EventReader(std::string pointer, std::vector<Error>& mistakes)
      : pointer_(std::move(pointer)),
        mistakes_(mistakes),
        arena_(std::make_shared<Arena>(1024)),
        map_(*arena_) {}

  std::optional<Document> read(const Value& json) {
    const size_t before = mistakes_.size();
    if (!json.is(Kind::kMap)) {
      mistake("", "not_an_object", "an event is a JSON object");
      return std::nullopt;
    }
    read_version(json);
    for (const auto name : kRequired) read_text(json, name, true);
    read_text(json, "subject", false);
    read_time(json);
    read_text(json, "datacontenttype", false);
    read_text(json, "dataschema", false);
    read_extensions(json);
    read_data(json);
    if (mistakes_.size() != before) return std::nullopt;
    const Value event = map_.build();
    std::string text;
    append_structured(event, text);
    if (text.size() > kMaxEventBytes) {
      mistake("", "too_large",
              "the event has " + std::to_string(text.size()) + " bytes; the limit is " +
                  std::to_string(kMaxEventBytes) + ": send a reference in its place");
      return std::nullopt;
    }
    return Document(std::move(arena_), event);
  }

 private:
  void mistake(std::string_view member, std::string_view code, std::string message) {
    if (mistakes_.size() >= kMaxMistakes) return;
    const std::string field = pointer_ + (member.empty() ? "" : "/" + std::string(member));
    mistakes_.push_back(make_error(ErrorKind::kInvalidArgument, "event." + std::string(code),
                                   std::move(message), field.empty() ? "/" : field));
  }

  void read_version(const Value& json) {
    const Value* version = json.find("specversion");
    if (version != nullptr && version->is(Kind::kString) && version->as_string() == "1.0") return;
    mistake("specversion", version == nullptr ? "missing_attribute" : "bad_attribute",
            "specversion must be \"1.0\": this server speaks CloudEvents 1.0");
  }

  void read_text(const Value& json, std::string_view name, bool required) {
    const Value* value = json.find(name);
    if (value == nullptr || value->is_null()) {
      if (required)
        mistake(name, "missing_attribute",
                "the attribute '" + std::string(name) + "' is missing; every event has one");
      return;
    }
    if (!value->is(Kind::kString) || value->size() == 0 || value->size() > kMaxAttributeBytes) {
      mistake(name, "bad_attribute",
              "'" + std::string(name) + "' must be text of 1 to " + std::to_string(kMaxAttributeBytes) +
                  " bytes");
      return;
    }
    map_.add(name, Value::string(arena_->copy(value->as_string())));
  }

  void read_time(const Value& json) {
    const Value* value = json.find("time");
    if (value == nullptr || value->is_null()) return;
    const auto time = value->is(Kind::kString) ? parse_timestamp(value->as_string()) : std::nullopt;
    if (time.has_value())
      map_.add("time", Value::timestamp(time->seconds, time->nanos));
    else
      mistake("time", "bad_attribute", "'time' must be an RFC 3339 time such as 2026-11-25T18:00:00Z");
  }

  static bool is_core(std::string_view name) {
    return name == "specversion" || name == "time" || name == "data" || name == "data_base64" ||
           std::find(kRequired.begin(), kRequired.end(), name) != kRequired.end() ||
           std::find(kOptionalText.begin(), kOptionalText.end(), name) != kOptionalText.end();
  }

  void read_extensions(const Value& json) {
    std::vector<const Member*> extensions;
    for (const Member& member : json.members())
      if (!is_core(member.key.as_string()) && !member.value.is_null()) extensions.push_back(&member);
    if (extensions.size() > kMaxExtensions) {
      return mistake("", "too_many_extensions",
                     "the event has more than " + std::to_string(kMaxExtensions) + " extension attributes");
    }
    std::sort(extensions.begin(), extensions.end(),
              [](const Member* a, const Member* b) { return a->key.as_string() < b->key.as_string(); });
    for (const Member* member : extensions) read_extension(*member);
  }

  void read_extension(const Member& member) {
    const std::string_view name = member.key.as_string();
    if (!is_attribute_name(name)) {
      return mistake(name, "bad_extension_name",
                     "'" + std::string(name) +
                         "' is no name of an attribute: write small letters and digits only, "
                         "and put what the event is about into data");
    }
    const Value& value = member.value;
    const bool text = value.is(Kind::kString) && value.size() <= kMaxAttributeBytes;
    const bool number =
        value.is(Kind::kInteger) && value.as_integer() >= INT32_MIN && value.as_integer() <= INT32_MAX;
    if (!text && !number && !value.is(Kind::kBool)) {
      return mistake(
          name, "bad_attribute",
          "the extension '" + std::string(name) +
              "' must be text, true/false or a whole number of 32 bits; structures belong into data");
    }
    map_.add(Value::string(arena_->copy(name)), copy_value(value, *arena_));
  }

  void read_data(const Value& json) {
    const Value* data = json.find("data");
    const Value* encoded = json.find("data_base64");
    if (data != nullptr && encoded != nullptr)
      return mistake("data_base64", "bad_data", "an event has data or data_base64, not both");
    if (encoded != nullptr) {
      std::string bytes;
      if (!encoded->is(Kind::kString) || !base64_decode(encoded->as_string(), bytes))
        return mistake("data_base64", "bad_data", "data_base64 must be standard base64 with padding");
      map_.add("data", Value::bytes(arena_->copy(bytes)));
    } else if (data != nullptr) {
      if (depth(*data) > 48) return mistake("data", "bad_data", "data is nested deeper than 48 levels");
      map_.add("data", copy_value(*data, *arena_));
    }
  }

  const std::string pointer_;
  std::vector<Error>& mistakes_;
  std::shared_ptr<Arena> arena_;
  MapBuilder map_;
};

}  // namespace

bool is_attribute_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxExtensionNameBytes &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

std::optional<Document> read_json(const Value& json, const std::string& pointer,
                                  std::vector<Error>& mistakes) {
  return EventReader(pointer, mistakes).read(json);
}

void append_structured(const Value& event, std::string& out) {
  out += "{\"specversion\":\"1.0\"";
  for (const Member& member : event.members()) {
    const bool encoded = member.key.as_string() == "data" && member.value.is(Kind::kBytes);
    out += ',';
    append_json_string(encoded ? std::string_view("data_base64") : member.key.as_string(), out);
    out += ':';
    append_json(member.value, out);
  }
  out += '}';
}

std::string_view attribute(const Value& event, std::string_view name) {
  const Value* value = event.find(name);
  return value != nullptr && value->is(Kind::kString) ? value->as_string() : std::string_view();
}

std::string_view ordering_key(const Value& event) {
  for (const char* name : {"partitionkey", "subject", "source"})
    if (const auto text = attribute(event, name); !text.empty()) return text;
  return {};
}

uint32_t hops_of(const Value& event) {
  const Value* hops = event.find("hops");
  if (hops == nullptr) return 0;
  if (hops->is(Kind::kInteger))
    return static_cast<uint32_t>(std::clamp<int64_t>(hops->as_integer(), 0, kMaxHops + 1));
  uint32_t count = 0;
  if (hops->is(Kind::kString)) {
    const std::string_view text = hops->as_string();
    if (std::from_chars(text.data(), text.data() + text.size(), count).ec == std::errc::result_out_of_range)
      count = kMaxHops + 1;
  }
  return std::min(count, kMaxHops + 1);
}

expression::Type type_of_event(const expression::Type& data) {
  using expression::Type;
  const Type text = Type::string();
  return Type::object({{"id", text},
                       {"source", text},
                       {"type", text},
                       {"subject", text, false},
                       {"time", Type::timestamp(), false},
                       {"datacontenttype", text, false},
                       {"dataschema", text, false},
                       {"data", data}},
                      true);
}

}  // namespace switchyard::events
