#include "switchyard/retention/compact.h"

#include "switchyard/base/hash.h"
#include "switchyard/retention/policy.h"
#include "switchyard/types/json.h"
#include "switchyard/types/value_codec.h"

namespace switchyard::retention {
namespace {

constexpr uint32_t bit(Part part) { return static_cast<uint32_t>(part); }

/// What a step's meta says of the prompt without the messages and the answers; of an ensemble's members, too.
Value without_texts(const Value& value, Arena& arena) {
  if (value.is(Kind::kList)) {
    ListBuilder list(arena);
    for (const Value& item : value.items()) list.add(without_texts(item, arena));
    return list.build();
  }
  if (!value.is(Kind::kMap)) return value;
  MapBuilder map(arena);
  for (const Member& member : value.members()) {
    const std::string_view key = member.key.is(Kind::kString) ? member.key.as_string() : "";
    if (key == "members" && member.value.is(Kind::kMap)) {
      MapBuilder members(arena);  // by names of the document's own
      for (const Member& own : member.value.members()) members.add(own.key, without_texts(own.value, arena));
      map.add(member.key, members.build());
      continue;
    }
    // A fault quotes what the model said where the prompt keeps texts, and an error may.
    if (key == "messages" || key == "answer" || key == "tool_calls" || key == "fault" || key == "message")
      continue;
    map.add(member.key, without_texts(member.value, arena));
  }
  return map.build();
}

/// Replaces the values of the dropped parts; hands the others on.
class Dropper final : public ValueWriter {
 public:
  Dropper(const Event& event, uint32_t drop, ValueWriter* next) : event_(event), drop_(drop), next_(next) {}

  void written(const Value& value, std::string& text, size_t at) override {
    if (has_texts(value)) {
      Arena arena;
      const Value rest = without_texts(value, arena);
      text.resize(at);
      ByteWriter writer(text);
      encode_value(rest, writer);
      if (next_ != nullptr) next_->written(rest, text, at);
      return;
    }
    if (value.is_null() || !drops(value) || !removed_hash(value).empty()) {
      if (next_ != nullptr) next_->written(value, text, at);
      return;
    }
    const uint64_t bytes = text.size() - at;
    text.resize(at);
    write_removed_value(text, sha256(to_canonical_json(value)), bytes);
  }

 private:
  bool drops(const Value& value) const {
    if (const auto* started = std::get_if<RunStarted>(&event_.body))
      return &value == &started->input && (drop_ & bit(Part::kInput)) != 0;
    if (const auto* migrated = std::get_if<RunMigrated>(&event_.body))
      return &value == &migrated->input && (drop_ & bit(Part::kInput)) != 0;
    // It came from outside, as the input did, and is the larger part of a step's result.
    if (std::holds_alternative<SignalReceived>(event_.body))
      return (drop_ & (bit(Part::kInput) | bit(Part::kResults))) != 0;
    if (std::holds_alternative<RunCompleted>(event_.body) ||
        std::holds_alternative<RunUnwinding>(event_.body))
      return (drop_ & bit(Part::kOutput)) != 0;
    // How a result came about stays: versions, batches, costs.
    if (&value == step_meta(event_)) return false;
    return (drop_ & bit(Part::kResults)) != 0;
  }

  /// Whether it tells how a result came about in the words that a model was told or said.
  bool has_texts(const Value& value) const {
    return &value == step_meta(event_) && value.is(Kind::kMap) &&
           (drop_ & (bit(Part::kInput) | bit(Part::kResults))) != 0 &&
           (value.find("prompt") != nullptr || value.find("members") != nullptr);
  }

  const Event& event_;
  const uint32_t drop_;
  ValueWriter* const next_;
};

}  // namespace

bool keeps(const Event& event) {
  switch (event.type()) {
    case EventType::kStepStarted:
    case EventType::kStepOpened:
    case EventType::kStepWaiting:
    case EventType::kReviewClaimed:
    case EventType::kReviewReleased:
    case EventType::kReviewCommented:
    case EventType::kReviewReassigned:
    case EventType::kBudgetUsed: return false;
    case EventType::kStepFailed: return std::get<StepFailed>(event.body).retry_at_us == 0;
    default: return true;
  }
}

std::optional<std::string> compact(const Event& event, uint32_t drop, ValueWriter* values) {
  if (!keeps(event)) return std::nullopt;
  std::string payload;
  Dropper dropper(event, drop, values);
  encode_event_body(event, payload, &dropper);
  return payload;
}

std::string removed_hash(const Value& value) {
  if (!value.is(Kind::kMap) || value.members().size() != 3) return {};
  const Value* removed = value.find("removed");
  const Value* hash = value.find("sha256");
  const bool is_removed = removed != nullptr && removed->is(Kind::kBool) && removed->as_bool() &&
                          hash != nullptr && hash->is(Kind::kString) && value.find("bytes") != nullptr;
  return is_removed ? std::string(hash->as_string()) : std::string();
}

}  // namespace switchyard::retention
