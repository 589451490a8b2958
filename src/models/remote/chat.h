#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocol.h"
#include "switchyard/expression/type.h"

// The form that chat answers of all servers are brought into: OpenAI's.
namespace switchyard::models {

/// Whether the input has the messages of a chat; kInvalidArgument "models.bad_input".
Status check_messages(const Value& input);
/// { text, finish_reason, choices, usage: { prompt_tokens, completion_tokens, total_tokens } }
expression::Type chat_type();

/// Gathers an answer choice by choice.
class ChatAnswer {
 public:
  /// A delta of one choice: adds to its text or to its tool calls. Anything but text and tool calls (a
  /// refusal, a reasoning) is joined as text under its own name.
  void add_delta(int64_t choice, const Value& delta);
  void add_text(int64_t choice, std::string_view text);
  void begin_tool_call(int64_t choice, int64_t index, std::string_view id, std::string_view name);
  void add_arguments(int64_t choice, int64_t index, std::string_view piece);
  void finish(int64_t choice, std::string_view reason);

  bool empty() const { return choices_.empty(); }
  /// Whether every choice has said why it ended.
  bool finished() const;
  RemoteReply build(ModelUsage usage, std::string served_by) const;

 private:
  struct ToolCall {
    std::string id, type = "function", name, arguments;
  };
  struct Choice {
    std::string role = "assistant", text, finish_reason;
    bool has_text = false;
    std::map<std::string, std::string> other;
    std::map<int64_t, ToolCall> tool_calls;
  };
  void add_tool_call(Choice& choice, const Value& delta);
  static Value message_of(const Choice& choice, Arena& arena);

  std::map<int64_t, Choice> choices_;
};

/// The usage as OpenAI writes it.
Value usage_value(const ModelUsage& usage, Arena& arena);
ModelUsage read_usage(const Value& usage);
/// Members of maps of a kind, or defaults.
std::string_view text_of(const Value& map, std::string_view key);
int64_t integer_of(const Value& map, std::string_view key, int64_t fallback = 0);
/// As Python has it: what OpenAI's client takes for the sign of an error.
bool is_truthy(const Value* value);

}  // namespace switchyard::models
