#include "address.h"

#include <algorithm>
#include <charconv>

namespace switchyard::expression {
namespace {

constexpr size_t kGroups = 8;
constexpr size_t kMaxTextBytes = 64;

/// "192.168.0.1" into four bytes.
bool read_v4(std::string_view text, uint8_t* out) {
  for (size_t i = 0; i < 4; ++i) {
    size_t digits = 0;
    uint32_t value = 0;
    while (digits < text.size() && digits < 3 && text[digits] >= '0' && text[digits] <= '9')
      value = value * 10 + static_cast<uint32_t>(text[digits++] - '0');
    if (digits == 0 || value > 255 || (digits > 1 && text[0] == '0')) return false;
    out[i] = static_cast<uint8_t>(value);
    text.remove_prefix(digits);
    if (i < 3) {
      if (!text.starts_with('.')) return false;
      text.remove_prefix(1);
    }
  }
  return text.empty();
}

/// Groups of hex digits between colons; an IPv4 address may stand for the last two. False where malformed.
bool read_groups(std::string_view text, uint16_t* out, size_t& count, size_t most, bool& dotted) {
  count = 0;
  dotted = false;
  if (text.empty()) return true;
  while (true) {
    const auto group = text.substr(0, text.find(':'));
    if (group.find('.') != std::string_view::npos) {
      uint8_t bytes[4];
      if (group.size() != text.size() || count + 2 > most || !read_v4(group, bytes)) return false;
      out[count++] = static_cast<uint16_t>(bytes[0] << 8 | bytes[1]);
      out[count++] = static_cast<uint16_t>(bytes[2] << 8 | bytes[3]);
      dotted = true;
      return true;
    }
    if (group.empty() || group.size() > 4 || count == most) return false;
    const auto [end, error] = std::from_chars(group.data(), group.data() + group.size(), out[count++], 16);
    if (error != std::errc() || end != group.data() + group.size()) return false;
    if (group.size() == text.size()) return true;
    text.remove_prefix(group.size() + 1);
    if (text.empty()) return false;
  }
}

bool read_v6(std::string_view text, std::array<uint8_t, 16>& bytes, bool& dotted) {
  uint16_t head[kGroups];
  uint16_t tail[kGroups];
  size_t heads = 0;
  size_t tails = 0;
  const size_t gap = text.find("::");
  if (gap == std::string_view::npos) {
    if (!read_groups(text, head, heads, kGroups, dotted) || heads != kGroups) return false;
  } else {
    // "::" stands for at least one group; before it there is no IPv4 address.
    if (!read_groups(text.substr(0, gap), head, heads, kGroups - 1, dotted) || dotted) return false;
    if (!read_groups(text.substr(gap + 2), tail, tails, kGroups - 1 - heads, dotted)) return false;
  }
  bytes.fill(0);
  const auto put = [&](size_t group, uint16_t value) {
    bytes[2 * group] = static_cast<uint8_t>(value >> 8);
    bytes[2 * group + 1] = static_cast<uint8_t>(value);
  };
  for (size_t i = 0; i < heads; ++i) put(i, head[i]);
  for (size_t i = 0; i < tails; ++i) put(kGroups - tails + i, tail[i]);
  return true;
}

constexpr std::array<uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

}  // namespace

std::optional<Address> parse_address(std::string_view text, const char*& why) {
  why = "it is no IP address, as 192.168.0.1 or 2001:db8::68";
  if (text.size() > kMaxTextBytes) return std::nullopt;
  if (text.find('%') != std::string_view::npos) {
    why = "an IP address with a zone is not allowed";
    return std::nullopt;
  }
  Address address;
  if (text.find(':') == std::string_view::npos)
    return read_v4(text, address.bytes.data()) ? std::optional(address) : std::nullopt;
  bool dotted = false;
  if (!read_v6(text, address.bytes, dotted)) return std::nullopt;
  address.v6 = true;
  if (!std::equal(kMapped.begin(), kMapped.end(), address.bytes.begin())) return address;
  if (dotted) {
    why = "an IPv4 address written inside an IPv6 one is not allowed; write the IPv4 address alone";
    return std::nullopt;
  }
  Address v4;
  std::copy_n(address.bytes.begin() + 12, 4, v4.bytes.begin());
  return v4;
}

std::optional<AddressRange> parse_address_range(std::string_view text, const char*& why) {
  const size_t slash = text.rfind('/');
  const auto digits = slash == std::string_view::npos ? std::string_view() : text.substr(slash + 1);
  const auto address = parse_address(text.substr(0, slash), why);
  if (!address.has_value()) return std::nullopt;
  why = "it is no range of IP addresses, as 192.168.0.0/24 or 2001:db8::/32";
  AddressRange range{*address, 0};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), range.prefix);
  const bool number = !digits.empty() && digits[0] >= '0' && digits[0] <= '9' && error == std::errc() &&
                      end == digits.data() + digits.size() && (digits.size() == 1 || digits[0] != '0');
  if (!number || range.prefix > range.address.bits()) return std::nullopt;
  return range;
}

