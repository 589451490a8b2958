#include "switchyard/runtime/allocator.h"

#ifdef SWITCHYARD_JEMALLOC
#include <jemalloc/jemalloc.h>

#include <string>

/// Read by jemalloc before main(). Each arena keeps free pages of its own, hence few; soon they go back.
extern "C" {
const char* malloc_conf = "narenas:2,dirty_decay_ms:200,muzzy_decay_ms:0";
}
#endif

namespace switchyard::runtime {

// Calling it is what links malloc_conf into the program.
void limit_retained_memory() {}

void trim_memory() {
#ifdef SWITCHYARD_JEMALLOC
  const std::string purge = "arena." + std::to_string(MALLCTL_ARENAS_ALL) + ".purge";
  mallctl(purge.c_str(), nullptr, nullptr, nullptr, 0);
#endif
}

}  // namespace switchyard::runtime
