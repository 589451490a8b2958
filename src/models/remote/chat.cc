#include "chat.h"

#include <algorithm>

namespace switchyard::models {

using expression::Type;

std::string_view text_of(const Value& map, std::string_view key) {
  const Value* value = map.find(key);
  return value != nullptr && value->is(Kind::kString) ? value->as_string() : std::string_view();
}

int64_t integer_of(const Value& map, std::string_view key, int64_t fallback) {
  const Value* value = map.find(key);
  return value != nullptr && value->is(Kind::kInteger) ? value->as_integer() : fallback;
}

bool is_truthy(const Value* value) {
  if (value == nullptr || value->is_null()) return false;
  if (value->is(Kind::kBool)) return value->as_bool();
  if (value->is(Kind::kString)) return !value->as_string().empty();
  if (value->is(Kind::kMap) || value->is(Kind::kList)) return value->size() > 0;
  return true;
}

Status check_messages(const Value& input) {
  const Value* messages = input.is(Kind::kMap) ? input.find("messages") : nullptr;
  if (messages != nullptr && messages->is(Kind::kList) && messages->size() > 0) return {};
  return make_error(ErrorKind::kInvalidArgument, "models.bad_input",
                    "a chat model's input is a map with 'messages', a list of at least one { role, content }",
                    "messages");
}

Type chat_type() {
  const Type usage = Type::object({{"prompt_tokens", Type::integer(), true},
                                   {"completion_tokens", Type::integer(), true},
                                   {"total_tokens", Type::integer(), true}});
  return Type::object({{"text", Type::string(), true},
                       {"finish_reason", Type::string(), true},
                       {"choices", Type::list(Type::dyn()), true},
                       {"usage", usage, true}});
}

ModelUsage read_usage(const Value& usage) {
  ModelUsage read;
  read.input_tokens = integer_of(usage, "prompt_tokens");
  read.output_tokens = integer_of(usage, "completion_tokens");
  if (const Value* details = usage.find("prompt_tokens_details");
      details != nullptr && details->is(Kind::kMap))
    read.cached_tokens = integer_of(*details, "cached_tokens");
  return read;
}

Value usage_value(const ModelUsage& usage, Arena& arena) {
  MapBuilder map(arena);
  map.add("prompt_tokens", Value::integer(usage.input_tokens));
  map.add("completion_tokens", Value::integer(usage.output_tokens));
  map.add("total_tokens", Value::integer(usage.input_tokens + usage.output_tokens));
  if (usage.cached_tokens > 0) {
    MapBuilder details(arena);
    details.add("cached_tokens", Value::integer(usage.cached_tokens));
    map.add("prompt_tokens_details", details.build());
  }
  return map.build();
}

void ChatAnswer::add_text(int64_t choice, std::string_view text) {
  choices_[choice].text += text;
  choices_[choice].has_text = true;
}

void ChatAnswer::begin_tool_call(int64_t choice, int64_t index, std::string_view id, std::string_view name) {
  ToolCall& call = choices_[choice].tool_calls[index];
  call.id = id;
  call.name = name;
}

void ChatAnswer::add_arguments(int64_t choice, int64_t index, std::string_view piece) {
  choices_[choice].tool_calls[index].arguments += piece;
}

void ChatAnswer::finish(int64_t choice, std::string_view reason) { choices_[choice].finish_reason = reason; }

void ChatAnswer::add_tool_call(Choice& choice, const Value& delta) {
  // Some servers leave the index out where there is one call.
  ToolCall& call = choice.tool_calls[integer_of(delta, "index")];
  if (const auto id = text_of(delta, "id"); !id.empty()) call.id = id;
  if (const auto type = text_of(delta, "type"); !type.empty()) call.type = type;
  const Value* function = delta.find("function");
  if (function == nullptr || !function->is(Kind::kMap)) return;
  call.name += text_of(*function, "name");
  call.arguments += text_of(*function, "arguments");
}

void ChatAnswer::add_delta(int64_t index, const Value& delta) {
  Choice& choice = choices_[index];
  for (const Member& member : delta.members()) {
    const std::string_view key = member.key.as_string();
    if (key == "role") {
      if (member.value.is(Kind::kString)) choice.role = member.value.as_string();
    } else if (key == "content") {
      if (member.value.is(Kind::kString)) add_text(index, member.value.as_string());
    } else if (key == "tool_calls" && member.value.is(Kind::kList)) {
      for (const Value& call : member.value.items())
        if (call.is(Kind::kMap)) add_tool_call(choice, call);
    } else if (member.value.is(Kind::kString)) {
      choice.other[std::string(key)] += member.value.as_string();
    }
  }
}

bool ChatAnswer::finished() const {
  return !choices_.empty() && std::none_of(choices_.begin(), choices_.end(),
                                           [](const auto& one) { return one.second.finish_reason.empty(); });
}

Value ChatAnswer::message_of(const Choice& choice, Arena& arena) {
  MapBuilder message(arena);
  message.add("role", Value::string(arena.copy(choice.role)));
  message.add("content", choice.has_text ? Value::string(arena.copy(choice.text)) : Value());
  for (const auto& [key, text] : choice.other)
    message.add(Value::string(arena.copy(key)), Value::string(arena.copy(text)));
  if (!choice.tool_calls.empty()) {
    ListBuilder calls(arena);
    for (const auto& [index, call] : choice.tool_calls) {
      MapBuilder function(arena), one(arena);
      function.add("name", Value::string(arena.copy(call.name)));
      function.add("arguments", Value::string(arena.copy(call.arguments)));
      one.add("id", Value::string(arena.copy(call.id)));
      one.add("type", Value::string(arena.copy(call.type)));
      one.add("function", function.build());
      calls.add(one.build());
    }
    message.add("tool_calls", calls.build());
  }
  return message.build();
}

RemoteReply ChatAnswer::build(ModelUsage usage, std::string served_by) const {
  auto arena = std::make_shared<Arena>(1024);
  ListBuilder choices(*arena);
  for (const auto& [index, choice] : choices_) {
    MapBuilder one(*arena);
    one.add("index", Value::integer(index));
    one.add("message", message_of(choice, *arena));
    one.add("finish_reason", Value::string(arena->copy(choice.finish_reason)));
    choices.add(one.build());
  }
  const Choice& first = choices_.begin()->second;
  MapBuilder output(*arena);
  output.add("text", Value::string(arena->copy(first.text)));
  output.add("finish_reason", Value::string(arena->copy(first.finish_reason)));
  output.add("choices", choices.build());
  output.add("usage", usage_value(usage, *arena));
  const Value root = output.build();
  return {Document(std::move(arena), root), usage, std::move(served_by)};
}

}  // namespace switchyard::models
