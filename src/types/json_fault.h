#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace switchyard {

/// The first mistake in a JSON text.
struct JsonFault {
  size_t offset = 0;
  std::string code;     ///< "json.syntax", "json.bad_number", ...; empty when the text has no mistake
  std::string message;  ///< "expected ':' after the key, got '}'"
  std::string pointer;  ///< JSON Pointer of the value that was being read
};

/// Scans `text` slowly and carefully, by the grammar of RFC 8259. Used only after the fast parser has refused
/// it, to tell a person where and why.
JsonFault find_json_fault(std::string_view text, uint32_t max_depth);

/// "line 3, column 7" of a byte offset, both from 1, the column in bytes.
std::string describe_offset(std::string_view text, size_t offset);

/// Appends "/token" with '~' and '/' escaped.
void append_pointer_token(std::string_view token, std::string& pointer);

}  // namespace switchyard
