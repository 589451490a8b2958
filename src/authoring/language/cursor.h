#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace switchyard::authoring::language {

/// Where a cursor stands in a document that is being written, and so need not be one yet.
struct Cursor {
  /// Keys from the root to the mapping (or list: "[]") that the cursor is in.
  std::vector<std::string> path;
  bool in_value = false;  ///< behind a colon, or in a list's item
  std::string key;        ///< of the value; empty in a list
  std::string typed;      ///< of the key or scalar, from its first character to the cursor
  size_t begin = 0;       ///< where `typed` stands in the text
  bool quoted = false;    ///< `typed` stands in quotes, which it lacks
  bool in_flow = false;   ///< inside { } or [ ]
  bool in_comment = false;
  std::vector<std::string> siblings;  ///< the other keys of the mapping

  /// The path of what is being written: path and key.
  std::vector<std::string> full_path() const;
};

/// Tolerant: reads indentation, keys and brackets, never fails.
Cursor find_cursor(std::string_view text, size_t offset);

}  // namespace switchyard::authoring::language
