#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/document/document.h"

namespace switchyard::authoring::language {

/// A position as editors count: line and UTF-16 unit, both from 0.
struct EditorPosition {
  uint32_t line = 0;
  uint32_t character = 0;
};

/// The lines of a text, and the ways to say where something stands in it: bytes, lines with characters from 1
/// (ours), lines with UTF-16 units from 0 (the editor's). Keeps no view of the text it was made of. What lies
/// outside the text becomes its nearest end.
class TextMap {
 public:
  explicit TextMap(std::string text);

  const std::string& text() const { return text_; }
  size_t line_count() const { return starts_.size(); }
  /// Without its line break. From 0.
  std::string_view line(size_t index) const;

  size_t offset_of(EditorPosition at) const;
  size_t offset_of(document::Position at) const;
  EditorPosition editor_position(size_t offset) const;
  EditorPosition editor_position(document::Position at) const { return editor_position(offset_of(at)); }
  document::Position position(size_t offset) const;
  EditorPosition end() const { return editor_position(text_.size()); }

 private:
  size_t line_of(size_t offset) const;
  std::string text_;
  std::vector<size_t> starts_;
};

}  // namespace switchyard::authoring::language
