#include "history.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "limits.h"
#include "switchyard/types/json.h"
#include "tool_calls.h"

namespace switchyard::prompts {
namespace {

class History {
 public:
  History(ListBuilder& messages, Arena& arena, size_t& bytes)
      : messages_(messages), arena_(arena), bytes_(bytes) {}

  Status add(const Value& list) {
    for (size_t i = 0; i < list.size(); ++i) {
      place_ = "[" + std::to_string(i) + "]";
      SY_RETURN_IF_ERROR(add_message(list.items()[i]));
    }
    return all_answered();
  }

 private:
  Status wrong(const std::string& field, const std::string& what) const {
    return make_error(ErrorKind::kUnprocessable, "prompt.bad_history", what, place_ + field);
  }

  /// A text that must be there.
  Result<std::string_view> text(const Value& map, std::string_view name, const std::string& field) const {
    const Value* found = map.find(name);
    if (found != nullptr && found->is(Kind::kString) && !found->as_string().empty())
      return found->as_string();
    return wrong(field + "." + std::string(name),
                 "'" + std::string(name) + "' must be a text, and " +
                     (found == nullptr ? "is missing" : "is " + std::string(kind_name(found->kind()))))
        .error();
  }

  Status add_message(const Value& message) {
    if (!message.is(Kind::kMap)) {
      return wrong("", "a message is " + std::string(kind_name(message.kind())) +
                           "; write { role, content }, as a step's `message` is");
    }
    SY_ASSIGN_OR_RETURN(const std::string_view role, text(message, "role", ""));
    if (role == "tool") return add_result(message);
    SY_RETURN_IF_ERROR(all_answered());
    if (role != "user" && role != "assistant") {
      return wrong(".role", "'" + std::string(role.substr(0, 64)) +
                                "' is no role of a message of before; those are user, assistant and tool");
    }
    const Value* calls = message.find("tool_calls");
    const bool calls_tools =
        calls != nullptr && !calls->is_null() && !(calls->is(Kind::kList) && calls->size() == 0);
    const Value* content = message.find("content");
    const bool has_text = content != nullptr && content->is(Kind::kString);
    const bool is_empty = content == nullptr || content->is_null();
    if (!has_text && !(calls_tools && is_empty)) {
      return wrong(".content",
                   "'content' must be a text, and " +
                       (content == nullptr ? "is missing" : "is " + std::string(kind_name(content->kind()))));
    }
    const std::string_view said = has_text ? content->as_string() : std::string_view();
    bytes_ += said.size();
    MapBuilder map(arena_, 3);
    map.add("role", Value::string(arena_.copy(role)));
    map.add("content", said.empty() && calls_tools ? Value() : Value::string(arena_.copy(said)));
    if (calls_tools) {
      if (role != "assistant") return wrong(".tool_calls", "only the assistant calls tools");
      SY_ASSIGN_OR_RETURN(const Value built, calls_of(*calls));
      map.add("tool_calls", built);
    }
    messages_.add(map.build());
    return {};
  }

  Result<Value> calls_of(const Value& calls) {
    if (!calls.is(Kind::kList))
      return wrong(".tool_calls",
                   "'tool_calls' must be a list, and is " + std::string(kind_name(calls.kind())))
          .error();
    if (calls.size() > kMaxToolCalls)
      return wrong(".tool_calls", "there are more than " + std::to_string(kMaxToolCalls) + " calls").error();
    ListBuilder list(arena_, calls.size());
    for (size_t i = 0; i < calls.size(); ++i) {
      const Value& call = calls.items()[i];
      const std::string field = ".tool_calls[" + std::to_string(i) + "]";
      if (!call.is(Kind::kMap))
        return wrong(field, "a call is " + std::string(kind_name(call.kind())) +
                                "; write { id, name, arguments }, as a step's `tool_calls` are")
            .error();
      SY_ASSIGN_OR_RETURN(const std::string_view id, text(call, "id", field));
      SY_ASSIGN_OR_RETURN(const std::string_view name, text(call, "name", field));
      const Value* arguments = call.find("arguments");
      if (arguments == nullptr || !arguments->is(Kind::kMap))
        return wrong(field + ".arguments", "'arguments' must be a map of the arguments' names and values")
            .error();
      if (std::find(open_.begin(), open_.end(), id) != open_.end())
        return wrong(field + ".id", "two calls have the id '" + std::string(id.substr(0, 64)) + "'").error();
      open_.push_back(id);
      const std::string json = to_json(*arguments);
      bytes_ += json.size();
      list.add(tool_call_value(id, name, json, arena_));
    }
    return list.build();
  }

  Status add_result(const Value& message) {
    SY_ASSIGN_OR_RETURN(const std::string_view id, text(message, "tool_call_id", ""));
    const auto call = std::find(open_.begin(), open_.end(), id);
    if (call == open_.end()) {
      return wrong(".tool_call_id", "there is no call '" + std::string(id.substr(0, 64)) +
                                        "' before it that waits for a result");
    }
    open_.erase(call);
    const Value* content = message.find("content");
    if (content == nullptr)
      return wrong(".content", "'content' is missing: the result of the call, any value");
    const std::string result =
        content->is(Kind::kString) ? std::string(content->as_string()) : to_json(*content);
    bytes_ += result.size();
    messages_.add(tool_result_value(id, result, arena_));
    return {};
  }

  Status all_answered() const {
    if (open_.empty()) return {};
    return wrong("",
                 "the call '" + std::string(open_.front().substr(0, 64)) +
                     "' has no result by here; add { role: tool, tool_call_id, content } after its message");
  }

  ListBuilder& messages_;
  Arena& arena_;
  size_t& bytes_;
  std::string place_;
  std::vector<std::string_view> open_;  ///< calls without a result
};

}  // namespace

Status append_history(const Value& list, ListBuilder& messages, Arena& arena, size_t& bytes) {
  return History(messages, arena, bytes).add(list);
}

}  // namespace switchyard::prompts
