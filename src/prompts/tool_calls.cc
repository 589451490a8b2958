#include "tool_calls.h"

#include <algorithm>

#include "limits.h"
#include "switchyard/types/json.h"

namespace switchyard::prompts {
namespace {

std::string text_of(const Value& map, std::string_view key) {
  const Value* found = map.is(Kind::kMap) ? map.find(key) : nullptr;
  return found != nullptr && found->is(Kind::kString) ? std::string(found->as_string()) : std::string();
}

/// At most `most` bytes, cut between characters of the UTF-8 text.
std::string clip(std::string text, size_t most) {
  if (text.size() <= most) return text;
  size_t end = most;
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  return text + "...";
}

/// What the answer as a whole may not be.
Fault fault_of_choice(const std::vector<ToolCall>& calls, const Toolbox& toolbox) {
  const auto both = [](std::string words) { return Fault{words, words}; };
  switch (toolbox.choice) {
    case ToolChoice::kAuto: break;
    case ToolChoice::kNone:
      if (!calls.empty()) return both("it calls a tool in place of an answer");
      break;
    case ToolChoice::kRequired:
      if (calls.empty()) return both("it calls no tool");
      break;
    case ToolChoice::kNamed:
      if (calls.empty() || std::any_of(calls.begin(), calls.end(),
                                       [&](const ToolCall& call) { return call.name != toolbox.named; }))
        return both("it must call the tool " + toolbox.named + " and no other");
  }
  if (toolbox.parallel == false && calls.size() > 1) return both("it calls more than one tool at once");
  if (calls.size() > kMaxToolCalls)
    return both("it calls more than " + std::to_string(kMaxToolCalls) + " tools at once");
  return {};
}

std::string names_of(const Toolbox& toolbox) {
  std::string names;
  for (const Tool& tool : toolbox.tools) names += (names.empty() ? "" : ", ") + tool.name;
  return names;
}

/// The arguments, normalized.
Fault fault_of_call(const ToolCall& call, const Toolbox& toolbox, Arena& arena, Value& arguments) {
  const Tool* tool = toolbox.find(call.name);
  if (tool == nullptr) {
    return {clip("there is no tool '" + call.name + "'; there are " + names_of(toolbox), kMaxFaultBytes),
            "it calls a tool that there is not"};
  }
  // Without arguments many servers write nothing.
  const bool blank = call.arguments.find_first_not_of(" \t\r\n") == std::string::npos;
  Fault fault =
      read_json(blank ? std::string_view("{}") : call.arguments, *tool->parameters, arena, arguments);
  if (!fault.any()) return {};
  const std::string whose = "the arguments of " + tool->name + ": ";
  return {whose + fault.full, whose + fault.brief};
}

}  // namespace

std::vector<ToolCall> read_tool_calls(const Value& answer) {
  std::vector<ToolCall> read;
  const Value* choices = answer.find("choices");
  if (choices == nullptr || !choices->is(Kind::kList) || choices->size() == 0) return read;
  const Value& choice = choices->items()[0];
  const Value* message = choice.is(Kind::kMap) ? choice.find("message") : nullptr;
  const Value* calls = message != nullptr && message->is(Kind::kMap) ? message->find("tool_calls") : nullptr;
  if (calls == nullptr || !calls->is(Kind::kList)) return read;
  for (const Value& call : calls->items()) {
    const Value* function = call.is(Kind::kMap) ? call.find("function") : nullptr;
    const Value nothing;
    const Value& own = function == nullptr ? nothing : *function;
    read.push_back({text_of(call, "id"), text_of(own, "name"), text_of(own, "arguments")});
  }
  return read;
}

Value tool_call_value(std::string_view id, std::string_view name, std::string_view arguments, Arena& arena) {
  MapBuilder function(arena, 2), call(arena, 3);
  function.add("name", Value::string(arena.copy(name)));
  function.add("arguments", Value::string(arena.copy(arguments)));
  call.add("id", Value::string(arena.copy(id)));
  call.add("type", Value::string("function"));
  call.add("function", function.build());
  return call.build();
}

Value tool_result_value(std::string_view id, std::string_view content, Arena& arena) {
  MapBuilder message(arena, 3);
  message.add("role", Value::string("tool"));
  message.add("tool_call_id", Value::string(arena.copy(id)));
  message.add("content", Value::string(arena.copy(content)));
  return message.build();
}

Fault read_json(std::string_view text, const schema::Schema& schema, Arena& arena, Value& value) {
  JsonLimits limits;
  limits.max_bytes = kMaxAnswerBytes;
  auto parsed = parse_json(text, arena, limits);
  if (!parsed.ok()) return {"it is no JSON: " + parsed.error().message, "it is no JSON"};
  auto normal = schema.normalize(*parsed, arena);
  if (normal.ok()) {
    value = *normal;
    return {};
  }
  auto violations = schema.validate(*parsed);
  // One that comes of a default.
  if (violations.empty()) violations.push_back({normal.error().field, "default", normal.error().message});
  Fault fault{"it does not fit the schema", "it does not fit the schema"};
  for (size_t i = 0; i < violations.size() && i < kMaxFaults; ++i) {
    const std::string place = violations[i].pointer.empty() ? "" : "at " + violations[i].pointer + " ";
    fault.full += (i == 0 ? ": " : "; ") + place + violations[i].message;
    fault.brief += (i == 0 ? ": " : "; ") + place + violations[i].keyword;
  }
  if (violations.size() > kMaxFaults)
    fault.full += "; and " + std::to_string(violations.size() - kMaxFaults) + " more";
  return {clip(std::move(fault.full), kMaxFaultBytes), clip(std::move(fault.brief), kMaxFaultBytes)};
}

JudgedCalls judge_calls(const std::vector<ToolCall>& calls, const Toolbox& toolbox, Arena& arena) {
  JudgedCalls judged;
  judged.fault = fault_of_choice(calls, toolbox);
  judged.faults.resize(calls.size());
  if (judged.fault.any()) return judged;
  ListBuilder list(arena, static_cast<uint32_t>(calls.size()));
  for (size_t i = 0; i < calls.size(); ++i) {
    Value arguments;
    Fault fault = fault_of_call(calls[i], toolbox, arena, arguments);
    judged.faults[i] = fault.full;
    if (fault.any() && !judged.fault.any()) judged.fault = std::move(fault);
    MapBuilder call(arena, 3);
    call.add("id", Value::string(arena.copy(calls[i].id)));
    call.add("name", Value::string(arena.copy(calls[i].name)));
    call.add("arguments", arguments);
    list.add(call.build());
  }
  judged.calls = list.build();
  return judged;
}

}  // namespace switchyard::prompts
