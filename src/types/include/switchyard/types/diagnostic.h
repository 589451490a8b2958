#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace switchyard {

/// One mistake in a document, for a person: where, what, and how to mend it.
struct Diagnostic {
  enum class Severity : uint8_t { kError, kWarning };
  Severity severity = Severity::kError;
  std::string code;     ///< stable, e.g. "pipeline.unknown_step"
  std::string file;     ///< empty when not known
  uint32_t line = 0;    ///< from 1; 0 when not known
  uint32_t column = 0;  ///< from 1
  std::string path;     ///< dotted path in the document, e.g. "steps.light.model"
  std::string message;  ///< what is wrong
  std::string mend;     ///< what to write instead

  /// "file:line:column: error: message (path) [code]\n  mend: ..."
  std::string to_string() const;
};

using Diagnostics = std::vector<Diagnostic>;

inline bool has_errors(const Diagnostics& diagnostics) {
  for (const auto& d : diagnostics)
    if (d.severity == Diagnostic::Severity::kError) return true;
  return false;
}

}  // namespace switchyard
