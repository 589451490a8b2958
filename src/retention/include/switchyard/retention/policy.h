#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/document/document.h"
#include "switchyard/types/diagnostic.h"

namespace switchyard::retention {

/// What compacting may replace by its hash. Bits, on disk.
enum class Part : uint32_t { kInput = 1, kResults = 2, kOutput = 4 };

/// What is to become of the ended runs of some pipelines. Times count from the end of the run.
struct RetentionClass {
  std::string name;
  std::vector<std::string> pipelines;  ///< patterns: a name, or with `*` for any text
  int64_t full_us = 0;                 ///< then compacted to the record; 0: never
  uint32_t drop = 0;                   ///< bits of Part
  int64_t delete_us = 0;               ///< then deleted; 0: never
};

/// One version of a retention document. Immutable.
struct Policy {
  std::string name, version;
  /// How long a repeated Idempotency-Key finds the run it started; 0: as long as there is the run.
  int64_t idempotency_us = 0;
  std::vector<RetentionClass> classes;

  std::string full_name() const { return name + "@" + version; }
  /// The first that fits; nullptr: kept for ever.
  const RetentionClass* class_of(std::string_view pipeline) const;
};

/// Whether `text` is what `pattern` says: `*` stands for any text, also none.
bool fits_pattern(std::string_view text, std::string_view pattern);

/// Checks and compiles the body of a document; name and version are the caller's to read. `policy` is null
/// when there are errors.
struct PolicyOutcome {
  std::shared_ptr<Policy> policy;
  Diagnostics diagnostics;
};
PolicyOutcome compile(const document::Node& root, const std::string& file);

/// "90d", "12h"; for messages and answers. 0 gives "for ever".
std::string period_text(int64_t us);

}  // namespace switchyard::retention
