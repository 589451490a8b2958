#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/document/fields.h"

namespace switchyard::workflow::compiler {

class Context;

using document::Place;

/// Reads the entries of one mapping and reports those that nobody asked for.
class Fields {
 public:
  /// `what` names the mapping in messages: "a review", "the pipeline". Reports when `place` is no mapping;
  /// then nothing is ever found.
  Fields(Context& context, Place place, std::string what);

  bool is_mapping() const { return mapping_; }
  const Place& place() const { return place_; }
  /// The entry's value; marks it as known.
  std::optional<Place> find(std::string_view key);
  /// The same, and reports when it is missing: `mend` says what to add.
  std::optional<Place> require(std::string_view key, std::string mend);
  bool has(std::string_view key) const { return mapping_ && place_.node->find(key) != nullptr; }
  /// Position of the key itself; the mapping's when there is none.
  document::Position key_position(std::string_view key) const;
  /// Reports every entry that was not asked for, with the nearest known name.
  void finish();

 private:
  Context& context_;
  Place place_;
  std::string what_;
  bool mapping_ = false;
  std::vector<std::string> known_;
};

}  // namespace switchyard::workflow::compiler
