#include "switchyard/document/fields.h"

#include <algorithm>

namespace switchyard::document {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

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

/// Digits without a leading zero.
bool is_version_number(std::string_view text) {
  if (text.empty() || text.size() > 9 || !std::all_of(text.begin(), text.end(), is_digit)) return false;
  return text.size() == 1 || text[0] != '0';
}

bool is_prerelease_part(std::string_view text) {
  const auto fits = [](char c) { return is_lower(c) || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-'; };
  if (text.empty() || !std::all_of(text.begin(), text.end(), fits)) return false;
  return !std::all_of(text.begin(), text.end(), is_digit) || is_version_number(text);
}

}  // namespace

void Reports::error(const Place& place, std::string_view what, std::string message, std::string mend) {
  error_at(place.position(), place.path, what, std::move(message), std::move(mend));
}

void Reports::error_at(Position at, std::string path, std::string_view what, std::string message,
                       std::string mend) {
  reporter_.error(at, std::move(path), module_ + "." + std::string(what), std::move(message),
                  std::move(mend));
}

void Reports::warning(const Place& place, std::string_view what, std::string message, std::string mend) {
  reporter_.warning(place.position(), place.path, module_ + "." + std::string(what), std::move(message),
                    std::move(mend));
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
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.emplace_back(key);
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
    const std::string near = nearest(entry.key, known_);
    reports_.error_at(entry.position, child_path(place_.path, entry.key), "unknown_field",
                      what_ + " has no entry '" + entry.key + "'",
                      near.empty() ? "use one of: " + word_list(known_) : "did you mean '" + near + "'?");
  }
}

std::optional<std::string> read_text(Reports& reports, const Place& place, const std::string& what) {
  if (place.node->is(Node::Kind::kString)) return place.node->text;
  reports.error(place, "not_text", what + " must be text, and this is " + place.node->describe(),
                "write it as text, in quotes where YAML would read something else");
  return std::nullopt;
}

std::pair<std::string, std::string> read_versioned_name(Reports& reports, const Place& place,
                                                        const std::string& whose, const std::string& noun,
                                                        const std::string& example) {
  const auto text = read_text(reports, place, whose);
  if (!text.has_value()) return {};
  const size_t at = text->find('@');
  const std::string name = text->substr(0, at);
  if (!is_artefact_name(name)) {
    reports.error(place, "bad_name", "'" + name + "' is no name of a " + noun,
                  "use lower-case letters, digits, '-', '_' and '.', with '/' between parts: " + example);
  }
  if (at == std::string::npos) {
    reports.error(place, "bad_version", "the name has no version", "write " + *text + "@1.0.0");
    return {name, {}};
  }
  const std::string version = text->substr(at + 1);
  if (!is_version(version)) {
    reports.error(place, "bad_version", "'" + version + "' is no version",
                  "write three numbers, as in 1.0.0, or 1.0.0-rc.1");
  }
  return {name, version};
}

void report_unknown_fields(Reporter& reporter, const Node& mapping, const std::string& path,
                           const std::vector<std::string>& known, const std::string& code) {
  for (const auto& entry : mapping.entries) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    const std::string near = nearest(entry.key, known);
    reporter.error(entry.position, child_path(path, entry.key), code, "'" + entry.key + "' is not known here",
                   near.empty() ? "the fields are " + word_list(known) : "did you mean '" + near + "'?");
  }
}

std::string word_list(const std::vector<std::string>& words) {
  std::string all;
  for (const auto& word : words) all += (all.empty() ? "" : ", ") + word;
  return all;
}

bool is_artefact_name(std::string_view text) {
  if (text.size() > kMaxArtefactNameBytes || text.starts_with('-') || text.starts_with('.')) return false;
  const auto fits = [](char c) { return is_lower(c) || is_digit(c) || c == '_' || c == '-' || c == '.'; };
  return all_parts(text, '/', [&](std::string_view part) {
    return !part.empty() && std::all_of(part.begin(), part.end(), fits);
  });
}

bool is_version(std::string_view text) {
  if (text.size() > 64) return false;
  const size_t dash = text.find('-');
  if (dash != std::string_view::npos && !all_parts(text.substr(dash + 1), '.', is_prerelease_part))
    return false;
  const std::string_view numbers = text.substr(0, dash);
  return std::count(numbers.begin(), numbers.end(), '.') == 2 && all_parts(numbers, '.', is_version_number);
}

}  // namespace switchyard::document
