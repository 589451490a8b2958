#pragma once

#include <string_view>

#include "switchyard/base/bytes.h"
#include "switchyard/types/value.h"

namespace switchyard {

/// Appends the binary form of `value` (docs/formats/value.md): one tag byte, then varints, fixed 8 bytes or text.
/// The same value always gives the same bytes.
void encode_value(const Value& value, ByteWriter& out);

/// Reads one value into `arena`. Malformed input, nesting over 100, or a count larger than the bytes left
/// marks the reader as failed and gives null; never reads past the input.
Value decode_value(ByteReader& in, Arena& arena);

}  // namespace switchyard
