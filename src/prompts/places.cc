#include "places.h"

#include <algorithm>
#include <cmath>

namespace switchyard::prompts {

using document::Node;
using document::Position;

namespace {

uint32_t characters(std::string_view text) {
  return static_cast<uint32_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }));
}

std::string number_text(double number) {
  std::string text = std::to_string(number);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string mend_for_word(std::string_view word, const std::vector<std::string>& known) {
  const std::string near = document::nearest(word, known);
  return near.empty() ? "use one of: " + document::word_list(known) : "did you mean '" + near + "'?";
}

}  // namespace

void Reports::add(const Text& text, Mistakes mistakes) {
  for (Mistake& mistake : mistakes) {
    const Position at = position(text, mistake.offset);
    reporter_.add({Diagnostic::Severity::kError, std::move(mistake.code), text.file, at.line, at.column,
                   text.place.path, std::move(mistake.message), std::move(mistake.mend)});
  }
}

Position Reports::position(const Text& text, size_t offset) const {
  offset = std::min(offset, text.text.size());
  if (text.file.empty()) return in_block(*text.place.node, offset);
  const std::string_view before = text.text.substr(0, offset);
  const size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return {static_cast<uint32_t>(1 + std::count(before.begin(), before.end(), '\n')),
          1 + characters(before.substr(line_start))};
}

/// A literal block ('|') has its lines one by one below its head, all moved by the same number of blanks.
Position Reports::in_block(const Node& scalar, size_t offset) const {
  const Position begin = scalar.position;
  const auto fallback = document::position_in(scalar, offset);
  if (!scalar.quoted || begin.line == 0) return fallback;
  size_t at = 0;
  for (uint32_t line = 1; line < begin.line && at != std::string_view::npos; ++line)
    at = source_.find('\n', at) == std::string_view::npos ? std::string_view::npos
                                                          : source_.find('\n', at) + 1;
  if (at == std::string_view::npos || source_.size() - at < begin.column) return fallback;
  const size_t head_end = source_.find('\n', at);
  if (head_end == std::string_view::npos || source_[at + begin.column - 1] != '|') return fallback;
  const std::string_view before = std::string_view(scalar.text).substr(0, offset);
  const auto nth = static_cast<uint32_t>(std::count(before.begin(), before.end(), '\n'));
  const size_t line_start = before.rfind('\n') + 1;
  size_t own = head_end + 1;
  for (uint32_t line = 0; line < nth; ++line) {
    own = source_.find('\n', own);
    if (own == std::string_view::npos) return fallback;
    ++own;
  }
  // The line ends as the text's own does, so that what it is longer by is the indent.
  const std::string_view rest = std::string_view(scalar.text).substr(line_start);
  const std::string_view written = rest.substr(0, rest.find('\n'));
  std::string_view line = source_.substr(own);
  line = line.substr(0, line.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (!line.ends_with(written)) return fallback;
  const auto indent = static_cast<uint32_t>(line.size() - written.size());
  return {begin.line + 1 + nth, indent + 1 + characters(before.substr(line_start))};
}

std::optional<double> read_number(Reports& reports, const Place& place, const std::string& what, double least,
                                  double most) {
  const Node& node = *place.node;
  if (node.is_number()) {
    const double number = node.is(Node::Kind::kInteger) ? static_cast<double>(node.integer) : node.real;
    if (number >= least && number <= most) return number;
  }
  reports.error(place, "bad_number", what + " cannot be " + node.describe(),
                "write a number from " + number_text(least) + " to " + number_text(most));
  return std::nullopt;
}

std::optional<int64_t> read_integer(Reports& reports, const Place& place, const std::string& what,
                                    int64_t least, int64_t most) {
  const Node& node = *place.node;
  if (node.is(Node::Kind::kInteger) && node.integer >= least && node.integer <= most) return node.integer;
  reports.error(place, "bad_number", what + " cannot be " + node.describe(),
                "write a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  return std::nullopt;
}

std::optional<size_t> read_word(Reports& reports, const Place& place, const std::string& what,
                                const std::vector<std::string>& words) {
  if (place.node->is(Node::Kind::kString)) {
    const auto found = std::find(words.begin(), words.end(), place.node->text);
    if (found != words.end()) return static_cast<size_t>(found - words.begin());
  }
  reports.error(place, "bad_word", what + " cannot be " + place.node->describe(),
                mend_for_word(place.node->is_scalar() ? place.node->text : "", words));
  return std::nullopt;
}

}  // namespace switchyard::prompts
