#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "switchyard/governance/bundle.h"
#include "switchyard/types/diagnostic.h"

namespace switchyard::authoring {

struct CheckRequest {
  /// A folder's files. What a model's manifest names must be among them; its content may be left out.
  std::vector<governance::SourceFile> files;
  /// Paths among `files` whose findings are wanted, with those of the files they name; empty: all.
  std::vector<std::string> only;
  /// Documents that exist on a server (compile_bundle()).
  std::vector<std::vector<governance::SourceFile>> known;
  bool asked_server = false;  ///< what is not found is not found there either
  bool lint = true;           ///< look for what is allowed and probably not meant
};

struct CheckReport {
  Diagnostics findings;  ///< by file, line and column; each once
  size_t documents = 0;  ///< checked
  size_t errors = 0, warnings = 0;
};

/// Reads, compiles and lints a folder's documents: every mistake of every file. A finding of the lint can be
/// allowed by a comment on its line or the one above: `# allow lint.http_without_timeout: the reason`.
CheckReport check(const CheckRequest& request);

/// Names that the documents use and the folder lacks: kind, name, and a version where one is said.
std::vector<governance::ArtefactKey> missing_artefacts(const std::vector<governance::SourceFile>& files);

/// What is behind a code.
struct Explanation {
  std::string_view code;
  std::string_view reason;  ///< why it matters; empty for mistakes whose message says it
  std::string_view link;    ///< into the documentation: "docs/authoring.md#lintconstant_condition"
};
/// For every code that ends in a dot of a known family or is listed; the language guide for others.
Explanation explain(std::string_view code);
/// The codes that have a reason: warnings of the compilers, and the lint.
std::vector<Explanation> explained_codes();

/// "file:line:column: warning: ..." with mend, reason and link; the last line counts.
std::string to_text(const CheckReport& report);
std::string to_json(const CheckReport& report);
/// SARIF 2.1.0, for code hosts. `version` is the tool's.
std::string to_sarif(const CheckReport& report, std::string_view version);

}  // namespace switchyard::authoring
