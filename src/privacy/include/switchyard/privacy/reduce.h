#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "switchyard/base/result.h"
#include "switchyard/privacy/policy.h"
#include "switchyard/privacy/session.h"
#include "switchyard/telemetry/secret.h"
#include "switchyard/types/value.h"

namespace switchyard::privacy {

/// What was removed: kinds (or fields, as the policy writes them) and actions with their counts, never
/// content.
struct Report {
  std::string policy;  ///< name@version
  /// By what ("email", "field date_of_birth", "not allowed") and action; kept findings are counted too.
  std::map<std::pair<std::string, Action>, uint64_t> counts;

  uint64_t count(std::string_view what, Action action) const;
  /// { policy, removed: [{ what, action, count }], kept: [{ what, count }] }
  Document to_document() const;
};

struct Reduced {
  Document document;
  std::shared_ptr<const Session> session;  ///< shared: streams of the answer hold it
  Report report;
};

/// `input` as it may leave. Deterministic. Errors mean that nothing may leave: kTooLarge
/// "privacy.input_too_large", "privacy.too_many_findings", "privacy.too_deep", kInvalidArgument
/// "privacy.no_key" when the policy hashes and `key` is null or empty.
///
/// Texts and names of fields are looked through; whole numbers as well, when they have seven digits or more:
/// what then stands for them is a text. Bytes count as text. A hash is HMAC-SHA-256 of kind and value under
/// the key and the policy's name, so that two policies give different ones; blanks, hyphens and dots between
/// digits, and the case of letters, make no difference.
Result<Reduced> apply(const Policy& policy, const Value& input, const telemetry::Secret* key = nullptr);

/// The key for hashes from the content of a file or an environment variable: blanks at its ends do not count,
/// and it has 16 to 4096 bytes. kInvalidArgument "privacy.bad_key".
Result<telemetry::Secret> read_key(std::string_view content);

}  // namespace switchyard::privacy
