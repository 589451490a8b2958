#include "switchyard/testing/documents.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace switchyard::testing {

std::string read_text_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string> files_in(const std::string& folder, std::string_view ending) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().string().ends_with(ending)) paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string file_name_of(const std::string& path) { return std::filesystem::path(path).filename().string(); }

std::string report(const Diagnostics& diagnostics) {
  std::string text;
  for (const auto& diagnostic : diagnostics) text += diagnostic.to_string() + "\n";
  return text;
}

std::string incomplete(const Diagnostics& diagnostics) {
  Diagnostics lacking;
  for (const auto& each : diagnostics) {
    const bool whole =
        each.line != 0 && each.column != 0 && !each.code.empty() && !each.mend.empty() && !each.file.empty();
    if (!whole) lacking.push_back(each);
  }
  return report(lacking);
}

std::string expected_beside(const std::string& document, const std::string& got) {
  const std::string path = document.substr(0, document.rfind('.')) + ".expected";
  const char* update = std::getenv("SWITCHYARD_UPDATE_EXPECTED");
  if (update == nullptr || std::string_view(update) != "1") return read_text_file(path);
  if (got.empty())
    std::filesystem::remove(path);
  else
    std::ofstream(path, std::ios::binary) << got;
  return got;
}

std::vector<Snippet> snippets_of(const std::string& guide) {
  std::vector<Snippet> all;
  std::istringstream lines(read_text_file(guide));
  bool inside = false;
  size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.starts_with("```")) {
      if (!inside) all.push_back({line.substr(3), "", number});
      inside = !inside;
    } else if (inside) {
      all.back().text += line + "\n";
    }
  }
  return all;
}

}  // namespace switchyard::testing
