#include "places.h"

#include <algorithm>
#include <cmath>

#include "limits.h"

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

std::string word_list(const std::vector<std::string>& words) {
  std::string out;
  for (size_t i = 0; i < words.size(); ++i) out += (i == 0 ? "" : ", ") + words[i];
  return out;
}

std::string mend_for_word(std::string_view word, const std::vector<std::string>& known) {
  const std::string near = document::nearest(word, known);
  return near.empty() ? "use one of: " + word_list(known) : "did you mean '" + near + "'?";
}

/// Cuts `text` at each `separator`; whether every part passes.
template <typename Check>
bool all_parts(std::string_view text, char separator, Check check) {
  while (true) {
    const size_t end = text.find(separator);
    if (!check(text.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

bool is_number(std::string_view text) {
  if (text.empty() || text.size() > 9 || !std::all_of(text.begin(), text.end(), is_digit)) return false;
  return text.size() == 1 || text[0] != '0';
}

}  // namespace

bool is_prompt_name(std::string_view text) {
  if (text.size() > kMaxNameBytes || text.starts_with('-') || text.starts_with('.')) return false;
  const auto fits = [](char c) { return is_lower(c) || is_digit(c) || c == '_' || c == '-' || c == '.'; };
  return all_parts(text, '/', [&](std::string_view part) {
    return !part.empty() && std::all_of(part.begin(), part.end(), fits);
  });
}

bool is_prompt_version(std::string_view text) {
  if (text.size() > 64) return false;
  const size_t dash = text.find('-');
  const auto is_prerelease = [](std::string_view part) {
    const auto fits = [](char c) { return is_lower(c) || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-'; };
    if (part.empty() || !std::all_of(part.begin(), part.end(), fits)) return false;
    return !std::all_of(part.begin(), part.end(), is_digit) || is_number(part);
  };
  if (dash != std::string_view::npos && !all_parts(text.substr(dash + 1), '.', is_prerelease)) return false;
  const std::string_view numbers = text.substr(0, dash);
  return std::count(numbers.begin(), numbers.end(), '.') == 2 && all_parts(numbers, '.', is_number);
}

void Reports::error(const Place& place, std::string_view what, std::string message, std::string mend) {
  error_at(place.position(), place.path, what, std::move(message), std::move(mend));
}

void Reports::error_at(Position at, std::string path, std::string_view what, std::string message,
                       std::string mend) {
  reporter_.error(at, std::move(path), "prompt." + std::string(what), std::move(message), std::move(mend));
}

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

Fields::Fields(Reports& reports, Place place, std::string what)
    : reports_(reports), place_(std::move(place)), what_(std::move(what)) {
  mapping_ = place_.node->is(Node::Kind::kMapping);
  if (mapping_) return;
  reports_.error(place_, "not_a_mapping",
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
  if (!found.has_value() && mapping_)
    reports_.error(place_, "missing_field", what_ + " needs '" + std::string(key) + "'", std::move(mend));
  return found;
}

void Fields::finish() {
  if (!mapping_) return;
  for (const auto& entry : place_.node->entries) {
    if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
    reports_.error_at(entry.position, document::child_path(place_.path, entry.key), "unknown_field",
                      what_ + " has no entry '" + entry.key + "'", mend_for_word(entry.key, known_));
  }
}

std::optional<std::string> read_text(Reports& reports, const Place& place, const std::string& what) {
  if (place.node->is(Node::Kind::kString)) return place.node->text;
  reports.error(place, "not_text", what + " must be text, and this is " + place.node->describe(),
                "write it as text, in quotes where YAML would read something else");
  return std::nullopt;
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
