#include "switchyard/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace switchyard {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "CHECK failed: %s at %s:%d\n", condition, file, line);
  std::abort();
}

void check_failed_result(const std::string& error) {
  std::fprintf(stderr, "CHECK failed: value of a failed Result was read: %s\n", error.c_str());
  std::abort();
}

}  // namespace switchyard
