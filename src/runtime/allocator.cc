#include "switchyard/runtime/allocator.h"

#include <cstdlib>  // defines __GLIBC__ where it applies

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace switchyard::runtime {

void limit_retained_memory() {
#ifdef __GLIBC__
  // Setting either turns off glibc's habit of raising both to the size of whatever was freed.
  mallopt(M_MMAP_THRESHOLD, 128 * 1024);
  mallopt(M_TRIM_THRESHOLD, 256 * 1024);
  mallopt(M_ARENA_MAX, 4);
#endif
}

void trim_memory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

}  // namespace switchyard::runtime
