#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/arena.h"
#include "switchyard/prompts/prompt.h"
#include "switchyard/types/value.h"

namespace switchyard::prompts {

/// A call as the model wrote it.
struct ToolCall {
  std::string id, name, arguments;
};

/// The calls in the first choice of a chat answer; empty: none.
std::vector<ToolCall> read_tool_calls(const Value& answer);

// As the chat interface has them; texts are copied into the arena.
Value tool_call_value(std::string_view id, std::string_view name, std::string_view arguments, Arena& arena);
Value tool_result_value(std::string_view id, std::string_view content, Arena& arena);

/// What cannot be used of an answer. Both empty: nothing.
struct Fault {
  std::string full;   ///< for the model
  std::string brief;  ///< the same without what the model said, for records that keep no text

  bool any() const { return !full.empty(); }
};

/// A text that has to be JSON of a schema: the value, normalized, in `arena`.
Fault read_json(std::string_view text, const schema::Schema& schema, Arena& arena, Value& value);

/// Checks the calls of one answer against the tools.
struct JudgedCalls {
  Fault fault;                      ///< of the answer as a whole; else the first of `faults`
  std::vector<std::string> faults;  ///< of each call, for the model; empty: it could be made
  Value calls;                      ///< list of { id, name, arguments } without a fault
};
JudgedCalls judge_calls(const std::vector<ToolCall>& calls, const Toolbox& toolbox, Arena& arena);

}  // namespace switchyard::prompts
