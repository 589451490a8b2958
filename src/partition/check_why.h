#pragma once

#include <string>
#include <string_view>

#include "switchyard/base/result.h"
#include "switchyard/partition/limits.h"

namespace switchyard::partition {

/// Of a command's reason. kTooLarge "run.why_too_large" over kMaxWhyBytes.
inline Status check_why(std::string_view why) {
  if (why.size() <= kMaxWhyBytes) return {};
  return make_error(ErrorKind::kTooLarge, "run.why_too_large",
                    "the reason may have at most " + std::to_string(kMaxWhyBytes) + " bytes", "why");
}

}  // namespace switchyard::partition
