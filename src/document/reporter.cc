#include "switchyard/document/reporter.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace switchyard::document {

std::string child_path(std::string_view parent, std::string_view key) {
  std::string path(parent);
  if (!path.empty()) path += '.';
  path += key;
  return path;
}

std::string child_path(std::string_view parent, size_t index) {
  return std::string(parent) + "[" + std::to_string(index) + "]";
}

void Reporter::error(Position at, std::string path, std::string code, std::string message, std::string mend) {
  add({Diagnostic::Severity::kError, std::move(code), file_, at.line, at.column, std::move(path),
       std::move(message), std::move(mend)});
}

void Reporter::warning(Position at, std::string path, std::string code, std::string message,
                       std::string mend) {
  add({Diagnostic::Severity::kWarning, std::move(code), file_, at.line, at.column, std::move(path),
       std::move(message), std::move(mend)});
}

void Reporter::add(Diagnostic diagnostic) {
  const bool is_error = diagnostic.severity == Diagnostic::Severity::kError;
  if (is_error) ++errors_;
  if (diagnostic.file.empty()) diagnostic.file = file_;
  // The first error is always kept, whatever stood before it: a refused document shows why.
  if (diagnostics_.size() >= limit_ && !(is_error && errors_ == 1)) {
    ++dropped_;
    return;
  }
  diagnostics_.push_back(std::move(diagnostic));
}

Diagnostics Reporter::take() {
  const auto place = [this](const Diagnostic& d) {
    return std::tuple(d.file != file_, std::string_view(d.file), d.line, d.column);
  };
  std::stable_sort(diagnostics_.begin(), diagnostics_.end(),
                   [&](const Diagnostic& a, const Diagnostic& b) { return place(a) < place(b); });
  const auto same = [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.file, a.line, a.column, a.code, a.path, a.message) ==
           std::tie(b.file, b.line, b.column, b.code, b.path, b.message);
  };
  diagnostics_.erase(std::unique(diagnostics_.begin(), diagnostics_.end(), same), diagnostics_.end());
  if (dropped_ > 0) {
    diagnostics_.push_back(
        {Diagnostic::Severity::kWarning,
         "document.more_mistakes",
         file_,
         0,
         0,
         {},
         "the report ends after " + std::to_string(diagnostics_.size()) + " mistakes; there are more",
         "mend those above first"});
  }
  errors_ = 0;
  dropped_ = 0;
  return std::exchange(diagnostics_, {});
}

}  // namespace switchyard::document
