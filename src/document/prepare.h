#pragma once

#include <string>
#include <string_view>

namespace switchyard::document {

// The library ends a plain scalar inside brackets at every '?', which YAML 1.2 (section 7.3.3) allows after
// the first character: { a: input.?b }. Such a '?' is hidden from it behind a character that no text may
// contain.
inline constexpr char kHiddenQuestionMark = '\x1D';

/// The text as yaml-cpp reads it rightly: pairs of JSON's surrogate escapes joined, question marks hidden.
/// Lines stay, and columns too but behind a joined pair.
std::string prepare_text(std::string_view text);

/// Undoes the hiding in a part of the text.
void show_question_marks(std::string& text);

}  // namespace switchyard::document
