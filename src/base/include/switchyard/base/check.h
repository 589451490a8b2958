#pragma once

#include <string>

namespace switchyard {

/// Prints the failed condition with its place to stderr and aborts.
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
/// The same for a Result whose value was read although it holds an error.
[[noreturn]] void check_failed_result(const std::string& error);

}  // namespace switchyard

/// An invariant. Stays on in release builds; never used on input.
#define SY_CHECK(condition)                                       \
  do {                                                            \
    if (!(condition)) [[unlikely]]                                \
      ::switchyard::check_failed(#condition, __FILE__, __LINE__); \
  } while (0)
