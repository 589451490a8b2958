#pragma once

#include <string_view>

#include "switchyard/base/bytes.h"
#include "switchyard/types/value.h"

namespace switchyard {

/// Levels of nesting (depth()) that can be stored and read back.
inline constexpr uint32_t kMaxValueDepth = 100;

/// Appends the binary form of `value` (docs/formats/value.md): one tag byte, then varints, fixed 8 bytes or
/// text. The same value always gives the same bytes. Requires depth(value) <= kMaxValueDepth (CHECKed):
/// whoever nests values of others checks depth() first.
void encode_value(const Value& value, ByteWriter& out);

/// Reads one value into `arena`. Malformed input, nesting over kMaxValueDepth, invalid UTF-8, a repeated key,
/// or a count larger than the bytes left marks the reader as failed and gives null; never reads past the
/// input.
Value decode_value(ByteReader& in, Arena& arena);

}  // namespace switchyard
