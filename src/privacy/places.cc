#include "places.h"

#include <algorithm>

namespace switchyard::privacy {

using What = Path::Segment::What;

Places::Places(const std::vector<const Path*>& paths, bool loose) : paths_(&paths), loose_(loose) {
  for (uint32_t i = 0; i < paths.size(); ++i) add(i, 0);
}

void Places::add(uint32_t path, uint32_t at) {
  const auto& segments = (*paths_)[path]->segments;
  if (at == segments.size()) {
    if (named_ < 0 || static_cast<uint32_t>(named_) > path) named_ = static_cast<int>(path);
    return;
  }
  for (const State& state : states_)
    if (state.path == path && state.at == at) return;
  states_.push_back({path, at});
  // `**` stands for nothing, too.
  if (segments[at].what == What::kAnyDepth) add(path, at + 1);
}

Places Places::step(bool item, std::string_view name) const {
  Places next(paths_, loose_);
  const std::string plain = loose_ && !item ? plain_name(name) : std::string();
  for (const State& state : states_) {
    const Path::Segment& segment = (*paths_)[state.path]->segments[state.at];
    switch (segment.what) {
      case What::kAnyDepth: next.add(state.path, state.at); break;
      case What::kItem:
        if (item) next.add(state.path, state.at + 1);
        break;
      case What::kAnyName:
        if (!item) next.add(state.path, state.at + 1);
        break;
      case What::kName:
        if (!item && (loose_ ? plain_name(segment.name) == plain : segment.name == name))
          next.add(state.path, state.at + 1);
        break;
    }
  }
  return next;
}

}  // namespace switchyard::privacy
