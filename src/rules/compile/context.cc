#include "context.h"

#include <algorithm>

#include "../limits.h"

namespace switchyard::rules {

using document::Node;

std::optional<expression::Program> Context::expression(const Place& place, const expression::Type& expected,
                                                       const std::string& whose) {
  SY_CHECK(place.node->is(Node::Kind::kString));
  // Nobody would read of further mistakes, and near names take time to find.
  if (reporter_.errors() > kMaxMistakes) return std::nullopt;
  expression::CompileOptions options;
  options.expected = expected;
  options.cost_limit = kExpressionCostLimit;
  const std::string& text = place.node->text;
  auto compiled = expression::compile(text, environment_, options);
  for (const auto& mistake : compiled.mistakes) {
    std::string message = mistake.message;
    std::string mend = mistake.mend;
    if (mistake.code == "expression.wrong_result") {
      message = whose + ": " + message;
      if (mend.empty())
        mend = expected.is(expression::TypeKind::kBool)
                   ? "write a condition, such as facts.amount > 100.0"
                   : "write an expression of type " + expected.to_string();
    } else if (mistake.code == "expression.undeclared") {
      const std::string word = text.substr(std::min<size_t>(mistake.offset, text.size()), mistake.length);
      mend = facts_type_.find_field(word) != nullptr ? "write facts." + word
             : word == text ? "if text is meant, quote it inside the expression: \"'" + text + "'\""
                            : "only `facts` can be read here: facts.<name>";
    }
    if (mend.empty()) mend = "correct the expression; docs/language.md lists what expressions can do";
    const auto at = document::position_in(*place.node, mistake.offset);
    reporter_.error(at, place.path, mistake.code, std::move(message), std::move(mend));
  }
  // A compiler that refuses without a reason would let a wrong document pass in silence.
  SY_CHECK(compiled.ok() || !compiled.mistakes.empty());
  return std::move(compiled.program);
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates,
                         std::string otherwise) {
  const std::string near = document::nearest(word, candidates);
  return near.empty() ? std::move(otherwise) : "did you mean '" + near + "'?";
}

std::string word_list(const std::vector<std::string>& words) {
  constexpr size_t kMost = 12;
  std::string out;
  for (size_t i = 0; i < words.size() && i < kMost; ++i) {
    if (i > 0) out += ", ";
    out += words[i];
  }
  return words.size() > kMost ? out + ", ..." : out;
}

}  // namespace switchyard::rules
