#include "switchyard/base/result.h"

namespace switchyard {

std::string_view error_kind_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidArgument: return "invalid_argument";
    case ErrorKind::kUnauthenticated: return "unauthenticated";
    case ErrorKind::kPermissionDenied: return "permission_denied";
    case ErrorKind::kNotFound: return "not_found";
    case ErrorKind::kConflict: return "conflict";
    case ErrorKind::kTooLarge: return "too_large";
    case ErrorKind::kUnprocessable: return "unprocessable";
    case ErrorKind::kResourceExhausted: return "resource_exhausted";
    case ErrorKind::kCancelled: return "cancelled";
    case ErrorKind::kInternal: return "internal";
    case ErrorKind::kUnavailable: return "unavailable";
    case ErrorKind::kDeadlineExceeded: return "deadline_exceeded";
    case ErrorKind::kNoSpace: return "no_space";
    case ErrorKind::kCorruption: return "corruption";
    case ErrorKind::kIo: return "io";
  }
  return "internal";
}

std::string Error::to_string() const {
  std::string text = message;
  if (!code.empty()) text += " [" + code + "]";
  if (!field.empty()) text += " at " + field;
  return text;
}

}  // namespace switchyard
