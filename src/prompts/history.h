#pragma once

#include <cstddef>

#include "switchyard/base/arena.h"
#include "switchyard/base/result.h"
#include "switchyard/types/value.h"

namespace switchyard::prompts {

/// Messages of before as the chat interface has them, appended to `messages`; `bytes` grows by their texts.
/// Each call of a tool has its result in one of the messages right after it, and each result its call.
/// kUnprocessable "prompt.bad_history", the field from the list on: "[3].tool_calls[0].id".
Status append_history(const Value& list, ListBuilder& messages, Arena& arena, size_t& bytes);

}  // namespace switchyard::prompts
