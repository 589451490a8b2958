// ip(), cidr() and what they can be asked. Their values are texts in canonical form: the checker alone tells
// them from strings.
#include "address.h"
#include "builtin.h"

namespace switchyard::expression {
namespace {

/// The argument as an address; false with a fault where it is none.
bool read(Call& c, size_t i, Address& out) {
  if (!c.is(i, Kind::kString)) return c.no_overload();
  const char* why = nullptr;
  const auto address = parse_address(c[i].as_string(), why);
  if (!address.has_value()) return c.fail(FaultCode::kConversion, why, c[i]);
  out = *address;
  return true;
}

bool read(Call& c, size_t i, AddressRange& out) {
  if (!c.is(i, Kind::kString)) return c.no_overload();
  const char* why = nullptr;
  const auto range = parse_address_range(c[i].as_string(), why);
  if (!range.has_value()) return c.fail(FaultCode::kConversion, why, c[i]);
  out = *range;
  return true;
}

template <typename T>
bool make(Call& c) {
  T read_value;
  return read(c, 0, read_value) && c.give_text(read_value.to_string());
}

bool is_ip(Call& c) {
  if (!c.is(0, Kind::kString)) return c.no_overload();
  const char* why = nullptr;
  return c.give(Value::boolean(parse_address(c[0].as_string(), why).has_value()));
}

bool is_cidr(Call& c) {
  if (!c.is(0, Kind::kString)) return c.no_overload();
  const char* why = nullptr;
  return c.give(Value::boolean(parse_address_range(c[0].as_string(), why).has_value()));
}

bool is_canonical(Call& c) {
  Address address;
  return read(c, 0, address) && c.give(Value::boolean(address.to_string() == c[0].as_string()));
}

bool family(Call& c) {
  Address address;
  return read(c, 0, address) && c.give(Value::integer(address.v6 ? 6 : 4));
}

template <bool (Address::*question)() const>
bool ask(Call& c) {
  Address address;
  return read(c, 0, address) && c.give(Value::boolean((address.*question)()));
}

template <typename T>
bool contains(Call& c) {
  AddressRange range;
  T other;
  return read(c, 0, range) && read(c, 1, other) && c.give(Value::boolean(range.contains(other)));
}

bool range_address(Call& c) {
  AddressRange range;
  return read(c, 0, range) && c.give_text(range.address.to_string());
}

bool range_masked(Call& c) {
  AddressRange range;
  return read(c, 0, range) && c.give_text(AddressRange{range.masked(), range.prefix}.to_string());
}

bool prefix_length(Call& c) {
  AddressRange range;
  return read(c, 0, range) && c.give(Value::integer(range.prefix));
}

}  // namespace

std::span<const BuiltinSpec> network_builtins() {
  static const std::vector<const char*> kQuestion = {"ip -> bool"};
  static const BuiltinSpec kSpecs[] = {
      {"ip", false, make<Address>, {"string -> ip", "ip -> ip"}},
      {"cidr", false, make<AddressRange>, {"string -> cidr", "cidr -> cidr"}},
      {"isIP", false, is_ip, {"string -> bool"}},
      {"isCIDR", false, is_cidr, {"string -> bool"}},
      {"ip.isCanonical", false, is_canonical, {"string -> bool"}},
      {"family", true, family, {"ip -> int"}},
      {"isUnspecified", true, ask<&Address::is_unspecified>, kQuestion},
      {"isLoopback", true, ask<&Address::is_loopback>, kQuestion},
      {"isGlobalUnicast", true, ask<&Address::is_global_unicast>, kQuestion},
      {"isLinkLocalMulticast", true, ask<&Address::is_link_local_multicast>, kQuestion},
      {"isLinkLocalUnicast", true, ask<&Address::is_link_local_unicast>, kQuestion},
      {"containsIP", true, contains<Address>, {"cidr, ip -> bool", "cidr, string -> bool"}},
      {"containsCIDR", true, contains<AddressRange>, {"cidr, cidr -> bool", "cidr, string -> bool"}},
      {"ip", true, range_address, {"cidr -> ip"}},
      {"masked", true, range_masked, {"cidr -> cidr"}},
      {"prefixLength", true, prefix_length, {"cidr -> int"}},
  };
  return kSpecs;
}

}  // namespace switchyard::expression