std::string Address::to_string() const {
  std::string out;
  if (!v6) {
    for (size_t i = 0; i < 4; ++i) out += (i > 0 ? "." : "") + std::to_string(bytes[i]);
    return out;
  }
  uint16_t groups[kGroups];
  for (size_t i = 0; i < kGroups; ++i)
    groups[i] = static_cast<uint16_t>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
  // The longest run of two zero groups or more is left out, the first of equals.
  size_t gap = kGroups;
  size_t gap_size = 1;
  for (size_t i = 0; i < kGroups; ++i) {
    size_t size = 0;
    while (i + size < kGroups && groups[i + size] == 0) ++size;
    if (size > gap_size) {
      gap = i;
      gap_size = size;
    }
  }
  for (size_t i = 0; i < kGroups; ++i) {
    if (i == gap) {
      out += "::";
      i += gap_size - 1;
      continue;
    }
    char digits[4];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, groups[i], 16);
    if (!out.empty() && out.back() != ':') out += ':';
    out.append(digits, end);
  }
  return out;
}

bool Address::is_unspecified() const {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

bool Address::is_loopback() const {
  if (!v6) return bytes[0] == 127;
  return bytes[15] == 1 &&
         std::all_of(bytes.begin(), bytes.end() - 1, [](uint8_t byte) { return byte == 0; });
}

bool Address::is_multicast() const { return v6 ? bytes[0] == 0xFF : bytes[0] >= 224 && bytes[0] < 240; }

bool Address::is_link_local_multicast() const {
  if (v6) return bytes[0] == 0xFF && (bytes[1] & 0x0F) == 2;
  return bytes[0] == 224 && bytes[1] == 0 && bytes[2] == 0;
}

bool Address::is_link_local_unicast() const {
  if (v6) return bytes[0] == 0xFE && (bytes[1] & 0xC0) == 0x80;
  return bytes[0] == 169 && bytes[1] == 254;
}

bool Address::is_global_unicast() const {
  const bool broadcast = !v6 && bytes[0] == 255 && bytes[1] == 255 && bytes[2] == 255 && bytes[3] == 255;
  return !broadcast && !is_unspecified() && !is_loopback() && !is_multicast() && !is_link_local_unicast();
}

std::string AddressRange::to_string() const { return address.to_string() + "/" + std::to_string(prefix); }

Address AddressRange::masked() const {
  Address out = address;
  for (uint32_t bit = 0; bit < out.bits(); bit += 8) {
    const uint32_t kept = prefix <= bit ? 0 : std::min<uint32_t>(8, prefix - bit);
    out.bytes[bit / 8] &= static_cast<uint8_t>(0xFF00 >> kept);
  }
  return out;
}

bool AddressRange::contains(const Address& other) const {
  return other.v6 == address.v6 && AddressRange{other, prefix}.masked() == masked();
}

bool AddressRange::contains(const AddressRange& other) const {
  return other.prefix >= prefix && contains(other.address);
}

}  // namespace switchyard::expression
