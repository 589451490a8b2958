#include <algorithm>
#include <array>
#include <string>

#include "check_digits.h"
#include "rules.h"

// National identifiers. Sources of the algorithms stand above each check.
namespace switchyard::privacy {
namespace {

/// United States, SSN. Social Security Administration, "Social Security Number Randomization" and POMS RM
/// 10201.035: no area 000, 666 or 9xx, no group 00, no serial 0000. 078-05-1120 and 219-09-9999 were printed
/// in advertisements and belong to nobody.
size_t check_us_ssn(std::string_view tail, size_t matched) {
  const Digits digits(tail.substr(0, matched));
  const uint32_t area = number_at(digits, 0, 3), whole = number_at(digits, 0, 9);
  if (area == 0 || area == 666 || area >= 900 || number_at(digits, 3, 2) == 0 || number_at(digits, 5, 4) == 0)
    return 0;
  return whole == 78051120 || whole == 219099999 ? 0 : matched;
}

/// Germany, Steuer-Identifikationsnummer. Bundeszentralamt für Steuern; StIdV § 1 and "Prüfziffernberechnung
/// nach ISO/IEC 7064 MOD 11,10": not 0 at first, and among the first ten digits exactly one comes twice or
/// three times (three never in a row).
size_t check_de_steuer_id(std::string_view tail, size_t matched) {
  const Digits digits(tail.substr(0, matched));
  std::array<int, 10> count{};
  for (size_t i = 0; i < 10; ++i) ++count[static_cast<size_t>(digits[i] - '0')];
  const auto repeated = std::count_if(count.begin(), count.end(), [](int n) { return n > 1; });
  const int most = *std::max_element(count.begin(), count.end());
  for (size_t i = 0; i + 2 < 10; ++i)
    if (digits[i] == digits[i + 1] && digits[i] == digits[i + 2]) return 0;
  return digits[0] != '0' && repeated == 1 && most <= 3 && iso7064_mod_11_10(digits) ? matched : 0;
}

/// France, NIR. INSEE, "Le numéro de sécurité sociale": sex, year, month (or a code above 20 when it is not
/// known), place of birth, number, key = 97 - rest of the number modulo 97; 2A and 2B count as 19 and 18.
size_t check_fr_nir(std::string_view tail, size_t matched) {
  std::string number;
  for (const char c : tail.substr(0, matched))
    if (is_digit(c) || is_letter(c)) number += c;
  const char island = number[6];
  if (island == 'A' || island == 'a') number.replace(5, 2, "19");
  if (island == 'B' || island == 'b') number.replace(5, 2, "18");
  const uint32_t month = number_at(number, 3, 2), place = number_at(number, 5, 2);
  const bool known = month >= 1 && month <= 12;
  if (!known && !(month >= 20 && month <= 42) && !(month >= 50 && month <= 99)) return 0;
  if (place == 0 || number_at(number, 10, 3) == 0) return 0;
  const std::string_view body = std::string_view(number).substr(0, 13);
  return 97 - modulo(body, 97) == number_at(number, 13, 2) ? matched : 0;
}

/// Spain, DNI and NIE. Ministerio del Interior, "Cálculo del dígito de control del NIF/NIE": the letter is
/// chosen by the number modulo 23; X, Y, Z count as 0, 1, 2.
size_t check_es_dni(std::string_view tail, size_t matched) {
  const std::string_view text = tail.substr(0, matched);
  std::string number{std::string_view(Digits(text))};
  if (text[0] >= 'X' && text[0] <= 'Z') number.insert(0, 1, static_cast<char>('0' + (text[0] - 'X')));
  if (number_at(number, 0, 8) == 0) return 0;
  return "TRWAGMYFPDXBNJZSQVHLCKE"[modulo(number, 23)] == text.back() ? matched : 0;
}

/// Italy, codice fiscale. Decreto ministeriale 23 dicembre 1976: the last letter is the sum of the values of
/// the characters, those at odd places through a table, modulo 26. Digits may be replaced by letters
/// (omocodia).
size_t check_it_codice_fiscale(std::string_view tail, size_t matched) {
  static constexpr uint8_t kOdd[26] = {1,  0,  5, 7, 9, 13, 15, 17, 19, 21, 2,  4,  18,
                                       20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23};
  std::string code;
  for (const char c : tail.substr(0, matched))
    if (c != ' ') code += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  uint32_t sum = 0;
  for (size_t i = 0; i < 15; ++i) {
    const auto value = static_cast<uint32_t>(is_digit(code[i]) ? code[i] - '0' : code[i] - 'A');
    sum += i % 2 == 0 ? kOdd[value] : value;
  }
  static constexpr std::string_view kReplaced = "LMNPQRSTUV";
  std::string day;
  for (const size_t i : {size_t{9}, size_t{10}})
    day += is_digit(code[i]) ? code[i] : static_cast<char>('0' + kReplaced.find(code[i]));
  const uint32_t of_month = number_at(day, 0, 2) % 40;
  return of_month >= 1 && of_month <= 31 && 'A' + sum % 26 == static_cast<uint32_t>(code[15]) ? matched : 0;
}

/// United Kingdom, NHS number. NHS Data Dictionary, "NHS NUMBER": weights 10 to 2, modulo 11.
size_t check_gb_nhs(std::string_view tail, size_t matched) {
  const Digits digits(tail.substr(0, matched));
  uint32_t sum = 0;
  for (size_t i = 0; i < 9; ++i)
    sum += static_cast<uint32_t>(digits[i] - '0') * static_cast<uint32_t>(10 - i);
  const uint32_t check = (11 - sum % 11) % 11;
  const bool same = std::string_view(digits).find_first_not_of(digits[0]) == std::string_view::npos;
  return !same && check != 10 && check == static_cast<uint32_t>(digits[9] - '0') ? matched : 0;
}

/// Netherlands, BSN. Rijksdienst voor Identiteitsgegevens, Logisch Ontwerp BSN ("elfproef"): weights 9 to 2
/// and -1, divisible by 11.
size_t check_nl_bsn(std::string_view tail, size_t matched) {
  const Digits digits(tail.substr(0, matched));
  const uint32_t sum = weighted(digits, "98765432");
  const uint32_t last = static_cast<uint32_t>(digits[8] - '0');
  return number_at(digits, 0, 9) != 0 && (sum + 11 - last) % 11 == 0 ? matched : 0;
}

/// Poland, PESEL. Ministerstwo Cyfryzacji, "Czym jest numer PESEL": weights 1 3 7 9, modulo 10; the month
/// carries the century.
size_t check_pl_pesel(std::string_view tail, size_t matched) {
  const Digits digits(tail.substr(0, matched));
  const uint32_t month = number_at(digits, 2, 2);
  static constexpr uint32_t kCenturies[] = {1900, 2000, 2100, 2200, 1800};
  const uint32_t year = kCenturies[month / 20] + number_at(digits, 0, 2);
  if (!is_date(year, month % 20, number_at(digits, 4, 2))) return 0;
  return weighted(digits, "13791379131") % 10 == 0 ? matched : 0;
}

/// Brazil, CPF. Receita Federal, Instrução Normativa RFB 2.172: two digits, weights 10 to 2 and 11 to 2,
/// modulo 11; eleven equal digits are given to nobody.
size_t check_br_cpf(std::string_view tail, size_t matched) {
  const Digits digits(tail.substr(0, matched));
  if (std::string_view(digits).find_first_not_of(digits[0]) == std::string_view::npos) return 0;
  for (const size_t count : {size_t{9}, size_t{10}}) {
    uint32_t sum = 0;
    for (size_t i = 0; i < count; ++i)
      sum += static_cast<uint32_t>(digits[i] - '0') * static_cast<uint32_t>(count + 1 - i);
    if (sum * 10 % 11 % 10 != static_cast<uint32_t>(digits[count] - '0')) return 0;
  }
  return matched;
}

/// India, Aadhaar. UIDAI, "Aadhaar numbering scheme": twelve digits, the first neither 0 nor 1, Verhoeff. A
/// fourth group makes it a card.
size_t check_in_aadhaar(std::string_view tail, size_t matched) {
  const Digits digits(tail.substr(0, matched));
  if (matched > 12 && tail.size() > matched + 1 && tail[matched] == tail[4] && is_digit(tail[matched + 1]))
    return 0;
  return verhoeff(digits) ? matched : 0;
}

/// Sweden, personnummer. Skatteverket, SKV 704 and 707: a date (of a samordningsnummer the day plus 60) and
/// Luhn over the last ten digits.
size_t check_se_personnummer(std::string_view tail, size_t matched) {
  const Digits digits(tail.substr(0, matched));
  const size_t skip = digits.size() - 10;
  const uint32_t year = number_at(digits, 0, 2 + skip);
  if (skip == 2 && (year < 1840 || year >= 2100)) return 0;
  const uint32_t day = number_at(digits, skip + 4, 2);
  if (!is_date(year, number_at(digits, skip + 2, 2), day > 60 ? day - 60 : day)) return 0;
  return luhn(digits.from(skip, 10)) ? matched : 0;
}

/// Norway, fødselsnummer. Skatteetaten, "Fødselsnummer": a date (of a D-nummer the day plus 40), two digits
/// with weights, modulo 11.
size_t check_no_fodselsnummer(std::string_view tail, size_t matched) {
  const Digits digits(tail.substr(0, matched));
  const uint32_t day = number_at(digits, 0, 2);
  if (!is_date(number_at(digits, 4, 2), number_at(digits, 2, 2), day > 40 ? day - 40 : day)) return 0;
  return weighted(digits, "3761894521") % 11 == 0 && weighted(digits, "54327654321") % 11 == 0 ? matched : 0;
}

/// Finland, henkilötunnus. Digi- ja väestötietovirasto, "The personal identity code": a date, a sign of the
/// century (since 2023 several for each), a number from 002, and a character by the number modulo 31.
size_t check_fi_hetu(std::string_view tail, size_t matched) {
  const std::string_view text = tail.substr(0, matched);
  const char century = text[6];
  const uint32_t year = (century == '+'                     ? 1800
                         : century == '-' || century >= 'U' ? 1900
                                                            : 2000) +
                        number_at(text, 4, 2);
  if (!is_date(year, number_at(text, 2, 2), number_at(text, 0, 2)) || number_at(text, 7, 3) < 2) return 0;
  const uint32_t number = number_at(text, 0, 6) * 1000 + number_at(text, 7, 3);
  return "0123456789ABCDEFHJKLMNPRSTUVWXY"[number % 31] == text[10] ? matched : 0;
}

/// Belgium, national register number. Royal decree of 3 April 1984: 97 - the first nine digits modulo 97, for
/// those born from 2000 on with a 2 before them. Month and day may be 00, the month of a bis number has 20 or
/// 40 more.
size_t check_be_national_number(std::string_view tail, size_t matched) {
  const Digits digits(tail.substr(0, matched));
  const uint32_t month = number_at(digits, 2, 2) % 20, day = number_at(digits, 4, 2);
  if (number_at(digits, 2, 2) >= 53 || month > 12 || day > 31 || number_at(digits, 6, 3) == 0) return 0;
  const uint32_t check = number_at(digits, 9, 2);
  const std::string_view body = digits.from(0, 9);
  return 97 - modulo(body, 97) == check || 97 - modulo("2" + std::string(body), 97) == check ? matched : 0;
}

/// Switzerland, AHV number. Zentrale Ausgleichsstelle, "Aufbau der AHV-Nummer": 756, and the check digit of
/// EAN-13.
size_t check_ch_ahv(std::string_view tail, size_t matched) {
  const Digits digits(tail.substr(0, matched));
  return weighted(digits, "1313131313131") % 10 == 0 ? matched : 0;
}

/// China, resident identity number. GB 11643-1999: place, date of birth, number, and ISO 7064 MOD 11-2.
size_t check_cn_resident_id(std::string_view tail, size_t matched) {
  static constexpr uint8_t kWeights[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
  const std::string_view text = tail.substr(0, matched);
  const uint32_t year = number_at(text, 6, 4);
  if (year < 1850 || year >= 2100 || !is_date(year, number_at(text, 10, 2), number_at(text, 12, 2))) return 0;
  uint32_t sum = 0;
  for (size_t i = 0; i < 17; ++i) sum += static_cast<uint32_t>(text[i] - '0') * kWeights[i];
  const char last = text[17] == 'x' ? 'X' : text[17];
  return "10X98765432"[sum % 11] == last ? matched : 0;
}

constexpr Rule kRules[] = {
    {Kind::kUsSsn, Need::kNothing, 30, R"(\d{3}-\d{2}-\d{4}|\d{3} \d{2} \d{4})", check_us_ssn},
    {Kind::kUsSsn, Need::kContext, 20, R"(\d{9})", check_us_ssn},
    {Kind::kDeSteuerId, Need::kNothing, 60, R"(\d{2} \d{3} \d{3} \d{3})", check_de_steuer_id},
    {Kind::kDeSteuerId, Need::kNoHarmless, 60, R"(\d{11})", check_de_steuer_id},
    {Kind::kFrNir, Need::kNothing, 80, R"([123478] ?\d{2} ?\d{2} ?(?:\d{2}|2[ABab]) ?\d{3} ?\d{3} ?\d{2})",
     check_fr_nir},
    {Kind::kEsDni, Need::kNothing, 50, R"([XYZ][ -]?\d{7}[ -]?[A-Z]|\d{2}\.\d{3}\.\d{3}-?[A-Z])",
     check_es_dni},
    {Kind::kEsDni, Need::kNoHarmless, 50, R"(\d{8}[ -]?[A-Z])", check_es_dni},
    {Kind::kItCodiceFiscale, Need::kNothing, 90,
     R"((?i)[A-Z]{3} ?[A-Z]{3} ?[0-9LMNP-V]{2}[A-EHLMPR-T][0-9LMNP-V]{2} ?[A-Z][0-9LMNP-V]{3}[A-Z])",
     check_it_codice_fiscale},
    {Kind::kGbNhs, Need::kNoHarmless, 10, R"(\d{3} \d{3} \d{4})", check_gb_nhs},
    {Kind::kGbNhs, Need::kContext, 10, R"(\d{3}-\d{3}-\d{4}|\d{10})", check_gb_nhs},
    {Kind::kNlBsn, Need::kNothing, 30, R"(\d{4}\.\d{2}\.\d{3})", check_nl_bsn},
    {Kind::kNlBsn, Need::kContext, 15, R"(\d{9}|\d{3} \d{3} \d{3})", check_nl_bsn},
    {Kind::kPlPesel, Need::kNoHarmless, 40, R"(\d{11})", check_pl_pesel},
    {Kind::kBrCpf, Need::kNothing, 70, R"(\d{3}\.\d{3}\.\d{3}-\d{2})", check_br_cpf},
    {Kind::kBrCpf, Need::kNoHarmless, 50, R"(\d{11})", check_br_cpf},
    {Kind::kInAadhaar, Need::kNoHarmless, 40, R"([2-9]\d{3} \d{4} \d{4}|[2-9]\d{3}-\d{4}-\d{4})",
     check_in_aadhaar},
    {Kind::kInAadhaar, Need::kContext, 40, R"([2-9]\d{11})", check_in_aadhaar},
    {Kind::kSePersonnummer, Need::kNoHarmless, 50, R"((?:\d{2})?\d{6}[-+]\d{4})", check_se_personnummer},
    {Kind::kSePersonnummer, Need::kContext, 50, R"((?:\d{2})?\d{10})", check_se_personnummer},
    {Kind::kNoFodselsnummer, Need::kNothing, 75, R"(\d{6} \d{5})", check_no_fodselsnummer},
    {Kind::kNoFodselsnummer, Need::kNoHarmless, 75, R"(\d{11})", check_no_fodselsnummer},
    {Kind::kFiHetu, Need::kNothing, 80, R"(\d{6}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y])", check_fi_hetu},
    {Kind::kBeNationalNumber, Need::kNothing, 70, R"(\d{2}\.\d{2}\.\d{2}[- ]\d{3}[.-]\d{2})",
     check_be_national_number},
    {Kind::kBeNationalNumber, Need::kContext, 45, R"(\d{11}|\d{6}[- ]\d{3}[- ]\d{2})",
     check_be_national_number},
    {Kind::kChAhv, Need::kNothing, 80, R"(756[. ]?\d{4}[. ]?\d{4}[. ]?\d{2})", check_ch_ahv},
    {Kind::kCnResidentId, Need::kNothing, 90, R"([1-8]\d{16}[\dXx])", check_cn_resident_id},
};

}  // namespace

std::span<const Rule> national_rules() { return kRules; }

}  // namespace switchyard::privacy
