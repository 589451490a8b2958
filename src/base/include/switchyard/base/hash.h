#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace switchyard {

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4) of `data`, continuing from `seed` (0 to begin).
uint32_t crc32c(std::string_view data, uint32_t seed = 0);

/// SHA-256 (FIPS 180-4) of what was added. Content identity of artefacts, inputs and blobs.
using Sha256 = std::array<uint8_t, 32>;
Sha256 sha256(std::string_view data);

/// XXH3 64-bit. For tables and partitioning, never for identity.
uint64_t hash64(std::string_view data, uint64_t seed = 0);

/// Lower-case hexadecimal.
std::string to_hex(std::span<const uint8_t> bytes);
inline std::string to_hex(const Sha256& digest) { return to_hex(std::span<const uint8_t>(digest)); }

/// Inverse of to_hex; false when `text` is not an even number of hexadecimal digits of out.size() bytes.
bool from_hex(std::string_view text, std::span<uint8_t> out);

/// Compares secrets in a time that does not depend on where they differ.
bool constant_time_equal(std::string_view a, std::string_view b);

}  // namespace switchyard
