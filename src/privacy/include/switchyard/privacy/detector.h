#pragma once

#include <bitset>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "switchyard/privacy/kind.h"

namespace switchyard::privacy {

using Kinds = std::bitset<kKinds>;

/// A piece of a text: bytes [begin, end).
struct Finding {
  Kind kind{};
  uint32_t begin = 0, end = 0;
  friend bool operator==(const Finding&, const Finding&) = default;
};

/// Finds personal data in text, in one pass and a time linear in its length: what begins like a candidate is
/// matched (RE2) within a window, then its numbers are checked. What a number means can depend on a word
/// before it ("phone", "BSN") or on the name of the field it stands in. Immutable; any thread.
class Detector {
 public:
  Detector();
  ~Detector();

  /// One that lives as long as the process.
  static const Detector& standard();

  /// The findings of the wanted kinds, in order, none overlapping: of two that overlap the longer one stands,
  /// of two of one length the one a word nearby speaks for, else the one whose check is the stricter.
  /// `text` may hold any bytes: those above 127 are read as UTF-8, and where they are not well-formed each is
  /// a letter of no alphabet. Full-width, Arabic-Indic and Devanagari digits, typographic blanks, hyphens and
  /// characters without width count as the plain ones. Spans never cut a character of valid UTF-8. `field`:
  /// the name of the field that holds the text, empty when it has none. At most kMaxTextBytes are read; the
  /// caller refuses longer ones.
  std::vector<Finding> find(std::string_view text, std::string_view field, const Kinds& wanted) const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace switchyard::privacy
