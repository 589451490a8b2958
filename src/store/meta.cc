#include "meta.h"

#include <fmt/format.h>

#include "switchyard/base/bytes.h"
#include "switchyard/base/hash.h"

namespace switchyard::store {

std::string encode_meta(PartitionId partition, Checkpoint checkpoint) {
  std::string bytes;
  ByteWriter out(bytes);
  out.u32(kFormatVersion);
  out.u32(partition.value);
  out.u64(checkpoint.offset.value);
  out.u32(checkpoint.epoch.value);
  out.u32(crc32c(bytes));
  return bytes;
}

Result<Checkpoint> decode_meta(std::string_view bytes, PartitionId expected, std::string_view path) {
  ByteReader in(bytes);
  const uint32_t version = in.u32();
  if (in.ok() && version != kFormatVersion)
    return make_error(
        ErrorKind::kUnprocessable, "store.unknown_format",
        fmt::format("the state in {} has format {}, this program knows {}; run the version that wrote it, "
                    "or remove the folder to rebuild it from the whole log",
                    path, version, kFormatVersion),
        std::string(path));
  const PartitionId partition(in.u32());
  Checkpoint checkpoint;
  checkpoint.offset = LogOffset(in.u64());
  checkpoint.epoch = Epoch(in.u32());
  const size_t covered = in.position();
  const uint32_t checksum = in.u32();
  if (!in.ok() || !in.at_end() || checksum != crc32c(bytes.substr(0, covered)))
    return make_error(
        ErrorKind::kCorruption, "store.corrupt",
        fmt::format("the checkpoint record of the state in {} is damaged; restore the folder from a "
                    "backup, or remove it to rebuild it from the whole log",
                    path),
        std::string(path));
  if (partition != expected)
    return make_error(
        ErrorKind::kConflict, "store.wrong_partition",
        fmt::format("the state in {} belongs to partition {}, not {}; give each partition its own folder",
                    path, partition.value, expected.value),
        std::string(path));
  return checkpoint;
}

}  // namespace switchyard::store
