#include "check_digits.h"

namespace switchyard::privacy {
namespace {

uint32_t digit(char c) { return static_cast<uint32_t>(c - '0'); }

}  // namespace

bool luhn(std::string_view digits) {
  uint32_t sum = 0;
  bool twice = false;
  for (size_t i = digits.size(); i-- > 0; twice = !twice) {
    uint32_t each = digit(digits[i]) << (twice ? 1 : 0);
    sum += each > 9 ? each - 9 : each;
  }
  return sum % 10 == 0;
}

bool verhoeff(std::string_view digits) {
  // The permutation of the position's digit, applied as often as the position says.
  static constexpr uint8_t kPermutation[10] = {1, 5, 7, 6, 2, 8, 3, 0, 9, 4};
  // Digits 0-4 are rotations, 5-9 reflections of a pentagon.
  const auto product = [](uint32_t a, uint32_t b) -> uint32_t {
    if (a < 5) return b < 5 ? (a + b) % 5 : 5 + (a + b) % 5;
    return b < 5 ? 5 + (a + 5 - b) % 5 : (a + 5 - b) % 5;
  };
  uint32_t check = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    uint32_t each = digit(digits[digits.size() - 1 - i]);
    for (size_t n = 0; n < i % 8; ++n) each = kPermutation[each];
    check = product(check, each);
  }
  return check == 0;
}

uint32_t modulo(std::string_view digits, uint32_t divisor) {
  uint32_t rest = 0;
  for (const char c : digits) rest = (rest * 10 + digit(c)) % divisor;
  return rest;
}

uint32_t weighted(std::string_view digits, std::string_view weights) {
  uint32_t sum = 0;
  for (size_t i = 0; i < weights.size() && i < digits.size(); ++i)
    sum += digit(digits[i]) * digit(weights[i]);
  return sum;
}

bool iso7064_mod_11_10(std::string_view digits) {
  uint32_t product = 10;
  for (size_t i = 0; i + 1 < digits.size(); ++i) {
    const uint32_t sum = (product + digit(digits[i])) % 10;
    product = (sum == 0 ? 10 : sum) * 2 % 11;
  }
  return (product + digit(digits.back())) % 10 == 1;
}

bool is_date(uint32_t year, uint32_t month, uint32_t day) {
  static constexpr uint8_t kDays[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (month < 1 || month > 12 || day < 1 || day > kDays[month - 1]) return false;
  if (month != 2 || day != 29) return true;
  return year % 4 == 0 && (year < 100 || year % 100 != 0 || year % 400 == 0);
}

uint32_t number_at(std::string_view digits, size_t at, size_t count) {
  uint32_t number = 0;
  for (size_t i = at; i < at + count; ++i) number = number * 10 + digit(digits[i]);
  return number;
}

}  // namespace switchyard::privacy
