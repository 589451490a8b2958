#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/types/diagnostic.h"
#include "switchyard/types/value.h"

namespace switchyard::document {

/// Line and column in a source text, both from 1; 0 when not known.
struct Position {
  uint32_t line = 0;
  uint32_t column = 0;
};

struct Entry;

/// One node of a parsed document with its place in the text. Scalars follow YAML 1.2's core schema: `on`,
/// `yes`, `no` are strings; a quoted scalar is always a string.
struct Node {
  enum class Kind : uint8_t { kNull, kBool, kInteger, kDouble, kString, kSequence, kMapping };
  Kind kind = Kind::kNull;
  bool quoted = false;  ///< the scalar stood in quotes or in a block
  bool boolean = false;
  int64_t integer = 0;
  double real = 0;
  std::string text;            ///< of a scalar, as written (without quotes)
  std::vector<Node> items;     ///< of a sequence
  std::vector<Entry> entries;  ///< of a mapping, in order
  Position position;
  /// How many leading bytes of `text` stand in the source exactly as here, on one line; see position_in().
  uint32_t verbatim_bytes = 0;
  uint8_t quote_width = 0;  ///< characters between `position` and the first of `text`: 1 for quotes

  bool is(Kind k) const { return kind == k; }
  bool is_scalar() const { return kind <= Kind::kString; }
  bool is_number() const { return kind == Kind::kInteger || kind == Kind::kDouble; }
  /// The entry's value, or nullptr when absent or when this is no mapping.
  const Node* find(std::string_view key) const;
  /// "a mapping", "a list", "the number 3", "the text 'x'": for messages.
  std::string describe() const;
};

struct Entry {
  std::string key;
  Position position;  ///< of the key
  Node value;
};

/// Parses YAML 1.2 or JSON (one document). Mistakes are reported with their place: syntax, duplicate keys,
/// keys that are no scalars, anchors that expand beyond the limits (limits.h), nesting over 64, text that is
/// not UTF-8. Aliases are expanded, merge keys (`<<`) are refused.
struct ParseOutcome {
  std::unique_ptr<Node> root;  ///< null when there were errors
  Diagnostics diagnostics;
};
ParseOutcome parse(std::string_view text, std::string file_name = {});

/// The node as a Value in `arena`.
Value to_value(const Node& node, Arena& arena);

/// Where `dotted_path` ("steps.light.model", "rows[2].when") or the nearest existing parent of it stands.
Position position_of(const Node& root, std::string_view dotted_path);
/// The same for a JSON Pointer.
Position position_of_pointer(const Node& root, std::string_view pointer);

/// Where byte `offset` of a scalar's `text` stands: exact while the text is written on one line without
/// escapes, else the start of the scalar. Columns count characters, not bytes.
Position position_in(const Node& scalar, size_t offset);

/// The name among `candidates` nearest to `word` (edit distance at most a third of its length), or empty:
/// "did you mean ...?".
std::string nearest(std::string_view word, std::span<const std::string> candidates);

}  // namespace switchyard::document
