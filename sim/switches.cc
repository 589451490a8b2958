#include "switches.h"

namespace switchyard::sim {

const workflow::Kill* Switched::killed(ArtefactKind kind, std::string_view name,
                                       std::string_view version) const {
  for (const auto& kill : kills_) {
    if (kill.kind == kind && kill.name == name && (kill.version.empty() || kill.version == version))
      return &kill;
  }
  return nullptr;
}

std::shared_ptr<const Switched> Switched::with(workflow::Kill kill) const {
  auto kills = kills_;
  kills.push_back(std::move(kill));
  return std::make_shared<const Switched>(scenery_, std::move(kills), changes_ + 1);
}

std::shared_ptr<const Switched> Switched::without(size_t index) const {
  auto kills = kills_;
  kills.erase(kills.begin() + static_cast<ptrdiff_t>(index));
  return std::make_shared<const Switched>(scenery_, std::move(kills), changes_ + 1);
}

std::shared_ptr<const Switched> Switched::with_all_on() const {
  return std::make_shared<const Switched>(scenery_, std::vector<workflow::Kill>(), changes_ + 1);
}

}  // namespace switchyard::sim
