#include "text_map.h"

#include <algorithm>

namespace switchyard::authoring::language {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// UTF-16 units of the character that begins with this byte: four bytes of UTF-8 are two of them.
uint32_t units_of(char lead) { return static_cast<unsigned char>(lead) >= 0xF0 ? 2 : 1; }

}  // namespace

TextMap::TextMap(std::string text) : text_(std::move(text)) {
  starts_.push_back(0);
  for (size_t i = 0; i < text_.size(); ++i)
    if (text_[i] == '\n') starts_.push_back(i + 1);
}

std::string_view TextMap::line(size_t index) const {
  if (index >= starts_.size()) return {};
  const size_t begin = starts_[index];
  size_t end = index + 1 < starts_.size() ? starts_[index + 1] - 1 : text_.size();
  if (end > begin && text_[end - 1] == '\r') --end;
  return std::string_view(text_).substr(begin, end - begin);
}

size_t TextMap::offset_of(EditorPosition at) const {
  if (at.line >= starts_.size()) return text_.size();
  const std::string_view line_text = line(at.line);
  size_t byte = 0;
  uint32_t units = 0;
  while (byte < line_text.size() && units < at.character) {
    units += units_of(line_text[byte]);
    ++byte;
    while (byte < line_text.size() && is_continuation(line_text[byte])) ++byte;
  }
  return starts_[at.line] + byte;
}

size_t TextMap::offset_of(document::Position at) const {
  if (at.line == 0) return 0;
  if (at.line > starts_.size()) return text_.size();
  const std::string_view line_text = line(at.line - 1);
  size_t byte = 0;
  for (uint32_t column = 1; byte < line_text.size() && column < at.column; ++column) {
    ++byte;
    while (byte < line_text.size() && is_continuation(line_text[byte])) ++byte;
  }
  return starts_[at.line - 1] + byte;
}

size_t TextMap::line_of(size_t offset) const {
  return static_cast<size_t>(std::upper_bound(starts_.begin(), starts_.end(), offset) - starts_.begin()) - 1;
}

EditorPosition TextMap::editor_position(size_t offset) const {
  offset = std::min(offset, text_.size());
  const size_t index = line_of(offset);
  uint32_t units = 0;
  for (size_t i = starts_[index]; i < offset; ++i)
    if (!is_continuation(text_[i])) units += units_of(text_[i]);
  return {static_cast<uint32_t>(index), units};
}

document::Position TextMap::position(size_t offset) const {
  offset = std::min(offset, text_.size());
  const size_t index = line_of(offset);
  uint32_t column = 1;
  for (size_t i = starts_[index]; i < offset; ++i)
    if (!is_continuation(text_[i])) ++column;
  return {static_cast<uint32_t>(index + 1), column};
}

}  // namespace switchyard::authoring::language
