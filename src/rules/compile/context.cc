#include "context.h"

#include <algorithm>

#include "../limits.h"

namespace switchyard::rules {

using document::Node;

void Context::error(const Place& place, std::string_view what, std::string message, std::string mend) {
  error_at(place.position(), place.path, what, std::move(message), std::move(mend));
}

void Context::error_at(document::Position at, std::string path, std::string_view what, std::string message,
                       std::string mend) {
  reporter_.error(at, std::move(path), "rules." + std::string(what), std::move(message), std::move(mend));
}

void Context::warning(const Place& place, std::string_view what, std::string message, std::string mend) {
  reporter_.warning(place.position(), place.path, "rules." + std::string(what), std::move(message),
                    std::move(mend));
}

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

Fields::Fields(Context& context, Place place, std::string what)
    : context_(context), place_(std::move(place)), what_(std::move(what)) {
  mapping_ = place_.node->is(Node::Kind::kMapping);
  if (mapping_) return;
  context_.error(place_, "not_a_mapping",
                 what_ + " must be a mapping, and this is " + place_.node->describe(),
                 "write entries of the form 'name: value'");
}

std::optional<Place> Fields::find(std::string_view key) {
  known_.emplace_back(key);
  if (!mapping_) return std::nullopt;
  for (const auto& entry : place_.node->entries)
    if (entry.key == key) return place_.entry(entry);
  return std::nullopt;
}

std::optional<Place> Fields::require(std::string_view key, std::string mend) {
  auto found = find(key);
  if (!found.has_value() && mapping_) {
    context_.error(place_, "missing_field", what_ + " needs '" + std::string(key) + "'", std::move(mend));
  }
  return found;
}

void Fields::finish() {
  if (!mapping_) return;
  for (const auto& entry : place_.node->entries) {
    if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
    context_.error_at(entry.position, document::child_path(place_.path, entry.key), "unknown_field",
                      what_ + " has no entry '" + entry.key + "'",
                      did_you_mean(entry.key, known_, "use one of: " + word_list(known_)));
  }
}

std::optional<std::string> read_text(Context& context, const Place& place, const std::string& what) {
  if (place.node->is(Node::Kind::kString)) return place.node->text;
  context.error(place, "not_text", what + " must be text, and this is " + place.node->describe(),
                "write it as text, in quotes where YAML would read something else");
  return std::nullopt;
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
