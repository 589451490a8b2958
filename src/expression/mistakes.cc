#include "mistakes.h"

#include <algorithm>

namespace switchyard::expression {

std::string Mistake::to_string() const {
  std::string out = std::to_string(line) + ":" + std::to_string(column) + ": " + message + " [" + code + "]";
  if (!mend.empty()) out += "; " + mend;
  return out;
}

Error Compiled::to_error() const {
  SY_CHECK(!mistakes.empty());
  std::string message;
  for (const auto& mistake : mistakes) {
    if (!message.empty()) message += '\n';
    message += mistake.to_string();
  }
  return make_error(ErrorKind::kInvalidArgument, "expression.mistakes", std::move(message));
}

void Mistakes::add(Span span, std::string code, std::string message, std::string mend) {
  if (list_.size() >= kMaxMistakes) return;
  for (const auto& known : list_)
    if (known.offset == span.offset && known.length == span.length && known.message == message) return;
  const auto [line, column] = line_column(text_, span.offset);
  list_.push_back(
      {line, column, span.offset, span.length, std::move(message), std::move(mend), std::move(code)});
}

std::vector<Mistake> Mistakes::take() {
  std::stable_sort(list_.begin(), list_.end(),
                   [](const Mistake& a, const Mistake& b) { return a.offset < b.offset; });
  return std::move(list_);
}

LineColumn line_column(std::string_view text, uint32_t offset) {
  const auto before = text.substr(0, offset);
  const auto newline = before.rfind('\n');
  const size_t start = newline == std::string_view::npos ? 0 : newline + 1;
  return {static_cast<uint32_t>(1 + std::count(before.begin(), before.end(), '\n')),
          static_cast<uint32_t>(1 + before.size() - start)};
}

namespace {

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view nearest_name(std::string_view name, const std::vector<std::string_view>& candidates) {
  constexpr size_t kLongestCompared = 64;
  if (name.size() > kLongestCompared) return {};
  std::string_view best;
  size_t best_distance = std::max<size_t>(1, name.size() / 3) + 1;
  for (const auto candidate : candidates) {
    if (candidate.size() > kLongestCompared) continue;
    const size_t distance = edit_distance(name, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string quoted(std::string_view text) {
  constexpr size_t kLongest = 60;
  std::string out = "'";
  size_t cut = std::min(text.size(), kLongest);
  while (cut < text.size() && cut > 0 && (static_cast<uint8_t>(text[cut]) & 0xC0) == 0x80) --cut;
  out += text.substr(0, cut);
  if (cut < text.size()) out += "...";
  out += '\'';
  return out;
}

}  // namespace switchyard::expression
