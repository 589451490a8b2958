#pragma once

#include <cstdint>
#include <vector>

#include "switchyard/models/model_service.h"
#include "version.h"

namespace switchyard::models {

/// A worker's memory, kept from batch to batch.
struct BatchMemory {
  std::vector<Pending> taken;
  std::vector<TensorData> inputs;
  std::vector<TensorData> outputs;
  struct Place {
    uint32_t index;  // in `taken`
    uint32_t row;    // its first in the run
  };
  std::vector<Place> places;
  uint32_t rows = 0;     // of all places
  uint32_t session = 0;  // in which the batch runs
  Arena scratch;
};

/// What a batch did, for the statistics.
struct BatchOutcome {
  uint64_t answered = 0;
  uint64_t failed = 0;
  uint64_t batches = 0;  // more than one when a failed run was repeated row by row
  uint64_t rows = 0;
  uint64_t padded_rows = 0;
  uint32_t first_batch_size = 0;
  int64_t run_us = 0;
};

/// Encodes what `memory.taken` holds, runs it as one padded batch, and answers every request, each exactly
/// once. A request with bad input fails alone. When a run of several rows fails, each is run alone, so that
/// one row cannot fail others. `memory.taken` is left with its callbacks spent.
BatchOutcome answer_batch(const Version& version, BatchMemory& memory, const runtime::Clock& clock);

/// One input at a given place of a padded batch, on the calling thread.
Result<ModelAnswer> answer_at(const Version& version, const Document& input, BatchPlace place,
                              const runtime::Clock& clock);

}  // namespace switchyard::models
