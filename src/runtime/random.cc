#include "switchyard/runtime/random.h"

#include <sys/random.h>

#include <cerrno>

#include "switchyard/base/check.h"

namespace switchyard::runtime {
namespace {

// The kernel is asked for a block at a time: a call per id would cost a system call each.
constexpr size_t kBlockBytes = 512;

void fill_from_kernel(uint8_t* out, size_t size) {
  while (size > 0) {
    const ssize_t got = ::getrandom(out, size, 0);
    if (got < 0 && errno == EINTR) continue;
    SY_CHECK(got > 0);
    out += got;
    size -= static_cast<size_t>(got);
  }
}

class SystemRandom final : public Random {
 public:
  uint64_t next_u64() override {
    thread_local uint64_t block[kBlockBytes / sizeof(uint64_t)];
    thread_local size_t left = 0;
    if (left == 0) {
      fill_from_kernel(reinterpret_cast<uint8_t*>(block), sizeof block);
      left = std::size(block);
    }
    const uint64_t value = block[--left];
    block[left] = 0;  // a value handed out is not kept in memory
    return value;
  }
  void fill(std::span<uint8_t> out) override { fill_from_kernel(out.data(), out.size()); }
};

}  // namespace

Random& system_random() {
  static SystemRandom random;
  return random;
}

}  // namespace switchyard::runtime
