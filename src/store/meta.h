#pragma once

#include <string>
#include <string_view>

#include "switchyard/base/result.h"
#include "switchyard/store/state_store.h"
#include "switchyard/types/ids.h"

namespace switchyard::store {

/// The one key of the store itself, written in every checkpoint's batch.
inline constexpr std::string_view kMetaKey{"\0meta", 5};
inline constexpr uint32_t kFormatVersion = 1;

/// u32 format version, u32 partition, u64 offset, u32 epoch, u32 CRC-32C of these; little-endian.
std::string encode_meta(PartitionId partition, Checkpoint checkpoint);
/// kUnprocessable "store.unknown_format", kConflict "store.wrong_partition", kCorruption "store.corrupt".
Result<Checkpoint> decode_meta(std::string_view bytes, PartitionId expected, std::string_view path);

}  // namespace switchyard::store
