#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "switchyard/document/document.h"
#include "switchyard/types/diagnostic.h"

namespace switchyard::document {

/// "steps.light" + "model" = "steps.light.model"; the parent may be empty.
std::string child_path(std::string_view parent, std::string_view key);
/// "rows" + 2 = "rows[2]".
std::string child_path(std::string_view parent, size_t index);

/// Collects the mistakes of one document. Not thread-safe. Keeps `limit` mistakes; further ones are counted
/// only and take() says so.
class Reporter {
 public:
  explicit Reporter(std::string file, size_t limit = 200) : file_(std::move(file)), limit_(limit) {}

  void error(Position at, std::string path, std::string code, std::string message, std::string mend);
  void warning(Position at, std::string path, std::string code, std::string message, std::string mend);
  /// Takes over mistakes that somebody else found; those without a file get this one's.
  void add(Diagnostic diagnostic);

  size_t errors() const { return errors_; }
  const std::string& file() const { return file_; }
  /// All mistakes sorted by file (this one's first), line and column; the same mistake at the same place
  /// once. The reporter is empty afterwards.
  Diagnostics take();

 private:
  std::string file_;
  size_t limit_;
  size_t errors_ = 0;
  size_t dropped_ = 0;
  Diagnostics diagnostics_;
};

}  // namespace switchyard::document
