#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "switchyard/base/check.h"

namespace switchyard {

/// What a caller may do about an error. One HTTP status and one exit code belong to each.
enum class ErrorKind : uint8_t {
  kInvalidArgument,    ///< the input is wrong and will stay wrong (400, exit 2)
  kUnauthenticated,    ///< no or unknown credentials (401)
  kPermissionDenied,   ///< known, but not allowed (403)
  kNotFound,           ///< the thing named does not exist (404)
  kConflict,           ///< the state of the thing forbids it (409)
  kTooLarge,           ///< over a named limit, never to be retried (413)
  kUnprocessable,      ///< well formed, but contradicts what is known (422)
  kResourceExhausted,  ///< over a rate or queue limit, retry later (429)
  kCancelled,          ///< somebody asked for it to end (499)
  kInternal,           ///< a defect of ours (500)
  kUnavailable,        ///< cannot be done now, retry later (503)
  kDeadlineExceeded,   ///< the time allowed ran out (504)
  kNoSpace,            ///< the disk is full (507)
  kCorruption,         ///< stored bytes are not what was written; needs a person (500)
  kIo,                 ///< the operating system reported an I/O failure (500)
};

/// "invalid_argument", "not_found", ...
std::string_view error_kind_name(ErrorKind kind);

/// An error for a caller (kind, code) and for a person (message, field). Cheap to move.
struct Error {
  ErrorKind kind = ErrorKind::kInternal;
  std::string code;     ///< stable, "<module>.<what>", e.g. "log.corrupt_record"
  std::string message;  ///< one sentence that names the thing and the mend
  std::string field;    ///< JSON Pointer or dotted path of the offending input; empty if none

  /// "<message> [<code>] at <field>"
  std::string to_string() const;
};

inline Error make_error(ErrorKind kind, std::string code, std::string message, std::string field = {}) {
  return Error{kind, std::move(code), std::move(message), std::move(field)};
}

/// A value or an Error. Reading the value of a failed result is a CHECK failure.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit on purpose
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    require();
    return std::get<0>(state_);
  }
  const T& value() const& {
    require();
    return std::get<0>(state_);
  }
  T&& value() && {
    require();
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  /// Requires: !ok().
  const Error& error() const& {
    SY_CHECK(!ok());
    return std::get<1>(state_);
  }
  Error&& error() && {
    SY_CHECK(!ok());
    return std::get<1>(std::move(state_));
  }

 private:
  void require() const {
    if (!ok()) check_failed_result(std::get<1>(state_).to_string());
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::make_unique<Error>(std::move(error))) {}  // NOLINT

  bool ok() const { return error_ == nullptr; }
  explicit operator bool() const { return ok(); }
  void value() const {
    if (!ok()) check_failed_result(error_->to_string());
  }
  const Error& error() const& {
    SY_CHECK(!ok());
    return *error_;
  }
  Error&& error() && {
    SY_CHECK(!ok());
    return std::move(*error_);
  }

 private:
  std::unique_ptr<Error> error_;
};

using Status = Result<void>;

#define SY_CONCAT_INNER(a, b) a##b
#define SY_CONCAT(a, b) SY_CONCAT_INNER(a, b)

/// Returns the error of `expr` from the enclosing function if it has one.
#define SY_RETURN_IF_ERROR(expr)                                                       \
  do {                                                                                 \
    if (auto sy_status = (expr); !sy_status.ok()) return std::move(sy_status).error(); \
  } while (0)

/// `SY_ASSIGN_OR_RETURN(auto x, f());`
#define SY_ASSIGN_OR_RETURN(lhs, expr) SY_ASSIGN_OR_RETURN_IMPL(SY_CONCAT(sy_result_, __LINE__), lhs, expr)
#define SY_ASSIGN_OR_RETURN_IMPL(tmp, lhs, expr) \
  auto tmp = (expr);                             \
  if (!tmp.ok()) return std::move(tmp).error();  \
  lhs = std::move(tmp).value()

}  // namespace switchyard
