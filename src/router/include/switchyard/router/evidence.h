#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/log/log.h"
#include "switchyard/runtime/clock.h"

namespace switchyard::router {

/// A part of what is known of canaries and experiments. Numbers are on disk.
enum class EvidencePart : uint8_t {
  kCanary = 1,      ///< all but the keys
  kCanaryKeys = 2,  ///< for the sample ratio: large, and told when there are notably more
  kExperiment = 3,
  kReviewsRead = 4,    ///< of all routes, whose name is empty: how far the sources of reviews are read
  kJudgedAnswers = 5,  ///< of a route with a cache
};

struct Evidence {
  EvidencePart part = EvidencePart::kCanary;
  std::string route;
  std::string bytes;  ///< docs/routing.md, "Evidence", has the grammar
};

/// Of one route, by part.
using RouteEvidence = std::map<EvidencePart, std::string>;

/// Keeps evidence over a restart: the last of a route's part counts. After a crash what was told since the
/// last keep() is lost, and what one keep() was told is there whole or not at all. Blocks for the disk; used
/// by one thread at a time.
class EvidenceLog {
 public:
  /// Reads what was kept. `clock` outlives it. kCorruption "router.bad_evidence"; the log's errors.
  static Result<std::unique_ptr<EvidenceLog>> open(std::unique_ptr<log::Log> log,
                                                   const runtime::Clock& clock);
  virtual ~EvidenceLog() = default;

  /// By route; what is of all of them under the empty name.
  virtual const std::map<std::string, RouteEvidence, std::less<>>& kept() const = 0;
  /// Returns when the disk has it.
  virtual Status keep(std::vector<Evidence> changed) = 0;
  /// Forgets the routes that are not among these.
  virtual void retain(const std::vector<std::string>& routes) = 0;
  virtual Status close() = 0;
};

}  // namespace switchyard::router
