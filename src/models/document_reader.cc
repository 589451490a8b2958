#include "document_reader.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "switchyard/document/document.h"

namespace switchyard::models {

std::string join_path(const std::string& path, std::string_view key) {
  return path.empty() ? std::string(key) : path + "." + std::string(key);
}

void DocumentReader::mistake(std::string path, std::string what, std::string message, std::string mend) {
  Diagnostic diagnostic;
  diagnostic.code = "models." + std::move(what);
  diagnostic.path = std::move(path);
  diagnostic.message = std::move(message);
  diagnostic.mend = std::move(mend);
  diagnostics_.push_back(std::move(diagnostic));
}

void DocumentReader::check_members(const Value& map, const std::string& path,
                                   std::initializer_list<const char*> known) {
  for (const Member& entry : map.members()) {
    const std::string key(entry.key.is(Kind::kString) ? entry.key.as_string() : "");
    if (std::any_of(known.begin(), known.end(), [&](const char* name) { return key == name; })) continue;
    std::vector<std::string> names(known.begin(), known.end());
    const std::string near = document::nearest(key, names);
    std::string all;
    for (const auto& name : names) all += (all.empty() ? "" : ", ") + name;
    mistake(join_path(path, key), "unknown_member", "there is no '" + key + "' here",
            near.empty() ? "use one of: " + all : "did you mean '" + near + "'?");
  }
}

const Value* DocumentReader::member(const Value& map, const std::string& path, const char* key, Kind kind,
                                    bool required, const char* mend) {
  const Value* value = map.find(key);
  if (value == nullptr || value->is_null()) {
    if (required) mistake(join_path(path, key), "missing", std::string("'") + key + "' is missing", mend);
    return nullptr;
  }
  if (value->is(kind)) return value;
  mistake(join_path(path, key), "wrong_kind",
          std::string("'") + key + "' is a " + std::string(kind_name(value->kind())) + ", not a " +
              std::string(kind_name(kind)),
          mend);
  return nullptr;
}

std::string DocumentReader::text(const Value& map, const std::string& path, const char* key, bool required,
                                 const char* mend) {
  const Value* value = member(map, path, key, Kind::kString, required, mend);
  return value == nullptr ? std::string() : std::string(value->as_string());
}

uint32_t DocumentReader::count(const Value& map, const std::string& path, const char* key, uint32_t fallback,
                               uint32_t least, uint32_t most) {
  const Value* value = map.find(key);
  if (value == nullptr || value->is_null()) return fallback;
  const std::string range = "from " + std::to_string(least) + " to " + std::to_string(most);
  const bool whole = value->is(Kind::kInteger) || value->is(Kind::kUnsigned);
  const double number = whole ? value->to_double() : -1;
  if (number >= least && number <= most) return static_cast<uint32_t>(number);
  mistake(join_path(path, key), "out_of_range", std::string("'") + key + "' is no whole number " + range,
          "write a whole number " + range);
  return fallback;
}

schema::SchemaPtr DocumentReader::read_schema(const Value& document, const std::string& path) {
  auto compiled = schema::Schema::compile(document);
  for (Diagnostic& diagnostic : compiled.diagnostics) {
    // The schema's own paths are JSON Pointers; ours are dotted.
    std::string at = path + diagnostic.path;
    std::replace(at.begin(), at.end(), '/', '.');
    diagnostic.path = std::move(at);
    diagnostics_.push_back(std::move(diagnostic));
  }
  return compiled.schema;
}

std::string DocumentReader::word(const Value& map, const std::string& path, const char* key,
                                 std::initializer_list<const char*> words) {
  std::string all;
  for (const char* one : words) all += (all.empty() ? "" : ", ") + std::string(one);
  const std::string mend = "write one of: " + all;
  const std::string written = text(map, path, key, false, mend.c_str());
  if (written.empty()) return *words.begin();
  if (std::any_of(words.begin(), words.end(), [&](const char* one) { return written == one; }))
    return written;
  const std::vector<std::string> names(words.begin(), words.end());
  const std::string near = document::nearest(written, names);
  mistake(join_path(path, key), "unknown_word", "'" + written + "' is none of what '" + key + "' can be",
          near.empty() ? mend : "did you mean '" + near + "'?");
  return *words.begin();
}

double DocumentReader::amount(const Value& map, const std::string& path, const char* key, const char* mend) {
  const Value* value = map.find(key);
  if (value == nullptr || value->is_null()) return 0;
  if (value->is_number() && std::isfinite(value->to_double()) && value->to_double() >= 0)
    return value->to_double();
  mistake(join_path(path, key), "out_of_range", std::string("'") + key + "' is no number from 0", mend);
  return 0;
}

}  // namespace switchyard::models
