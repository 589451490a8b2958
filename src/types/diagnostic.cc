#include "switchyard/types/diagnostic.h"

namespace switchyard {

std::string Diagnostic::to_string() const {
  std::string text;
  if (!file.empty()) text += file + ":";
  if (line != 0)
    text += std::to_string(line) + ":" + std::to_string(column) + ": ";
  else if (!file.empty())
    text += " ";
  text += severity == Severity::kError ? "error: " : "warning: ";
  text += message;
  if (!path.empty()) text += " (" + path + ")";
  if (!code.empty()) text += " [" + code + "]";
  if (!mend.empty()) text += "\n  mend: " + mend;
  return text;
}

}  // namespace switchyard
