#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/document/document.h"
#include "switchyard/privacy/kind.h"
#include "switchyard/types/diagnostic.h"

namespace switchyard::privacy {

/// What becomes of a value.
enum class Action : uint8_t {
  kKeep,   ///< it leaves as it is
  kMask,   ///< its letters and digits are covered, its shape stays
  kHash,   ///< a keyed hash stands for it: the same value, the same hash, in every call
  kToken,  ///< a placeholder stands for it, and is put back in the answer
  kDrop,   ///< it does not leave
};
/// "keep", "mask", "hash", "token", "drop"
std::string_view action_name(Action action);

struct Treatment {
  Action action = Action::kToken;
  uint8_t first = 0, last = 0;  ///< of kMask: letters and digits at both ends that stay
  char character = '*';         ///< of kMask
  friend bool operator==(const Treatment&, const Treatment&) = default;
};

/// A place in a document: "customer.name", "messages[*].content", "**.email".
struct Path {
  struct Segment {
    enum class What : uint8_t { kName, kAnyName, kItem, kAnyDepth } what = What::kName;
    std::string name;
  };
  std::vector<Segment> segments;
  std::string text;  ///< as written
};

/// One version of a privacy document. Immutable.
struct Policy {
  std::string name, version;
  /// The places that leave, with all below them; nullopt: all do.
  std::optional<std::vector<Path>> allow;
  /// What becomes of the values in fields, by the field's name wherever it stands (see plain_name), and by
  /// place. What is dropped goes with all below it; else of several that fit the deepest counts, of one depth
  /// a place before a name, and the first of the places.
  struct Field {
    std::string label;  ///< in reports: as written
    Treatment treatment;
  };
  std::map<std::string, Field, std::less<>> names;
  std::vector<std::pair<Path, Field>> places;
  /// What becomes of personal data in texts, by kind.
  std::array<Treatment, kKinds> detect;

  std::string full_name() const { return name + "@" + version; }
  /// Whether a hash is used, so that a key is needed.
  bool needs_key() const;
};

/// How names of fields are compared: in small letters, without `_`, `-` and blanks.
std::string plain_name(std::string_view name);

/// Checks and compiles the body of a document; name and version are the caller's to read. `policy` is null
/// when there are errors. Of `detect`, what is not written is replaced by tokens.
struct PolicyOutcome {
  std::shared_ptr<Policy> policy;
  Diagnostics diagnostics;
};
PolicyOutcome compile(const document::Node& root, const std::string& file);

}  // namespace switchyard::privacy
