#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/types/events.h"

namespace switchyard::governance {

/// One deployed, immutable version: what its event says.
struct Artefact {
  ArtefactKind kind{};
  std::string name, version;
  Sha256 sha256{};                           ///< of the canonical form (a model: of its manifest and weights)
  std::string source;                        ///< the document as it was written
  std::string path;                          ///< where it stood in the deployed folder
  std::map<std::string, std::string> files;  ///< what it names: relative path → text
  std::string blob;  ///< a model's weights: their SHA-256 in the blob store, hex; else empty
  /// What its names without version meant when it was deployed, for what is fixed at that time (types,
  /// costs).
  std::vector<std::pair<ArtefactKind, std::pair<std::string, std::string>>> resolved;
  std::string who, message;
  int64_t deployed_us = 0;
  uint64_t offset = 0;  ///< governance offset

  std::string full_name() const { return name + "@" + version; }
};

/// Identifies an artefact version: kind, name, version.
struct ArtefactKey {
  ArtefactKind kind{};
  std::string name, version;
  friend auto operator<=>(const ArtefactKey&, const ArtefactKey&) = default;
};

}  // namespace switchyard::governance
