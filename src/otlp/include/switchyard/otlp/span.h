#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace switchyard::otlp {

using AttributeValue = std::variant<std::string, int64_t, double, bool, std::vector<std::string>>;
struct Attribute {
  std::string name;
  AttributeValue value;
  friend bool operator==(const Attribute&, const Attribute&) = default;
  friend auto operator<=>(const Attribute&, const Attribute&) = default;
};
using Attributes = std::vector<Attribute>;

/// Something that took its time, as OTLP has it. Ids are lower-case hexadecimal.
struct Span {
  enum class Kind : uint8_t { kInternal = 1, kServer = 2, kClient = 3 };  // OTLP's numbers
  std::string trace_id, span_id;
  std::string parent_id;  ///< empty: the trace's first span
  Kind kind = Kind::kInternal;
  std::string name;
  int64_t start_us = 0, end_us = 0;  ///< since the epoch
  Attributes attributes;
  bool failed = false;
};

}  // namespace switchyard::otlp
