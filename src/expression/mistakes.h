#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "switchyard/expression/program.h"

namespace switchyard::expression {

/// Collects the mistakes of one text, at most kMaxMistakes, and works out lines and columns.
class Mistakes {
 public:
  explicit Mistakes(std::string_view text) : text_(text) {}

  void add(Span span, std::string code, std::string message, std::string mend = {});
  bool empty() const { return list_.empty(); }
  /// Nothing more will be told, so that looking for more is of no use.
  bool full() const { return list_.size() >= kMaxMistakes; }
  /// In the order of the text.
  std::vector<Mistake> take();

 private:
  std::string_view text_;
  std::vector<Mistake> list_;
};

/// Line and column, both from 1, of a byte offset.
struct LineColumn {
  uint32_t line = 1;
  uint32_t column = 1;
};
LineColumn line_column(std::string_view text, uint32_t offset);

/// The candidate nearest to `name` by edit distance, or empty when none is near enough to be a slip of the
/// pen.
std::string_view nearest_name(std::string_view name, const std::vector<std::string_view>& candidates);

/// `text` in single quotes, cut to a readable length.
std::string quoted(std::string_view text);

}  // namespace switchyard::expression
