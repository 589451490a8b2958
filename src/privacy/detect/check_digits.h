#pragma once

#include <cstdint>
#include <string_view>

// Check digits over texts of decimal digits alone.
namespace switchyard::privacy {

/// ISO/IEC 7812-1 annex B (Luhn): the last digit checks the others.
bool luhn(std::string_view digits);
/// Verhoeff, "Error detecting decimal codes" (1969), on the dihedral group of order 10.
bool verhoeff(std::string_view digits);
/// The number modulo a small number.
uint32_t modulo(std::string_view digits, uint32_t divisor);
/// Sum of digit times weight; `weights` are digits as well ("8765432").
uint32_t weighted(std::string_view digits, std::string_view weights);
/// ISO 7064 MOD 11,10: the last digit checks the others.
bool iso7064_mod_11_10(std::string_view digits);
/// A day of some calendar year; `year` of four digits, or of two when the century is not known (leap then).
bool is_date(uint32_t year, uint32_t month, uint32_t day);
/// The number of the first `count` digits from `at`.
uint32_t number_at(std::string_view digits, size_t at, size_t count);

}  // namespace switchyard::privacy
