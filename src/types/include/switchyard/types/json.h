#pragma once

#include <string>
#include <string_view>

#include "switchyard/base/result.h"
#include "switchyard/types/value.h"

namespace switchyard {

struct JsonLimits {
  size_t max_bytes = 4u << 20;
  uint32_t max_depth = 64;
};

/// Parses RFC 8259 text into `arena` (all strings are copied). Numbers without fraction and exponent become
/// int64, or uint64 above its range; all others double. A duplicate key, a lone surrogate, invalid UTF-8, a
/// number out of range, nesting over the limit are errors: kInvalidArgument "json.<what>", field = JSON
/// Pointer where known.
Result<Value> parse_json(std::string_view text, Arena& arena, const JsonLimits& limits = {});
Result<Document> parse_json_document(std::string_view text, const JsonLimits& limits = {});

/// Appends `value` as JSON, members in their order. CEL-only kinds are written as their JSON mapping: bytes
/// as base64, timestamp as RFC 3339, duration as "1.5s", a type as its name, an optional as its value or
/// null, NaN and infinities as the strings "NaN", "Infinity", "-Infinity"; map keys become strings.
void append_json(const Value& value, std::string& out);
std::string to_json(const Value& value);
/// With line breaks and two blanks of indent, for people.
std::string to_pretty_json(const Value& value);

/// The canonical form that hashes are taken of: members sorted by key bytes, no blanks, shortest numbers
/// (in the spirit of RFC 8785; integers keep all 64 bits).
std::string to_canonical_json(const Value& value);

/// Appends `text` as a JSON string with its quotes.
void append_json_string(std::string_view text, std::string& out);

}  // namespace switchyard
