#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <string>

#include "check_digits.h"
#include "rules.h"

namespace switchyard::privacy {
namespace {

/// A country calling code and the least and most digits that follow it.
struct CallingCode {
  uint16_t code;
  uint8_t least, most;
};

/// ITU-T E.164 (list of assigned country codes) and the national numbering plans that ITU-T E.129 publishes.
/// No number has more than 15 digits.
constexpr CallingCode kCallingCodes[] = {
    {1, 10, 10},   {7, 10, 14},   {20, 8, 10},   {27, 6, 10},  {30, 10, 12},  {31, 6, 11},  {32, 8, 9},
    {33, 9, 9},    {34, 9, 9},    {36, 8, 9},    {39, 6, 12},  {40, 6, 9},    {41, 9, 9},   {43, 6, 13},
    {44, 7, 10},   {45, 8, 8},    {46, 6, 10},   {47, 6, 8},   {48, 7, 10},   {49, 6, 13},  {51, 8, 9},
    {52, 10, 10},  {53, 6, 10},   {54, 10, 11},  {55, 8, 11},  {56, 9, 11},   {57, 8, 11},  {58, 10, 10},
    {60, 8, 10},   {61, 6, 12},   {62, 7, 13},   {63, 6, 13},  {64, 6, 10},   {65, 8, 11},  {66, 8, 13},
    {81, 8, 13},   {82, 6, 13},   {84, 7, 10},   {86, 7, 12},  {90, 7, 13},   {91, 8, 13},  {92, 8, 12},
    {93, 9, 9},    {94, 9, 9},    {95, 6, 10},   {98, 6, 10},  {211, 9, 9},   {212, 9, 9},  {213, 8, 9},
    {216, 8, 8},   {218, 9, 9},   {220, 7, 9},   {221, 9, 9},  {222, 8, 8},   {223, 8, 8},  {224, 8, 9},
    {225, 10, 10}, {226, 8, 8},   {227, 8, 8},   {228, 8, 8},  {229, 10, 10}, {230, 7, 10}, {231, 7, 9},
    {232, 8, 8},   {233, 8, 9},   {234, 10, 12}, {235, 8, 8},  {236, 8, 8},   {237, 8, 9},  {238, 7, 7},
    {239, 7, 7},   {240, 9, 9},   {241, 7, 8},   {242, 9, 9},  {243, 7, 10},  {244, 9, 9},  {245, 7, 9},
    {246, 7, 7},   {247, 6, 6},   {248, 7, 7},   {249, 9, 9},  {250, 8, 9},   {251, 9, 9},  {252, 6, 9},
    {253, 8, 8},   {254, 7, 10},  {255, 9, 9},   {256, 9, 9},  {257, 8, 8},   {258, 8, 9},  {260, 9, 9},
    {261, 9, 9},   {262, 9, 9},   {263, 7, 10},  {264, 8, 9},  {265, 7, 9},   {266, 8, 8},  {267, 7, 10},
    {268, 8, 9},   {269, 7, 7},   {290, 5, 5},   {291, 7, 7},  {297, 7, 7},   {298, 6, 6},  {299, 6, 6},
    {350, 8, 8},   {351, 9, 9},   {352, 6, 11},  {353, 7, 10}, {354, 7, 9},   {355, 6, 9},  {356, 8, 8},
    {357, 8, 8},   {358, 6, 12},  {359, 6, 12},  {370, 8, 8},  {371, 8, 8},   {372, 7, 10}, {373, 8, 8},
    {374, 8, 8},   {375, 6, 11},  {376, 6, 9},   {377, 8, 9},  {378, 8, 10},  {380, 9, 10}, {381, 6, 12},
    {382, 8, 9},   {383, 8, 12},  {385, 7, 9},   {386, 6, 8},  {387, 8, 9},   {389, 8, 8},  {420, 9, 9},
    {421, 6, 9},   {423, 7, 9},   {500, 5, 5},   {501, 7, 11}, {502, 8, 11},  {503, 7, 11}, {504, 8, 11},
    {505, 8, 8},   {506, 8, 10},  {507, 7, 11},  {508, 6, 9},  {509, 8, 8},   {590, 9, 9},  {591, 8, 9},
    {592, 7, 7},   {593, 8, 11},  {594, 9, 9},   {595, 6, 11}, {596, 9, 9},   {597, 6, 7},  {598, 6, 12},
    {599, 7, 8},   {670, 7, 8},   {672, 6, 6},   {673, 7, 7},  {674, 7, 7},   {675, 7, 8},  {676, 6, 7},
    {677, 6, 7},   {678, 6, 7},   {679, 7, 11},  {680, 7, 7},  {681, 6, 9},   {682, 5, 5},  {683, 6, 7},
    {685, 6, 10},  {686, 6, 8},   {687, 6, 6},   {688, 6, 7},  {689, 6, 9},   {690, 6, 7},  {691, 7, 7},
    {692, 7, 7},   {800, 8, 8},   {808, 8, 8},   {850, 8, 10}, {852, 6, 11},  {853, 7, 8},  {855, 8, 10},
    {856, 8, 10},  {870, 9, 12},  {878, 12, 12}, {880, 6, 10}, {881, 9, 10},  {882, 7, 12}, {883, 8, 12},
    {886, 7, 11},  {888, 11, 11}, {960, 7, 10},  {961, 7, 8},  {962, 8, 9},   {963, 8, 9},  {964, 8, 10},
    {965, 7, 8},   {966, 9, 10},  {967, 7, 9},   {968, 7, 9},  {970, 8, 10},  {971, 6, 12}, {972, 7, 12},
    {973, 8, 8},   {974, 7, 11},  {975, 7, 8},   {976, 8, 10}, {977, 8, 11},  {979, 9, 9},  {992, 9, 9},
    {993, 8, 8},   {994, 9, 9},   {995, 9, 9},   {996, 9, 10}, {998, 9, 9}};

const CallingCode* calling_code(std::string_view digits) {
  for (size_t width = 1; width <= 3 && width < digits.size(); ++width) {
    const uint32_t code = number_at(digits, 0, width);
    const auto* found = std::lower_bound(std::begin(kCallingCodes), std::end(kCallingCodes), code,
                                         [](const CallingCode& a, uint32_t b) { return a.code < b; });
    if (found != std::end(kCallingCodes) && found->code == code) return found;
  }
  return nullptr;
}

bool is_one_digit(std::string_view digits) {
  return digits.find_first_not_of(digits[0]) == std::string_view::npos;
}

/// `text` without the digits at its end and what separates them from those before.
std::string_view without_last_group(std::string_view text) {
  size_t cut = text.size();
  while (cut > 0 && is_digit(text[cut - 1])) --cut;
  while (cut > 0 && !is_digit(text[cut - 1])) --cut;
  return text.substr(0, cut);
}

/// A number with its country: `text` without + or 00. Groups too many at the end belong to something else.
size_t check_with_country(std::string_view text) {
  const size_t trunk = text.find("(0)");
  while (true) {
    const Digits all(text);
    const CallingCode* country = calling_code(all);
    if (country == nullptr) return 0;
    const size_t code_width = country->code < 10 ? 1 : country->code < 100 ? 2 : 3;
    const size_t trunk_digits = trunk < text.size() ? 1 : 0;
    const size_t digits = all.size() - code_width - trunk_digits;
    if (digits < country->least) return 0;
    if (digits <= country->most)
      return is_one_digit(all.from(code_width, all.size() - code_width)) ? 0 : text.size();
    if (text = without_last_group(text); text.empty()) return 0;
  }
}

size_t check_plus(std::string_view tail, size_t matched) {
  const size_t length = check_with_country(tail.substr(1, matched - 1));
  return length == 0 ? 0 : length + 1;
}

size_t check_double_zero(std::string_view tail, size_t matched) {
  const size_t length = check_with_country(tail.substr(2, matched - 2));
  return length == 0 ? 0 : length + 2;
}

/// North American Numbering Plan Administration: an area is no service code (N11), an exchange neither, and
/// 37x and 96x are kept back.
size_t check_nanp(std::string_view tail, size_t matched) {
  const Digits digits(tail.substr(0, matched));
  const size_t at = digits[0] == '1' ? 1 : 0;
  const auto is_service = [&](size_t i) { return digits[i + 1] == '1' && digits[i + 2] == '1'; };
  const uint32_t area = number_at(digits, at, 2);
  return is_service(at) || is_service(at + 3) || area == 37 || area == 96 ? 0 : matched;
}

bool is_closed(std::string_view text) { return text[0] != '(' || text.find(')') != std::string_view::npos; }

/// A number with the trunk digit 0 in two groups or more, or with its area in parentheses: nine to twelve
/// digits. What begins with a date is one.
size_t check_national(std::string_view tail, size_t matched) {
  std::string_view text = tail.substr(0, matched);
  while (Digits(text).size() > 12) {
    if (text = without_last_group(text); text.empty()) return 0;
  }
  matched = text.size();
  const Digits digits(text);
  if (digits.size() < 9 || digits.size() > 12 || is_one_digit(digits) || !is_closed(text)) return 0;
  // Three, two and four digits are how a social security number is written.
  if (text.size() == 11 && digits.size() == 9 && text[3] == '-' && text[6] == '-') return 0;
  const bool like_date = text.size() >= 10 && !is_digit(text[2]) && text[2] == text[5] && is_digit(text[3]) &&
                         is_digit(text[4]) && is_digit(text[9]) && is_digit(text[6]) && is_digit(text[7]) &&
                         is_digit(text[8]) && (text.size() == 10 || !is_digit(text[10]));
  if (!like_date) return matched;
  const uint32_t first = number_at(text, 0, 2), second = number_at(text, 3, 2), year = number_at(text, 6, 4);
  return year >= 1900 && year < 2100 && (is_date(year, first, second) || is_date(year, second, first))
             ? 0
             : matched;
}

/// Digits that only a word nearby makes a telephone number.
size_t check_named(std::string_view tail, size_t matched) {
  const Digits digits(tail.substr(0, matched));
  return digits.size() >= 7 && digits.size() <= 13 && !is_one_digit(digits) &&
                 is_closed(tail.substr(0, matched))
             ? matched
             : 0;
}

/// RFC 791: four numbers up to 255, none written with a leading zero. 0.x.x.x names no host.
size_t check_ipv4(std::string_view tail, size_t matched) {
  uint32_t number = 0, digits = 0;
  for (size_t i = 0; i <= matched; ++i) {
    if (i < matched && tail[i] != '.') {
      if (digits == 1 && number == 0) return 0;
      number = number * 10 + static_cast<uint32_t>(tail[i] - '0');
      ++digits;
      continue;
    }
    if (number > 255 || (i == digits && number == 0)) return 0;
    number = digits = 0;
  }
  return matched;
}

constexpr Rule kRules[] = {
    {Kind::kPhone, Need::kNothing, 60, R"(\+[1-9](?:[ .\-/()]{0,3}\d){6,20})", check_plus},
    {Kind::kPhone, Need::kNoHarmless, 30,
     R"(00[1-9](?:[ .\-/()]{0,3}\d){0,2}[ .\-/(][ .\-/()]{0,2}(?:\d[ .\-/()]{0,3}){5,16}\d)",
     check_double_zero},
    {Kind::kPhone, Need::kNoHarmless, 20,
     R"((?:1[ .-])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[-. ])[2-9]\d{2}[-. ]\d{4})", check_nanp},
    {Kind::kPhone, Need::kNoHarmless, 20, R"(\(?0[1-9]\d{0,4}\)?(?:(?:[ ./-]| ?[/-] ?)\d{2,9}){1,5})",
     check_national},
    {Kind::kPhone, Need::kNoHarmless, 20, R"(\(\d{2,4}\) ?\d{3,5}[- ]\d{4})", check_national},
    {Kind::kPhone, Need::kContext, 25, R"(\(?\d(?:[ .\-/()]{0,2}\d){6,12})", check_named},
    {Kind::kIp, Need::kNoHarmless, 50, R"(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})", check_ipv4},
};

bool is_local(char c) {
  return is_word(c) || static_cast<uint8_t>(c) >= 0x80 ||
         std::string_view(".!#$%&'*+/=?^`{|}~-").find(c) != std::string_view::npos;
}

/// The first byte of a character of a script without blanks between words: such text may stand beside an
/// address.
bool begins_ideograph(char c) { return static_cast<uint8_t>(c) >= 0xE3 && static_cast<uint8_t>(c) <= 0xED; }
bool is_continuation(char c) { return (static_cast<uint8_t>(c) & 0xC0) == 0x80; }

/// Where the local part begins that ends at `at`, when `begin` is where its characters do: after ideographs,
/// unless it is all of such.
size_t without_ideographs(std::string_view text, size_t begin, size_t at) {
  if (at == begin || static_cast<uint8_t>(text[at - 1]) >= 0x80) return begin;
  for (size_t i = at; i-- > begin;) {
    if (!begins_ideograph(text[i])) continue;
    size_t after = i + 1;
    while (after < at && is_continuation(text[after])) ++after;
    return after;
  }
  return begin;
}

/// Where the local part begins behind the name of a parameter ("email=anna@..."). Addresses may have a `=` of
/// their own, behind more than a word.
size_t without_parameter(std::string_view text, size_t begin, size_t at) {
  const size_t sign = text.substr(begin, at - begin).rfind('=');
  if (sign == std::string_view::npos || sign == 0 || begin + sign + 1 == at) return begin;
  const size_t after = text.substr(begin, sign).find_last_of("&?;");
  const size_t from = after == std::string_view::npos ? 0 : after + 1;
  const std::string_view name = text.substr(begin + from, sign - from);
  const bool is_name =
      !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return is_letter(c) || c == '_'; });
  return is_name ? begin + sign + 1 : begin;
}

