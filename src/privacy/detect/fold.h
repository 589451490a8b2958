#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::privacy {

/// A text in which what looks like a plain character is one: digits of other scripts, full-width characters,
/// typographic blanks and hyphens. Characters without width are gone. Pure ASCII is not copied.
class Folded {
 public:
  /// `text` must outlive this.
  explicit Folded(std::string_view text);

  std::string_view text() const { return text_; }
  /// Where byte `at` of text() stands in the original; text().size() gives the original's end of the last
  /// character before it, so that characters without width behind a finding stay outside.
  uint32_t begin_of(size_t at) const { return plain_ ? static_cast<uint32_t>(at) : origin_[at]; }
  /// The end, in the original, of the character that holds byte `at - 1`.
  uint32_t end_of(size_t at) const { return plain_ ? static_cast<uint32_t>(at) : end_[at - 1]; }

 private:
  void add(char c, size_t begin, size_t end);

  bool plain_ = true;
  std::string_view text_;
  std::string folded_;
  std::vector<uint32_t> origin_, end_;
};

}  // namespace switchyard::privacy
