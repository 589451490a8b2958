#include "switchyard/prompts/exchange.h"

#include <algorithm>
#include <array>
#include <set>

#include "switchyard/base/hash.h"
#include "switchyard/types/json.h"
#include "tool_calls.h"

namespace switchyard::prompts {
namespace {

constexpr std::array<std::string_view, 3> kUsage{"prompt_tokens", "completion_tokens", "total_tokens"};

std::string_view trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

/// What stands within one code fence around the whole text; the text itself when there is none.
std::string_view unfenced(std::string_view text) {
  text = trim(text);
  if (!text.starts_with("```") || !text.ends_with("```") || text.size() < 6) return text;
  const size_t line_end = text.find('\n');
  if (line_end == std::string_view::npos || line_end > text.size() - 3) return text;
  const std::string_view inner = text.substr(line_end + 1, text.size() - 3 - line_end - 1);
  return inner.find("```") == std::string_view::npos ? trim(inner) : text;
}

std::string_view text_of(const Value& answer, std::string_view key) {
  const Value* found = answer.find(key);
  return found != nullptr && found->is(Kind::kString) ? found->as_string() : std::string_view();
}

/// What is counted of `usage`; null when there is none.
Document usage_of(const Value& answer) {
  const Value* usage = answer.find("usage");
  if (usage == nullptr || !usage->is(Kind::kMap)) return {};
  auto arena = std::make_shared<Arena>(256);
  MapBuilder map(*arena);
  for (const auto key : kUsage) {
    const Value* count = usage->find(key);
    if (count != nullptr && count->is(Kind::kInteger)) map.add(key, *count);
  }
  const Value built = map.build();
  return Document(std::move(arena), built);
}

}  // namespace

struct Exchange::Verdict {
  Fault fault;
  std::string code;                      ///< of the error, should it stay
  std::string field;                     ///< of the answer
  std::vector<std::string> call_faults;  ///< of each call; empty: it could be made
  Value value;                           ///< the answer, as `output` has it
  Value calls;                           ///< those that can be made
};

Exchange::Exchange(std::shared_ptr<const Prompt> prompt, Rendered rendered)
    : prompt_(std::move(prompt)), rendered_(std::move(rendered)) {
  build_request({});
}

Result<Exchange> Exchange::begin(std::shared_ptr<const Prompt> prompt, const Value& input, uint64_t seed) {
  SY_ASSIGN_OR_RETURN(Rendered rendered, prompt->render(input, seed));
  return Exchange(std::move(prompt), std::move(rendered));
}

void Exchange::build_request(std::span<const Value> more) {
  auto arena = std::make_shared<Arena>(4096);
  ListBuilder messages(*arena);
  for (const Value& message : rendered_.messages.root().items()) messages.add(copy_value(message, *arena));
  for (const Value& message : more) messages.add(copy_value(message, *arena));
  MapBuilder request(*arena);
  request.add("messages", messages.build());
  for (const Member& member : rendered_.parameters.root().members())
    request.add(copy_value(member.key, *arena), copy_value(member.value, *arena));
  const Value built = request.build();
  request_ = Document(std::move(arena), built);
}

/// The calls of an answer to a prompt with tools. Where a server gives no ids, or one twice, they are ours: a
/// call is answered by its id.
std::vector<ToolCall> Exchange::calls_in(const Value& answer) const {
  if (prompt_->toolbox().empty()) return {};
  std::vector<ToolCall> calls = read_tool_calls(answer);
  std::set<std::string> ids{""};
  for (size_t i = 0; i < calls.size(); ++i) {
    if (!ids.insert(calls[i].id).second)
      calls[i].id = "call_" + to_hex(rendered_.sha256).substr(0, 12) + "_" +
                    std::to_string(attempts_.size()) + "_" + std::to_string(i);
  }
  return calls;
}

Exchange::Verdict Exchange::judge(std::string_view text, std::string_view finish_reason,
                                  const std::vector<ToolCall>& calls, Arena& arena) const {
  Verdict verdict;
  if (!prompt_->toolbox().empty()) {
    JudgedCalls judged = judge_calls(calls, prompt_->toolbox(), arena);
    verdict.fault = std::move(judged.fault);
    verdict.call_faults = std::move(judged.faults);
    verdict.calls = judged.calls;
    verdict.code = "prompt.bad_tool_call";
    verdict.field = "tool_calls";
    if (verdict.fault.any() || !calls.empty()) return verdict;
  }
  if (prompt_->output() == nullptr) return verdict;
  verdict.code = "prompt.bad_answer";
  verdict.field = "text";
  verdict.fault = read_json(unfenced(text), *prompt_->output(), arena, verdict.value);
  if (verdict.fault.any() && finish_reason == "tool_calls" && text.empty()) {
    const std::string words = "it calls a tool in place of an answer";
    verdict.fault = {words, words};
  }
  return verdict;
}

void Exchange::ask_again(std::string_view text, const std::vector<ToolCall>& calls, const Verdict& verdict) {
  Arena arena;
  std::vector<Value> more;
  MapBuilder said(arena);
  said.add("role", Value::string("assistant"));
  said.add("content", text.empty() && !calls.empty() ? Value() : Value::string(text));
  if (!calls.empty()) {
    ListBuilder list(arena);
    for (const ToolCall& call : calls) list.add(tool_call_value(call.id, call.name, call.arguments, arena));
    said.add("tool_calls", list.build());
  }
  more.push_back(said.build());
  // The chat interface wants a result for each call: here, why there is none.
  const std::string whole = "This call was not made: ";
  for (size_t i = 0; i < calls.size(); ++i) {
    const std::string& own = verdict.call_faults[i];
    more.push_back(tool_result_value(
        calls[i].id, whole + (own.empty() ? "the answer cannot be used: " + verdict.fault.full : own),
        arena));
  }
  if (calls.empty()) {
    const bool wants_json = prompt_->output() != nullptr;
    const std::string words =
        "Your answer cannot be used: " + verdict.fault.full + ". Answer again, with " +
        (wants_json ? "JSON that fits the schema and nothing else." : "a call of a tool.");
    MapBuilder told(arena);
    told.add("role", Value::string("user"));
    told.add("content", Value::string(arena.copy(words)));
    more.push_back(told.build());
  }
  build_request(more);
}

Result<Exchange::Next> Exchange::take(const Value& answer) {
  const std::string name = prompt_->name() + "@" + prompt_->version();
  const Value* given = answer.find("text");
  if (given == nullptr || !given->is(Kind::kString)) {
    return make_error(
        ErrorKind::kUnprocessable, "prompt.no_answer",
        "the model gave no chat answer to " + name + ": it has no text; a prompt is for chat models", "text");
  }
  const std::string_view text = given->as_string(), finish = text_of(answer, "finish_reason");
  const std::vector<ToolCall> calls = calls_in(answer);
  auto arena = std::make_shared<Arena>(text.size() * 2 + 1024);
  Attempt attempt;
  attempt.finish_reason = finish;
  attempt.usage = usage_of(answer);
  keep(text, calls, attempt);
  const auto fail = [&](std::string code, std::string field, std::string fault,
                        std::string message) -> Error {
    attempt.fault = std::move(fault);
    attempts_.push_back(std::move(attempt));
    return make_error(ErrorKind::kUnprocessable, std::move(code), std::move(message), std::move(field));
  };
  const bool is_checked = prompt_->output() != nullptr || !prompt_->toolbox().empty();
  if (is_checked && finish == "length") {
    // Asked again it would be cut off again.
    return fail("prompt.answer_cut_off", "text", "cut off",
                "the answer to " + name + " was cut off; raise its max_tokens, or ask for less");
  }
  if (is_checked && finish == "content_filter") {
    return fail("prompt.answer_filtered", "text", "filtered",
                "the answer to " + name + " was withheld by the server's content filter");
  }
  Verdict verdict = judge(text, finish, calls, *arena);
  if (verdict.fault.any()) {
    const std::string& told = prompt_->keeps_text() ? verdict.fault.full : verdict.fault.brief;
    if (attempts_.size() >= prompt_->repairs()) {
      return fail(verdict.code, verdict.field, told,
                  "the model's answer to " + name + " cannot be used: " + told);
    }
    ask_again(text, calls, verdict);
    attempt.fault = told;
    attempts_.push_back(std::move(attempt));
    return Next::kAsk;
  }
  attempts_.push_back(std::move(attempt));
  result_ = result_of(text, finish, verdict, std::move(arena));
  return Next::kDone;
}

void Exchange::keep(std::string_view text, const std::vector<ToolCall>& calls, Attempt& attempt) const {
  if (prompt_->keeps_text()) attempt.answer = text;
  attempt.answer_sha256 = to_hex(sha256(text));
  if (calls.empty()) return;
  auto arena = std::make_shared<Arena>(512);
  ListBuilder list(*arena);
  for (const ToolCall& call : calls) {
    MapBuilder map(*arena);
    map.add("id", Value::string(arena->copy(call.id)));
    map.add("name", Value::string(arena->copy(call.name)));
    map.add("arguments", Value::string(arena->copy(call.arguments)));
    list.add(map.build());
  }
  MapBuilder all(*arena);
  all.add("text", Value::string(text));
  const Value built = list.build();
  all.add("tool_calls", built);
  attempt.answer_sha256 = to_hex(sha256(to_canonical_json(all.build())));
  if (prompt_->keeps_text()) attempt.tool_calls = Document(std::move(arena), built);
}

Document Exchange::result_of(std::string_view text, std::string_view finish, const Verdict& verdict,
                             std::shared_ptr<Arena> arena) const {
  MapBuilder result(*arena);
  const Value said = Value::string(arena->copy(text));
  result.add("text", said);
  result.add("finish_reason", Value::string(arena->copy(finish)));
  if (!prompt_->toolbox().empty()) {
    MapBuilder message(*arena);
    message.add("role", Value::string("assistant"));
    message.add("content", said);
    message.add("tool_calls", verdict.calls);
    result.add("tool_calls", verdict.calls);
    result.add("message", message.build());
  }
  if (prompt_->output() != nullptr && (prompt_->toolbox().empty() || verdict.calls.size() == 0))
    result.add("value", verdict.value);
  MapBuilder usage(*arena);
  for (const auto key : kUsage) {
    int64_t sum = 0;
    bool known = false;
    for (const Attempt& each : attempts_) {
      const Value* count = each.usage.root().find(key);
      if (count == nullptr) continue;
      known = true;
      sum += std::min<int64_t>(count->as_integer(), int64_t{1} << 40);
    }
    if (known) usage.add(key, Value::integer(sum));
  }
  if (usage.size() > 0) result.add("usage", usage.build());
  const Value built = result.build();
  return Document(std::move(arena), built);
}

Document Exchange::meta() const {
  auto arena = std::make_shared<Arena>(1024);
  const auto text = [&](std::string_view own) { return Value::string(arena->copy(own)); };
  MapBuilder meta(*arena);
  meta.add("name", text(prompt_->name()));
  meta.add("version", text(prompt_->version()));
  meta.add("rendered_sha256", text(to_hex(rendered_.sha256)));
  if (prompt_->keeps_text()) meta.add("messages", copy_value(rendered_.messages.root(), *arena));
  ListBuilder attempts(*arena);
  for (const Attempt& each : attempts_) {
    MapBuilder attempt(*arena);
    attempt.add("finish_reason", text(each.finish_reason));
    if (!each.usage.root().is_null()) attempt.add("usage", copy_value(each.usage.root(), *arena));
    attempt.add("answer_sha256", text(each.answer_sha256));
    if (prompt_->keeps_text()) attempt.add("answer", text(each.answer));
    if (!each.tool_calls.root().is_null())
      attempt.add("tool_calls", copy_value(each.tool_calls.root(), *arena));
    if (!each.fault.empty()) attempt.add("fault", text(each.fault));
    attempts.add(attempt.build());
  }
  meta.add("attempts", attempts.build());
  const Value built = meta.build();
  return Document(std::move(arena), built);
}

}  // namespace switchyard::prompts
