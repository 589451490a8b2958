#pragma once

#include <memory>

#include "plant.h"
#include "switchyard/store/memory.h"

namespace switchyard::sim {

/// A host's hand on a store that survives the host, as a disk survives its process; with the planted defects.
std::unique_ptr<store::StateStore> borrow_store(store::MemoryStateStore& store, Plant plant);

}  // namespace switchyard::sim
