#include <algorithm>
#include <array>
#include <string>

#include "check_digits.h"
#include "rules.h"

namespace switchyard::privacy {
namespace {

/// Numbers of an issuer: those whose first digits lie between two numbers, and their lengths as bits.
struct Issuer {
  uint32_t from, to;  ///< of as many digits each
  uint32_t lengths;
};

constexpr uint32_t of(int length) { return 1u << length; }
constexpr uint32_t of(int least, int most) {
  uint32_t bits = 0;
  for (int i = least; i <= most; ++i) bits |= of(i);
  return bits;
}

/// ISO/IEC 7812 issuer identification numbers, as the schemes publish theirs: Visa, Mastercard (2221-2720
/// since 2016), American Express, Discover, Diners Club, JCB, UnionPay, Mir, RuPay, Troy, and those of
/// Maestro that are its alone.
constexpr Issuer kIssuers[] = {{4, 4, of(13) | of(16) | of(19)},
                               {51, 55, of(16)},
                               {2221, 2720, of(16)},
                               {34, 34, of(15)},
                               {37, 37, of(15)},
                               {6011, 6011, of(16, 19)},
                               {644, 649, of(16, 19)},
                               {65, 65, of(16, 19)},
                               {300, 305, of(14, 19)},
                               {3095, 3095, of(14)},
                               {36, 36, of(14, 19)},
                               {38, 39, of(14, 19)},
                               {3528, 3589, of(16, 19)},
                               {62, 62, of(16, 19)},
                               {81, 82, of(16, 19)},
                               {2200, 2204, of(16, 19)},
                               {508, 508, of(16)},
                               {60, 60, of(16)},
                               {9792, 9792, of(16)},
                               {5018, 5018, of(12, 19)},
                               {5020, 5020, of(12, 19)},
                               {5038, 5038, of(12, 19)},
                               {5893, 5893, of(12, 19)},
                               {6304, 6304, of(12, 19)},
                               {6759, 6759, of(12, 19)},
                               {6761, 6763, of(12, 19)}};

bool is_issued(std::string_view digits) {
  return std::any_of(std::begin(kIssuers), std::end(kIssuers), [&](const Issuer& issuer) {
    const size_t width = issuer.to < 10 ? 1 : issuer.to < 100 ? 2 : issuer.to < 1000 ? 3 : 4;
    const uint32_t first = number_at(digits, 0, width);
    return first >= issuer.from && first <= issuer.to &&
           (issuer.lengths & of(static_cast<int>(digits.size()))) != 0;
  });
}

/// ISO/IEC 7812-1: issuer, length, Luhn. Groups are separated by the same character throughout.
size_t check_card(std::string_view tail, size_t matched) {
  const std::string_view text = tail.substr(0, matched);
  const Digits digits(text);
  if (text.find(' ') != std::string_view::npos && text.find('-') != std::string_view::npos) return 0;
  if (std::string_view(digits).find_first_not_of(digits[0]) == std::string_view::npos) return 0;
  return is_issued(digits) && luhn(digits) ? matched : 0;
}

struct Country {
  char code[3];
  uint8_t length;
};

/// SWIFT, IBAN Registry (release 99), in the order of the codes.
constexpr Country kCountries[] = {
    {"AD", 24}, {"AE", 23}, {"AL", 28}, {"AT", 20}, {"AZ", 28}, {"BA", 20}, {"BE", 16}, {"BG", 22},
    {"BH", 22}, {"BI", 27}, {"BR", 29}, {"BY", 28}, {"CH", 21}, {"CR", 22}, {"CY", 28}, {"CZ", 24},
    {"DE", 22}, {"DJ", 27}, {"DK", 18}, {"DO", 28}, {"EE", 20}, {"EG", 29}, {"ES", 24}, {"FI", 18},
    {"FK", 18}, {"FO", 18}, {"FR", 27}, {"GB", 22}, {"GE", 22}, {"GI", 23}, {"GL", 18}, {"GR", 27},
    {"GT", 28}, {"HN", 28}, {"HR", 21}, {"HU", 28}, {"IE", 22}, {"IL", 23}, {"IQ", 23}, {"IS", 26},
    {"IT", 27}, {"JO", 30}, {"KW", 30}, {"KZ", 20}, {"LB", 28}, {"LC", 32}, {"LI", 21}, {"LT", 20},
    {"LU", 20}, {"LV", 21}, {"LY", 25}, {"MC", 27}, {"MD", 24}, {"ME", 22}, {"MK", 19}, {"MN", 20},
    {"MR", 27}, {"MT", 31}, {"MU", 30}, {"NI", 28}, {"NL", 18}, {"NO", 15}, {"OM", 23}, {"PK", 24},
    {"PL", 28}, {"PS", 29}, {"PT", 25}, {"QA", 29}, {"RO", 24}, {"RS", 22}, {"RU", 33}, {"SA", 24},
    {"SC", 31}, {"SD", 18}, {"SE", 24}, {"SI", 19}, {"SK", 24}, {"SM", 27}, {"SO", 23}, {"ST", 25},
    {"SV", 28}, {"TL", 23}, {"TN", 24}, {"TR", 26}, {"UA", 29}, {"VA", 22}, {"VG", 24}, {"XK", 20},
    {"YE", 30}};

/// ISO 13616-1: the length of the country; moved by four and with letters as numbers, the rest modulo 97
/// is 1. Written together or in groups of four.
size_t check_iban(std::string_view tail, size_t) {
  std::string compact;
  const auto upper = [](char c) { return static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c); };
  const char code[3] = {upper(tail[0]), upper(tail[1]), 0};
  const auto* country = std::find_if(std::begin(kCountries), std::end(kCountries), [&](const Country& each) {
    return std::string_view(each.code) == code;
  });
  if (country == std::end(kCountries)) return 0;
  size_t at = 0;
  const char separator = tail.size() > 4 && (tail[4] == ' ' || tail[4] == '-') ? tail[4] : '\0';
  while (compact.size() < country->length && at < tail.size()) {
    if (separator != '\0' && compact.size() % 4 == 0 && !compact.empty() && tail[at] == separator) ++at;
    if (at == tail.size() || (!is_digit(tail[at]) && !is_letter(tail[at]))) return 0;
    compact += upper(tail[at++]);
  }
  if (compact.size() < country->length) return 0;
  std::rotate(compact.begin(), compact.begin() + 4, compact.end());
  uint32_t rest = 0;
  for (const char c : compact)
    rest = is_digit(c) ? (rest * 10 + static_cast<uint32_t>(c - '0')) % 97
                       : (rest * 100 + static_cast<uint32_t>(c - 'A') + 10) % 97;
  return rest == 1 ? at : 0;
}

constexpr Rule kRules[] = {
    {Kind::kCard, Need::kNothing, 70,
     R"(\d{12,19}|\d{4}(?:[ -]\d{4}){3}(?:[ -]\d{3})?|\d{4}[ -]\d{6}[ -]\d{4,5})", check_card},
    {Kind::kIban, Need::kNothing, 99, R"([A-Za-z]{2}\d{2}[ -]?[A-Za-z0-9])", check_iban},
};

}  // namespace

std::span<const Rule> payment_rules() { return kRules; }

}  // namespace switchyard::privacy
