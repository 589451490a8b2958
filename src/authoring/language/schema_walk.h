#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/types/value.h"

namespace switchyard::authoring::language {

/// What a published schema says about one place in a document.
struct SchemaPlace {
  struct Entry {
    std::string name, description;
    bool required = false;
  };
  std::vector<Entry> entries;       ///< that a mapping here may have
  std::vector<std::string> values;  ///< that a scalar here may be
  std::string description;
  /// Parts of the schema that the place goes by: "expression", "artefact", "step_name", ...
  std::set<std::string> parts;
  bool known = false;  ///< the schema allows such a place
};

/// A JSON Schema as an editor asks it: not whether a document is right, but what may stand where.
class SchemaWalk {
 public:
  /// `text` is a schema of ours; CHECKed.
  explicit SchemaWalk(std::string_view text);

  /// The place at the end of `path`, whose mapping has the keys `siblings` already: alternatives that do not
  /// allow them are left out.
  SchemaPlace at(const std::vector<std::string>& path, const std::vector<std::string>& siblings) const;

 private:
  struct Step {
    std::vector<const Value*> nodes;
    std::set<std::string> parts;
    std::string description;
  };
  void expand(const Value& node, Step& out, int depth) const;
  Step descend(const Step& from, const std::string& key) const;

  Document schema_;
};

}  // namespace switchyard::authoring::language
