#include "segment.h"

#include <charconv>
#include <cstdio>

#include "switchyard/base/bytes.h"
#include "switchyard/base/hash.h"

namespace switchyard::archive {
namespace {

constexpr std::string_view kMagic = "SYWDARC1";
constexpr std::string_view kEndMagic = "1CRADWYS";
constexpr uint16_t kVersion = 1;
constexpr size_t kHeaderBytes = 64;
constexpr size_t kBundleHeaderBytes = 48;
constexpr size_t kEntryBytes = 56;
constexpr size_t kFooterBytes = 64;
constexpr size_t kWriteBytes = 1u << 20;
constexpr uint64_t kMaxTailBytes = 256u << 20;

void put_run(ByteWriter& out, const RunId& run) { out.raw(run.view()); }
RunId get_run(ByteReader& in) {
  const auto bytes = in.raw(16);
  return bytes.size() == 16 ? RunId::from_bytes(bytes) : RunId{};
}

Status read_exactly(const runtime::File& file, const std::string& path, uint64_t at, uint64_t bytes,
                    std::string& out) {
  out.resize(bytes);
  SY_ASSIGN_OR_RETURN(const size_t got, file.pread(at, out));
  if (got != bytes) return corrupt_segment(path, "ends too early");
  return {};
}

}  // namespace

Error corrupt_segment(const std::string& path, const std::string& what) {
  return make_error(ErrorKind::kCorruption, "archive.corrupt",
                    "the archive file " + path + " " + what + "; bring it back from a backup");
}

std::string segment_name(uint64_t sequence) {
  char text[32];
  std::snprintf(text, sizeof text, "%016llu.archive", static_cast<unsigned long long>(sequence));
  return text;
}

bool parse_segment_name(const std::string& name, uint64_t& sequence) {
  if (name.size() != 24 || !name.ends_with(".archive")) return false;
  const auto [end, error] = std::from_chars(name.data(), name.data() + 16, sequence);
  return error == std::errc() && end == name.data() + 16;
}

// --- reading
// -------------------------------------------------------------------------------------------------------

Result<std::shared_ptr<const Segment>> open_segment(runtime::Disk& disk, const std::string& path,
                                                    uint64_t sequence, PartitionId partition) {
  auto segment = std::make_shared<Segment>();
  segment->path = path;
  segment->info.sequence = sequence;
  SY_ASSIGN_OR_RETURN(segment->file, disk.open(path, runtime::OpenMode::kReadOnly));
  SY_ASSIGN_OR_RETURN(const uint64_t size, segment->file->size());
  if (size < kHeaderBytes + kFooterBytes) return corrupt_segment(path, "is too short");
  std::string text;
  SY_RETURN_IF_ERROR(read_exactly(*segment->file, path, size - kFooterBytes, kFooterBytes, text));
  ByteReader footer(text);
  segment->index_position = footer.u64();
  const uint64_t tail_position = footer.u64(), bundles = footer.u64(), fences = footer.u64(),
                 replaced = footer.u64();
  const uint32_t tail_crc = footer.u32();
  footer.raw(4);
  const uint32_t footer_crc = footer.u32();
  footer.raw(4);
  if (footer.raw(8) != kEndMagic || footer_crc != crc32c(std::string_view(text).substr(0, 48)))
    return corrupt_segment(path, "has a damaged end");
  if (tail_position > size - kFooterBytes || size - kFooterBytes - tail_position > kMaxTailBytes)
    return corrupt_segment(path, "has a damaged end");
  SY_RETURN_IF_ERROR(
      read_exactly(*segment->file, path, tail_position, size - kFooterBytes - tail_position, text));
  if (crc32c(text) != tail_crc) return corrupt_segment(path, "has a damaged index");
  ByteReader tail(text);
  for (uint64_t i = 0; i < fences && tail.ok(); ++i) {
    const RunId run = get_run(tail);
    segment->fences.push_back({run, LogOffset(tail.u64())});
  }
  for (uint64_t i = 0; i < replaced && tail.ok(); ++i) segment->replaces.push_back(tail.u64());
  if (!tail.ok() || !tail.at_end()) return corrupt_segment(path, "has a damaged index");

  SY_RETURN_IF_ERROR(read_exactly(*segment->file, path, 0, kHeaderBytes, text));
  ByteReader header(text);
  const bool ours = header.raw(8) == kMagic;
  const uint32_t version = header.u32();
  const uint32_t of_partition = header.u32();
  const uint64_t of_sequence = header.u64();
  segment->info.from = LogOffset(header.u64());
  segment->info.upto = LogOffset(header.u64());
  header.raw(8);
  const uint32_t crc = header.u32();
  if (!ours || crc != crc32c(std::string_view(text).substr(0, 48)))
    return corrupt_segment(path, "has a damaged beginning");
  if (version != kVersion) {
    return make_error(ErrorKind::kUnprocessable, "archive.unknown_format",
                      path + " was written by a newer version; use that one");
  }
  if (of_partition != partition.value || of_sequence != sequence)
    return corrupt_segment(path, "belongs to partition " + std::to_string(of_partition) + ", sequence " +
                                     std::to_string(of_sequence));
  segment->info.bundles = bundles;
  segment->info.bytes = size;
  return std::shared_ptr<const Segment>(std::move(segment));
}

Result<std::vector<IndexEntry>> Segment::block(size_t index) const {
  const uint64_t first = index * kIndexBlockEntries;
  const uint64_t count = std::min<uint64_t>(kIndexBlockEntries, info.bundles - first);
  const uint64_t block_bytes = kIndexBlockEntries * kEntryBytes + 4;
  std::string text;
  SY_RETURN_IF_ERROR(
      read_exactly(*file, path, index_position + index * block_bytes, count * kEntryBytes + 4, text));
  ByteReader in(text);
  std::vector<IndexEntry> entries(count);
  for (IndexEntry& entry : entries) {
    entry.run = get_run(in);
    entry.first = LogOffset(in.u64());
    entry.last = LogOffset(in.u64());
    entry.position = in.u64();
    entry.bytes = in.u32();
    entry.flags = in.u32();
    in.raw(8);
  }
  if (in.u32() != crc32c(std::string_view(text).substr(0, text.size() - 4)))
    return corrupt_segment(path, "has a damaged index");
  return entries;
}

Result<Bundle> Segment::read(const IndexEntry& entry) const {
  std::string text;
  SY_RETURN_IF_ERROR(read_exactly(*file, path, entry.position, entry.bytes, text));
  ByteReader in(text);
  const uint32_t crc = in.u32();
  Bundle bundle;
  const uint32_t bytes = in.u32();
  bundle.run = get_run(in);
  bundle.first = LogOffset(in.u64());
  bundle.last = LogOffset(in.u64());
  bundle.flags = in.u32();
  bundle.records = in.u32();
  const bool good = in.ok() && bytes == text.size() - kBundleHeaderBytes && bundle.run == entry.run &&
                    crc == crc32c(std::string_view(text).substr(4));
  if (!good)
    return corrupt_segment(path, "is damaged in the bundle at byte " + std::to_string(entry.position));
  text.erase(0, kBundleHeaderBytes);
  bundle.bytes = std::move(text);
  return bundle;
}

// --- writing
// -------------------------------------------------------------------------------------------------------

Status SegmentWriter::begin(LogOffset from, LogOffset upto, int64_t now_us) {
  from_ = from;
  upto_ = upto;
  SY_ASSIGN_OR_RETURN(const bool left_over, disk_.exists(temporary()));
  if (left_over) SY_RETURN_IF_ERROR(disk_.remove(temporary()));
  SY_ASSIGN_OR_RETURN(file_, disk_.open(temporary(), runtime::OpenMode::kCreateNew));
  ByteWriter header(buffer_);
  header.raw(kMagic);
  header.u32(kVersion);
  header.u32(partition_.value);
  header.u64(sequence_);
  header.u64(from.value);
  header.u64(upto.value);
  header.i64(now_us);
  header.u32(crc32c(std::string_view(buffer_).substr(0, 48)));
  buffer_.resize(kHeaderBytes);
  return {};
}

Status SegmentWriter::add(const Bundle& bundle) {
  IndexEntry entry{bundle.run, bundle.first, bundle.last, written_ + buffer_.size(), 0, bundle.flags};
  SY_CHECK(bundle.bytes.size() <= kMaxBundleBytes);
  const size_t at = buffer_.size();
  ByteWriter out(buffer_);
  out.u32(0);
  out.u32(static_cast<uint32_t>(bundle.bytes.size()));
  put_run(out, bundle.run);
  out.u64(bundle.first.value);
  out.u64(bundle.last.value);
  out.u32(bundle.flags);
  out.u32(bundle.records);
  out.raw(bundle.bytes);
  const uint32_t crc = crc32c(std::string_view(buffer_).substr(at + 4));
  std::memcpy(buffer_.data() + at, &crc, sizeof crc);
  entry.bytes = static_cast<uint32_t>(buffer_.size() - at);
  index_.push_back(entry);
  return flush(kWriteBytes);
}

Status SegmentWriter::flush(size_t at_least) {
  if (buffer_.size() < at_least) return {};
  SY_RETURN_IF_ERROR(file_->pwrite(written_, buffer_));
  written_ += buffer_.size();
  buffer_.clear();
  return {};
}

Status SegmentWriter::finish(const std::vector<uint64_t>& replaces) {
  const uint64_t index_position = written_ + buffer_.size();
  std::string tail;
  ByteWriter tail_out(tail);
  uint64_t fences = 0;
  for (size_t first = 0; first < index_.size(); first += kIndexBlockEntries, ++fences) {
    put_run(tail_out, index_[first].run);
    tail_out.u64(index_[first].first.value);
    const size_t at = buffer_.size();
    ByteWriter out(buffer_);
    for (size_t i = first; i < std::min(index_.size(), first + kIndexBlockEntries); ++i) {
      const IndexEntry& entry = index_[i];
      put_run(out, entry.run);
      out.u64(entry.first.value);
      out.u64(entry.last.value);
      out.u64(entry.position);
      out.u32(entry.bytes);
      out.u32(entry.flags);
      out.u64(0);
    }
    out.u32(crc32c(std::string_view(buffer_).substr(at)));
  }
  for (const uint64_t sequence : replaces) tail_out.u64(sequence);
  const uint64_t tail_position = written_ + buffer_.size();
  buffer_ += tail;
  const size_t at = buffer_.size();
  ByteWriter footer(buffer_);
  footer.u64(index_position);
  footer.u64(tail_position);
  footer.u64(index_.size());
  footer.u64(fences);
  footer.u64(replaces.size());
  footer.u32(crc32c(tail));
  footer.u32(0);
  footer.u32(crc32c(std::string_view(buffer_).substr(at, 48)));
  footer.u32(0);
  footer.raw(kEndMagic);
  SY_RETURN_IF_ERROR(flush(1));
  SY_RETURN_IF_ERROR(file_->sync_data());
  file_.reset();
  SY_RETURN_IF_ERROR(disk_.rename(temporary(), directory_ + "/" + segment_name(sequence_)));
  return disk_.sync_directory(directory_);
}

void SegmentWriter::discard() {
  file_.reset();
  (void)disk_.remove(temporary());
}

}  // namespace switchyard::archive