/// Endings of files that look like addresses ("logo@2x.png").
bool is_file_ending(std::string_view ending) {
  static constexpr std::string_view kEndings[] = {"png",  "jpg", "jpeg", "gif", "svg",  "webp",
                                                  "ico",  "css", "js",   "ts",  "html", "json",
                                                  "yaml", "yml", "pdf",  "mp4", "woff", "map"};
  return std::find(std::begin(kEndings), std::end(kEndings), ending) != std::end(kEndings);
}

}  // namespace

std::span<const Rule> contact_rules() { return kRules; }

/// RFC 5321 section 4.1.2 (dot-string, domain), with letters beyond ASCII (RFC 6531). A domain has two labels
/// or more, the last of letters.
bool check_email(std::string_view text, size_t at, size_t& begin, size_t& end) {
  begin = at;
  while (begin > 0 && at - begin < 64 && is_local(text[begin - 1])) --begin;
  begin = without_ideographs(text, begin, at);
  // What encloses or lists addresses may be a part of one, but is none at its begin.
  while (begin < at && !is_word(text[begin]) && static_cast<uint8_t>(text[begin]) < 0x80 &&
         text[begin] != '+')
    ++begin;
  begin = without_parameter(text, begin, at);
  const std::string_view local = text.substr(begin, at - begin);
  if (local.empty() || local.back() == '.' || local.find("..") != std::string_view::npos) return false;
  end = at + 1;
  size_t label = end;  // where the running label begins
  size_t good = 0;     // where the longest domain ends
  const auto is_label = [](char c) { return is_digit(c) || is_letter(c) || static_cast<uint8_t>(c) >= 0x80; };
  for (size_t i = at + 1; i <= text.size() && i - at < 255; ++i) {
    const bool beside = i > label && i < text.size() && begins_ideograph(text[i]) && is_word(text[i - 1]);
    if (i < text.size() && !beside && (is_label(text[i]) || (text[i] == '-' && i > label))) continue;
    if (i == label || i - label > 63 || text[i - 1] == '-') break;
    if (label > at + 1) {
      std::string ending(text.substr(label, i - label));
      for (char& c : ending) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
      const bool letters = ending.size() >= 2 && std::none_of(ending.begin(), ending.end(), is_digit);
      if ((letters || ending.starts_with("xn--")) && !is_file_ending(ending)) good = i;
    }
    if (i == text.size() || text[i] != '.') break;
    label = i + 1;
  }
  end = good;
  return good != 0;
}

