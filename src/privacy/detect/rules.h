#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "switchyard/privacy/kind.h"

namespace switchyard::privacy {

/// What a word before a candidate says about it. The first kKinds are the kinds themselves.
inline constexpr uint8_t kNoContext = 255;
/// Numbers that are nobody's: orders, versions, parts.
inline constexpr uint8_t kHarmlessContext = 254;

/// How far a match is believed without a word nearby.
enum class Need : uint8_t {
  kNothing,     ///< shape and check say enough
  kNoHarmless,  ///< believed unless the nearest telling word speaks of orders, versions, ...
  kContext,     ///< only with a word, or a field's name, that names the kind
};

/// One way of writing one kind.
struct Rule {
  Kind kind;
  Need need;
  /// Of two matches of one length the higher stands.
  uint8_t rank;
  /// RE2, anchored at a candidate's first character; the longest match counts.
  const char* pattern;
  /// Bytes of `tail` (what stands from the candidate's first character on; may go beyond the match) that are
  /// one, 0: none. `matched`: bytes of the match.
  size_t (*check)(std::string_view tail, size_t matched);
};

// The parts of the table, one file each. Static.
std::span<const Rule> contact_rules();
std::span<const Rule> payment_rules();
std::span<const Rule> national_rules();

/// Shapes that look like numbers of people and are not: UUIDs, times. They hide what they overlap.
std::span<const char* const> harmless_patterns();

/// The length of the IPv6 address at the begin of `tail`, 0: none.
size_t check_ipv6(std::string_view tail);
/// The e-mail address around the `@` at `at`; false: none.
bool check_email(std::string_view text, size_t at, size_t& begin, size_t& end);

/// What the telling word nearest to the end of `before`, or else of a field's name, says: a kind,
/// kHarmlessContext, kNoContext.
uint8_t context_of(std::string_view before);
/// "customerPhoneNumber" and "customer-phone_number" say what "customer phone number" does.
uint8_t context_of_field(std::string_view field);

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
inline bool is_word(char c) { return is_digit(c) || is_letter(c) || c == '_'; }

/// The decimal digits of a match, without what separates them. Holds no more than a window.
class Digits {
 public:
  explicit Digits(std::string_view text) {
    for (const char c : text)
      if (is_digit(c) && size_ < sizeof(digits_)) digits_[size_++] = c;
  }
  operator std::string_view() const { return {digits_, size_}; }  // NOLINT: implicit on purpose
  size_t size() const { return size_; }
  char operator[](size_t i) const { return digits_[i]; }
  std::string_view from(size_t at, size_t count) const { return {digits_ + at, count}; }

 private:
  size_t size_ = 0;
  char digits_[48];
};

}  // namespace switchyard::privacy
