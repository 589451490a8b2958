#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace switchyard::expression {

/// An IP address. An IPv6 address that stands for an IPv4 one (::ffff:c0a8:1) is that one.
struct Address {
  std::array<uint8_t, 16> bytes{};  ///< of IPv4 the first four
  bool v6 = false;

  uint32_t bits() const { return v6 ? 128 : 32; }
  /// The one way of writing it that RFC 5952 recommends.
  std::string to_string() const;
  friend bool operator==(const Address&, const Address&) = default;

  bool is_unspecified() const;
  bool is_loopback() const;
  bool is_multicast() const;
  bool is_link_local_multicast() const;
  bool is_link_local_unicast() const;
  /// Neither unspecified, loopback, multicast, link-local nor the IPv4 broadcast; private ones count.
  bool is_global_unicast() const;
};

/// The addresses whose first `prefix` bits are those of `address`, which may have others set behind.
struct AddressRange {
  Address address;
  uint32_t prefix = 0;

  std::string to_string() const;
  Address masked() const;
  bool contains(const Address& other) const;
  bool contains(const AddressRange& other) const;
};

/// Strict: no leading zeros in IPv4, no zone behind '%', no IPv4 text inside ::ffff:. Where nothing is given,
/// `why` says what is wrong, a sentence without a subject.
std::optional<Address> parse_address(std::string_view text, const char*& why);
std::optional<AddressRange> parse_address_range(std::string_view text, const char*& why);

}  // namespace switchyard::expression