/// RFC 4291, as inet_pton reads it, of the ranges that are in use: those without would be names of classes in
/// programs ("a::b").
size_t check_ipv6(std::string_view tail) {
  size_t length = 0, colons = 0;
  bool digit = false;
  while (length < tail.size() && length < 45) {
    const char c = tail[length];
    const bool hex = is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (!hex && c != ':' && c != '.') break;
    colons += c == ':' ? 1 : 0;
    digit = digit || is_digit(c);
    ++length;
  }
  while (length > 0 &&
         (tail[length - 1] == '.' || (tail[length - 1] == ':' && !tail.substr(0, length).ends_with("::"))))
    --length;
  if (colons < 2 || !digit || (length < tail.size() && is_word(tail[length]))) return 0;
  const std::string text(tail.substr(0, length));
  std::array<uint8_t, 16> address{};
  if (inet_pton(AF_INET6, text.c_str(), address.data()) != 1) return 0;
  const bool global = (address[0] & 0xE0) == 0x20, local = (address[0] & 0xFE) == 0xFC;
  const bool link = address[0] == 0xFE && (address[1] & 0xC0) == 0x80, many = address[0] == 0xFF;
  const bool mapped = text.starts_with("::") || text.starts_with("64:ff9b:") || text.starts_with("0:0:");
  return global || local || link || many || mapped ? length : 0;
}

}  // namespace switchyard::privacy
