#pragma once

#include <cstdint>
#include <memory>

#include "switchyard/store/state_store.h"

namespace switchyard::store {

/// A StateStore for the simulator: the base is a map in memory, everything happens on the caller's thread,
/// and a seed decides what a real disk and a real scheduler would: after how many further calls a freeze is
/// written, whether it is flushed by the way, and what a crash leaves. Same seed, same calls: same behaviour.
class MemoryStateStore : public StateStore {
 public:
  /// The machine loses power: the overlays are gone, the base is one of the checkpoints that were written
  /// since the last flush, or the flushed one. applied() and flushed() name it afterwards.
  virtual void crash() = 0;
  /// While true, no freeze is written, flush() fails with kNoSpace and health() says so.
  virtual void set_disk_full(bool full) = 0;
  /// Writes the freeze in flight now, if there is one and the disk has space.
  virtual void settle() = 0;
};

std::unique_ptr<MemoryStateStore> memory_state_store(uint64_t seed = 0);

}  // namespace switchyard::store
