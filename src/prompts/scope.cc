#include <algorithm>

#include "limits.h"
#include "template.h"

namespace switchyard::prompts {

using expression::SlotIndex;
using expression::Type;
using expression::TypeKind;

namespace {

Type round_type() {
  return Type::object({{"number", Type::integer()},
                       {"index", Type::integer()},
                       {"first", Type::boolean()},
                       {"last", Type::boolean()},
                       {"count", Type::integer()}});
}

bool is_name(std::string_view text) {
  const auto parsed = expression::parse_only(text);
  return parsed.ok() && parsed.ast->root().kind == expression::NodeKind::kIdent &&
         !parsed.ast->root().absolute && parsed.ast->root().name == text;
}

}  // namespace

Scope::Scope(Type input, bool has_output) : input_(std::move(input)) {
  environment_.declare("input", input_);
  if (has_output)
    environment_.declare("output_schema", Type::dyn());
  else
    environment_.reserve();
  for (uint32_t i = 0; i < 2 * kMaxLoopDepth; ++i) environment_.reserve();
}

std::string Scope::mend_for_unknown(std::string_view word) const {
  if (input_.find_field(word) != nullptr) return "write input." + std::string(word);
  std::string known;
  for (const auto& variable : environment_.variables()) {
    if (!variable.name.empty()) known += (known.empty() ? "" : ", ") + variable.name;
  }
  return "known here: " + known + "; text is quoted: '" + std::string(word) + "'";
}

std::optional<expression::Program> Scope::compile(std::string_view text, size_t begin, size_t end,
                                                  const std::optional<Type>& expected,
                                                  Mistakes& mistakes) const {
  expression::CompileOptions options;
  options.expected = expected;
  options.cost_limit = kExpressionCostLimit;
  options.given = given_;
  const std::string_view own = text.substr(begin, end - begin);
  auto compiled = expression::compile(own, environment_, options);
  for (const auto& mistake : compiled.mistakes) {
    std::string mend = mistake.mend;
    if (mistake.code == "expression.undeclared") {
      mend = mend_for_unknown(own.substr(std::min<size_t>(mistake.offset, own.size()), mistake.length));
    } else if (mend.empty() && mistake.code == "expression.wrong_result") {
      mend = expected->is(TypeKind::kBool) ? "write a condition, such as has(input.name) or input.count > 0"
                                           : "write a list; one that may be absent: input.?items.orValue([])";
    } else if (mend.empty()) {
      mend = "correct the expression; docs/language.md lists what expressions can do";
    }
    mistakes.push_back({static_cast<uint32_t>(begin) + mistake.offset, mistake.length, mistake.code,
                        mistake.message, std::move(mend)});
  }
  SY_CHECK(compiled.ok() || !compiled.mistakes.empty());
  return std::move(compiled.program);
}

std::optional<uint32_t> Scope::open_loop(std::string_view name, const Type& list, size_t offset,
                                         Mistakes& mistakes) {
  const auto refuse = [&](std::string code, std::string message,
                          std::string mend) -> std::optional<uint32_t> {
    mistakes.push_back({static_cast<uint32_t>(offset), static_cast<uint32_t>(name.size()), std::move(code),
                        std::move(message), std::move(mend)});
    return std::nullopt;
  };
  if (depth_ >= kMaxLoopDepth) {
    return refuse("prompt.too_deep", "loops stand more than " + std::to_string(kMaxLoopDepth) + " deep",
                  "prepare the list before it comes to the prompt");
  }
  if (name == "round" || environment_.find(name).has_value()) {
    return refuse("prompt.name_taken", "'" + std::string(name) + "' is taken already",
                  "give the item another name");
  }
  const uint32_t slot = kSlotLoops + 2 * depth_;
  if (depth_ > 0) environment_.hide(SlotIndex(static_cast<uint16_t>(slot - 1)));
  ++depth_;
  environment_.reveal(SlotIndex(static_cast<uint16_t>(slot)), std::string(name),
                      list.is(TypeKind::kList) ? list.element()
                      : list.is_error()        ? list
                                               : Type::dyn());
  environment_.reveal(SlotIndex(static_cast<uint16_t>(slot + 1)), "round", round_type());
  return slot;
}

void Scope::close_loop() {
  SY_CHECK(depth_ > 0);
  --depth_;
  const uint32_t slot = kSlotLoops + 2 * depth_;
  environment_.hide(SlotIndex(static_cast<uint16_t>(slot)));
  environment_.hide(SlotIndex(static_cast<uint16_t>(slot + 1)));
  if (depth_ > 0) environment_.reveal(SlotIndex(static_cast<uint16_t>(slot - 1)), "round", round_type());
}

std::optional<ForHead> parse_for(std::string_view text, size_t begin, size_t end, Mistakes& mistakes) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  const auto skip = [&](size_t i) {
    while (i < end && blank(text[i])) ++i;
    return i;
  };
  ForHead head;
  head.name_at = skip(begin);
  size_t i = head.name_at;
  while (i < end && !blank(text[i])) ++i;
  head.name = text.substr(head.name_at, i - head.name_at);
  const size_t in = skip(i);
  head.begin = std::min(end, in + 2);
  head.end = end;
  const bool has_in =
      text.substr(in, head.begin - in) == "in" && (head.begin == end || blank(text[head.begin]));
  head.begin = skip(head.begin);
  if (!has_in || head.begin >= end || !is_name(head.name)) {
    mistakes.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end - begin), "prompt.bad_for",
                        "'" + std::string(text.substr(begin, end - begin)) + "' is no loop over a list",
                        "write NAME in LIST, as in: item in input.items"});
    return std::nullopt;
  }
  return head;
}

}  // namespace switchyard::prompts
