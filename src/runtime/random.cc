#include "switchyard/runtime/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstring>

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
    uint64_t value;
    take(reinterpret_cast<uint8_t*>(&value), sizeof value);
    return value;
  }
  void fill(std::span<uint8_t> out) override {
    if (out.size() > kBlockBytes / 8) return fill_from_kernel(out.data(), out.size());
    take(out.data(), out.size());
  }

 private:
  static void take(uint8_t* out, size_t size) {
    thread_local uint8_t block[kBlockBytes];
    thread_local size_t left = 0;
    if (left < size) {
      fill_from_kernel(block, sizeof block);
      left = sizeof block;
    }
    left -= size;
    std::memcpy(out, block + left, size);
    std::memset(block + left, 0, size);  // what is handed out is not kept in memory
  }
};

}  // namespace

Random& system_random() {
  static SystemRandom random;
  return random;
}

}  // namespace switchyard::runtime
