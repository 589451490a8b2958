#include "fold.h"

#include <algorithm>

namespace switchyard::privacy {
namespace {

/// The code point at the begin of `text` and its bytes; bytes that are no UTF-8 give {0xFFFD, 1}.
std::pair<uint32_t, size_t> decode(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  static constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (first < 0xC2 || first > 0xF4 || text.size() < size) return {0xFFFD, 1};
  uint32_t point = first & (0x7Fu >> size);
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {0xFFFD, 1};
    point = point << 6 | (byte(i) & 0x3F);
  }
  if (point < kLeast[size] || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) return {0xFFFD, 1};
  return {point, size};
}

constexpr char kGone = 0, kItself = 1;

/// The plain character that stands for `point`; kGone: none, kItself: it stays.
char plain_for(uint32_t point) {
  if (point >= 0xFF01 && point <= 0xFF5E) return static_cast<char>(point - 0xFEE0);  // full-width ASCII
  for (const uint32_t zero : {0x0660u, 0x06F0u, 0x0966u})  // Arabic-Indic, its eastern form, Devanagari
    if (point >= zero && point < zero + 10) return static_cast<char>('0' + (point - zero));
  switch (point) {
    case 0x00AD:  // soft hyphen
    case 0x200B:
    case 0x200C:
    case 0x200D:
    case 0x2060:
    case 0xFEFF: return kGone;
    case 0x00A0:
    case 0x202F:
    case 0x205F:
    case 0x3000: return ' ';
    case 0x2010:
    case 0x2011:
    case 0x2012:
    case 0x2013:
    case 0x2212: return '-';
    case 0x3002:
    case 0xFF61: return '.';
    // What may stand beside an address without belonging to it.
    case 0x00AB:
    case 0x00BB:
    case 0x2014:
    case 0x2026:
    case 0x3001: return ',';
    default: break;
  }
  if (point >= 0x2000 && point <= 0x200A) return ' ';
  if ((point >= 0x2018 && point <= 0x201F) || (point >= 0x3008 && point <= 0x3011) || point == 0x2039 ||
      point == 0x203A)
    return '"';
  return kItself;
}

}  // namespace

Folded::Folded(std::string_view text) : text_(text) {
  const auto is_plain = [](char c) { return static_cast<uint8_t>(c) < 0x80; };
  if (std::all_of(text.begin(), text.end(), is_plain)) return;
  plain_ = false;
  folded_.reserve(text.size());
  origin_.reserve(text.size() + 1);
  end_.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const auto [point, size] = decode(text.substr(i));
    const char plain = point < 0x80 ? static_cast<char>(point) : plain_for(point);
    if (point < 0x80 || (plain != kGone && plain != kItself))
      add(plain, i, i + size);
    else if (plain == kItself)
      for (size_t j = 0; j < size; ++j) add(text[i + j], i, i + size);
    i += size;
  }
  text_ = folded_;
}

void Folded::add(char c, size_t begin, size_t end) {
  folded_.push_back(c);
  origin_.push_back(static_cast<uint32_t>(begin));
  end_.push_back(static_cast<uint32_t>(end));
}

}  // namespace switchyard::privacy
