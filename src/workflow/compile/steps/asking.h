#pragma once

#include <optional>
#include <string>
#include <vector>

#include "../context.h"
#include "../place.h"
#include "steps.h"
#include "switchyard/workflow/pipeline.h"

// What the step kinds that ask models share.
namespace switchyard::workflow::compiler {

/// Where the parts of a question to a model stand.
struct Question {
  Place model;
  std::optional<Place> prompt;
  std::optional<Place> input;  ///< none: reported elsewhere
};
struct Asked {
  std::optional<ModelSpec> spec;  ///< none: something was reported, or names are collected
  expression::Type type = expression::Type::error();  ///< of the answer, as far as it is known
};
Asked compile_question(Context& context, const Question& question);

/// `members` and `tiers`: a list of mappings with a model each, or a mapping by name, read in the order of
/// the names. Reads name, model,
/// prompt, input and timeout; what the kind has beside them reads `more`, which is given the member.
struct MemberRequest {
  std::string what;       ///< "a member", "a tier"
  std::string list_name;  ///< "members", "tiers"
  /// The step's own, where a member has none.
  std::optional<Place> prompt, input;
  bool may_be_mapping = true;  ///< their order means nothing
};
struct MemberPlace {
  PanelMember member;  ///< `ask` is set when `complete`
  expression::Type type;
  Place place;
  bool complete = false;
};
std::vector<MemberPlace> read_members(Context& context, const Place& place, const MemberRequest& request,
                                      const std::function<bool(Fields&, MemberPlace&)>& more);

/// The part of a member's answer at `path`: its type; reported and nothing when it has none, or it may be
/// absent. dyn where nothing is known.
std::optional<expression::Type> read_part(Context& context, const Place& place, const MemberPlace& member,
                                          const std::vector<std::string>& path);
/// "value.score" in parts.
std::optional<std::vector<std::string>> read_path(Context& context, const Place& place);

}  // namespace switchyard::workflow::compiler
