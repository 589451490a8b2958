#include "switchyard/prompts/exchange.h"

#include <algorithm>
#include <array>

#include "limits.h"
#include "switchyard/base/hash.h"
#include "switchyard/types/json.h"

namespace switchyard::prompts {
namespace {

constexpr std::array<std::string_view, 3> kUsage{"prompt_tokens", "completion_tokens", "total_tokens"};

/// At most `most` bytes, cut between characters of the UTF-8 text.
std::string clip(std::string text, size_t most) {
  if (text.size() <= most) return text;
  size_t end = most;
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  return text + "...";
}

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
  Value value;
  std::string fault;  ///< empty: it fits
  std::string brief;  ///< the same without what the model said, for records that keep no text
};

Exchange::Exchange(std::shared_ptr<const Prompt> prompt, Rendered rendered)
    : prompt_(std::move(prompt)), rendered_(std::move(rendered)) {
  build_request(nullptr, nullptr);
}

Result<Exchange> Exchange::begin(std::shared_ptr<const Prompt> prompt, const Value& input, uint64_t seed) {
  SY_ASSIGN_OR_RETURN(Rendered rendered, prompt->render(input, seed));
  return Exchange(std::move(prompt), std::move(rendered));
}

void Exchange::build_request(const Value* answer, const Value* fault) {
  auto arena = std::make_shared<Arena>(4096);
  ListBuilder messages(*arena);
  for (const Value& message : rendered_.messages.root().items()) messages.add(copy_value(message, *arena));
  const auto add = [&](std::string_view role, const Value* content) {
    if (content == nullptr) return;
    MapBuilder message(*arena);
    message.add("role", Value::string(role));
    message.add("content", copy_value(*content, *arena));
    messages.add(message.build());
  };
  add("assistant", answer);
  add("user", fault);
  MapBuilder request(*arena);
  request.add("messages", messages.build());
  for (const Member& member : rendered_.parameters.root().members())
    request.add(copy_value(member.key, *arena), copy_value(member.value, *arena));
  const Value built = request.build();
  request_ = Document(std::move(arena), built);
}

Exchange::Verdict Exchange::judge(std::string_view text, std::string_view finish_reason, Arena& arena) const {
  Verdict verdict;
  if (prompt_->output() == nullptr) return verdict;
  JsonLimits limits;
  limits.max_bytes = kMaxAnswerBytes;
  auto parsed = parse_json(unfenced(text), arena, limits);
  if (!parsed.ok()) {
    const bool calls = finish_reason == "tool_calls";
    verdict.brief = calls ? "it calls a tool in place of an answer" : "it is no JSON";
    verdict.fault = calls ? verdict.brief : verdict.brief + ": " + parsed.error().message;
    return verdict;
  }
  auto normal = prompt_->output()->normalize(*parsed, arena);
  if (normal.ok()) {
    verdict.value = *normal;
    return verdict;
  }
  auto violations = prompt_->output()->validate(*parsed);
  // One that comes of a default.
  if (violations.empty()) violations.push_back({normal.error().field, "default", normal.error().message});
  verdict.fault = verdict.brief = "it does not fit the schema";
  for (size_t i = 0; i < violations.size() && i < kMaxFaults; ++i) {
    const std::string place = violations[i].pointer.empty() ? "" : "at " + violations[i].pointer + " ";
    verdict.fault += (i == 0 ? ": " : "; ") + place + violations[i].message;
    verdict.brief += (i == 0 ? ": " : "; ") + place + violations[i].keyword;
  }
  if (violations.size() > kMaxFaults)
    verdict.fault += "; and " + std::to_string(violations.size() - kMaxFaults) + " more";
  verdict.fault = clip(std::move(verdict.fault), kMaxFaultBytes);
  verdict.brief = clip(std::move(verdict.brief), kMaxFaultBytes);
  return verdict;
}

void Exchange::ask_again(std::string_view text, const std::string& fault) {
  const std::string words = "Your answer cannot be used: " + fault +
                            ". Answer again, with JSON that fits the schema and nothing else.";
  const Value answer = Value::string(text), told = Value::string(words);
  build_request(&answer, &told);
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
  Attempt attempt;
  attempt.finish_reason = finish;
  attempt.answer_sha256 = to_hex(sha256(text));
  if (prompt_->keeps_text()) attempt.answer = text;
  attempt.usage = usage_of(answer);
  const auto fail = [&](std::string code, std::string fault, std::string message) -> Error {
    attempt.fault = std::move(fault);
    attempts_.push_back(std::move(attempt));
    return make_error(ErrorKind::kUnprocessable, std::move(code), std::move(message), "text");
  };
  if (prompt_->output() != nullptr && finish == "length") {
    // Asked again it would be cut off again.
    return fail("prompt.answer_cut_off", "cut off",
                "the answer to " + name + " was cut off; raise its max_tokens, or ask for less");
  }
  if (prompt_->output() != nullptr && finish == "content_filter") {
    return fail("prompt.answer_filtered", "filtered",
                "the answer to " + name + " was withheld by the server's content filter");
  }
  auto arena = std::make_shared<Arena>(text.size() * 2 + 1024);
  Verdict verdict = judge(text, finish, *arena);
  if (!verdict.fault.empty()) {
    const std::string& told = prompt_->keeps_text() ? verdict.fault : verdict.brief;
    if (attempts_.size() >= prompt_->repairs()) {
      return fail("prompt.bad_answer", told, "the model's answer to " + name + " cannot be used: " + told);
    }
    ask_again(text, verdict.fault);
    attempt.fault = told;
    attempts_.push_back(std::move(attempt));
    return Next::kAsk;
  }
  attempts_.push_back(std::move(attempt));

  MapBuilder result(*arena);
  result.add("text", Value::string(arena->copy(text)));
  result.add("finish_reason", Value::string(arena->copy(finish)));
  if (prompt_->output() != nullptr) result.add("value", verdict.value);
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
  result_ = Document(std::move(arena), built);
  return Next::kDone;
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
    if (!each.fault.empty()) attempt.add("fault", text(each.fault));
    attempts.add(attempt.build());
  }
  meta.add("attempts", attempts.build());
  const Value built = meta.build();
  return Document(std::move(arena), built);
}

}  // namespace switchyard::prompts
