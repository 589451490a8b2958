#pragma once

#include <string>

#include "text_map.h"
#include "workspace.h"

// What the server answers about a place in an open document. Each gives the result's JSON.
namespace switchyard::authoring::language {

/// An open document, and where the editor's cursor stands in it.
struct Question {
  Workspace& workspace;
  const std::string& path;
  const TextMap& text;
  size_t offset = 0;
};

std::string complete(const Question& question);
std::string hover(const Question& question);
std::string define(const Question& question);
std::string symbols(const TextMap& text, const std::string& path);
/// nullptr JSON ("null") when the document cannot be formatted; `why` says why then.
std::string format_edits(const TextMap& text, const std::string& path, std::string& why);
/// The findings of one file as the editor's diagnostics.
std::string diagnostics(const Diagnostics& findings, const TextMap& text);

/// `{"start":...,"end":...}`
std::string range_json(const TextMap& text, size_t begin, size_t end);

}  // namespace switchyard::authoring::language
