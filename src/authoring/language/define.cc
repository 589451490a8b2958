#include <algorithm>
#include <string>

#include "../json_object.h"
#include "features.h"
#include "place.h"

namespace switchyard::authoring::language {
namespace {

std::string location(const std::string& path, const TextMap& text, size_t begin, size_t end) {
  std::string out;
  {
    JsonObject object(out);
    object.text("uri", uri_of_path(path));
    object.raw("range", range_json(text, begin, end));
  }
  return out;
}

std::string to_step(const Question& question, const StepSite& site) {
  const size_t begin = question.text.offset_of(site.key);
  return location(question.path, question.text, begin, begin + site.name.size());
}

/// A file beside the document.
std::string to_file(const Question& question, std::string name) {
  while (name.starts_with("./")) name.erase(0, 2);
  const std::string path = question.path.substr(0, question.path.rfind('/') + 1) + name;
  if (name.empty() || !question.workspace.content(path).has_value()) return "null";
  return location(path, TextMap(""), 0, 0);
}

/// The document that makes an artefact: its first line.
std::string to_artefact(const Question& question, const std::string& word, const std::string& reference) {
  const auto kind = parse_artefact_kind(word);
  if (!kind.ok()) return "null";
  const size_t at = reference.rfind('@');
  const std::string name = reference.substr(0, at);
  const std::string version = at == std::string::npos ? "" : reference.substr(at + 1);
  for (const auto& document : question.workspace.documents_near(question.path)) {
    if (document.kind != *kind || document.name != name) continue;
    if (!version.empty() && document.version != version) continue;
    const TextMap map(question.workspace.content(document.path).value_or(""));
    const size_t begin = map.offset_of(document.position);
    return location(document.path, map, begin, begin + name.size());
  }
  return "null";
}

/// The step that the word under the cursor names in an expression; a field behind a dot names none.
const StepSite* step_in_expression(const Question& question, const Place& place) {
  const std::string& text = question.text.text();
  const auto [begin, end] = word_at(text, question.offset);
  if (begin == end) return nullptr;
  if (begin > 0 && (text[begin - 1] == '.' || text[begin - 1] == '?')) return nullptr;
  return place.find_step(text.substr(begin, end - begin));
}

}  // namespace

std::string define(const Question& question) {
  const Place place(question);
  const Cursor& cursor = place.cursor();
  if (!place.is_known() || cursor.in_comment || !cursor.in_value) return "null";
  const std::string scalar(place.scalar());
  if (place.is("artefact") || cursor.key == "costs") {
    if (std::string found = to_artefact(question, cursor.key, scalar); found != "null") return found;
  }
  if (place.is("schema_or_file")) {
    if (std::string found = to_file(question, scalar); found != "null") return found;
  }
  if (const StepSite* site = step_in_expression(question, place)) return to_step(question, *site);
  return "null";
}

}  // namespace switchyard::authoring::language
