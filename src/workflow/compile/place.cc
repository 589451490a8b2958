#include "place.h"

#include <algorithm>
#include <utility>

#include "context.h"

namespace switchyard::workflow::compiler {

Fields::Fields(Context& context, Place place, std::string what)
    : context_(context), place_(std::move(place)), what_(std::move(what)) {
  mapping_ = place_.node->is(document::Node::Kind::kMapping);
  if (mapping_) return;
  context_.error(place_, "pipeline.not_a_mapping",
                 what_ + " must be a mapping, and this is " + place_.node->describe(),
                 "write entries of the form 'name: value'");
}

std::optional<Place> Fields::find(std::string_view key) {
  known_.emplace_back(key);
  if (!mapping_) return std::nullopt;
  for (const auto& entry : place_.node->entries)
    if (entry.key == key) return place_.entry(entry);
  return std::nullopt;
}

std::optional<Place> Fields::require(std::string_view key, std::string mend) {
  auto found = find(key);
  if (!found.has_value() && mapping_) {
    context_.error(place_, "pipeline.missing_field", what_ + " needs '" + std::string(key) + "'",
                   std::move(mend));
  }
  return found;
}

document::Position Fields::key_position(std::string_view key) const {
  for (const auto& entry : place_.node->entries)
    if (entry.key == key) return entry.position;
  return place_.position();
}

void Fields::finish() {
  if (!mapping_) return;
  for (const auto& entry : place_.node->entries) {
    if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
    const std::string suggestion = document::nearest(entry.key, known_);
    std::string mend =
        suggestion.empty() ? "use one of: " + word_list(known_, 24) : "did you mean '" + suggestion + "'?";
    context_.error_at(entry.position, document::child_path(place_.path, entry.key), "pipeline.unknown_field",
                      what_ + " has no entry '" + entry.key + "'", std::move(mend));
  }
}

}  // namespace switchyard::workflow::compiler
