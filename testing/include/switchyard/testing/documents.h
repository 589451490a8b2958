#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "switchyard/types/diagnostic.h"

// What the tests of compilers share: documents in folders, what is said of them, and the guides' snippets.
namespace switchyard::testing {

/// The file's bytes; empty when there is none.
std::string read_text_file(const std::string& path);
/// Paths of the files in `folder` that end so, sorted.
std::vector<std::string> files_in(const std::string& folder, std::string_view ending);
std::string file_name_of(const std::string& path);

/// All diagnostics, one a line.
std::string report(const Diagnostics& diagnostics);
/// Those that lack line, column, code, mend or file, one a line; empty: none does.
std::string incomplete(const Diagnostics& diagnostics);
/// What the file NAME.expected beside the document NAME.yaml says; empty when there is none. With
/// SWITCHYARD_UPDATE_EXPECTED=1 it says `got` from now on, or is gone when that is empty: read the difference
/// before you commit it.
std::string expected_beside(const std::string& document, const std::string& got);

/// What stands between ``` and ``` in a guide.
struct Snippet {
  std::string kind;  ///< what stands after the first ```: "yaml", "yaml wrong", ...
  std::string text;
  size_t line = 0;
};
std::vector<Snippet> snippets_of(const std::string& guide);

}  // namespace switchyard::testing
