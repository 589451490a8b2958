#include "switchyard/archive/archive.h"

#include <algorithm>

#include "segment.h"

namespace switchyard::archive {

Archive::~Archive() = default;

Result<std::unique_ptr<Archive>> Archive::open(Options options) {
  SY_CHECK(options.disk != nullptr);
  std::unique_ptr<Archive> archive(new Archive(std::move(options)));
  SY_RETURN_IF_ERROR(archive->load());
  return archive;
}

Status Archive::load() {
  runtime::Disk& disk = *options_.disk;
  SY_RETURN_IF_ERROR(disk.create_directories(options_.directory));
  SY_ASSIGN_OR_RETURN(const auto names, disk.list(options_.directory));
  auto segments = std::make_shared<Segments>();
  std::vector<uint64_t> replaced;
  for (const std::string& name : names) {
    uint64_t sequence = 0;
    const std::string path = options_.directory + "/" + name;
    if (name.ends_with(".new")) {
      SY_RETURN_IF_ERROR(disk.remove(path));
      continue;
    }
    if (!parse_segment_name(name, sequence)) continue;
    SY_ASSIGN_OR_RETURN(auto segment, open_segment(disk, path, sequence, options_.partition));
    replaced.insert(replaced.end(), segment->replaces.begin(), segment->replaces.end());
    next_sequence_ = std::max(next_sequence_, sequence + 1);
    segments->push_back(std::move(segment));
  }
  bool removed = false;
  for (const auto& segment : *segments) {
    if (std::find(replaced.begin(), replaced.end(), segment->info.sequence) == replaced.end()) continue;
    SY_RETURN_IF_ERROR(disk.remove(segment->path));
    removed = true;
  }
  if (removed) SY_RETURN_IF_ERROR(disk.sync_directory(options_.directory));
  std::erase_if(*segments, [&](const auto& segment) {
    return std::find(replaced.begin(), replaced.end(), segment->info.sequence) != replaced.end();
  });
  std::sort(segments->begin(), segments->end(),
            [](const auto& a, const auto& b) { return a->info.from < b->info.from; });
  for (size_t i = 1; i < segments->size(); ++i) {
    const auto &before = *(*segments)[i - 1], &after = *(*segments)[i];
    if (before.info.upto == after.info.from) continue;
    return make_error(ErrorKind::kCorruption, "archive.gap",
                      "between " + before.path + " and " + after.path +
                          " a file of the archive is missing; bring it back from a backup");
  }
  segments_ = std::move(segments);
  return {};
}

std::shared_ptr<const Archive::Segments> Archive::now() const {
  std::lock_guard lock(mutex_);
  return segments_;
}

Result<std::shared_ptr<const Segment>> Archive::find(uint64_t sequence) const {
  for (const auto& segment : *now())
    if (segment->info.sequence == sequence) return segment;
  return make_error(ErrorKind::kNotFound, "archive.no_segment",
                    "the archive has no segment " + std::to_string(sequence) + " any more");
}

std::optional<LogOffset> Archive::covered() const {
  const auto segments = now();
  if (segments->empty()) return std::nullopt;
  return segments->back()->info.upto;
}

Result<Bundle> Archive::read(const RunId& run, LogOffset offset) const {
  const auto segments = now();
  // The stretches are disjoint: only one segment can have it.
  const auto after =
      std::upper_bound(segments->begin(), segments->end(), offset,
                       [](LogOffset at, const auto& segment) { return at < segment->info.from; });
  if (after != segments->begin()) {
    const Segment& segment = **std::prev(after);
    const auto fence = std::upper_bound(
        segment.fences.begin(), segment.fences.end(), std::pair(run, offset),
        [](const auto& key, const Segment::Fence& f) { return key < std::pair(f.run, f.first); });
    if (fence != segment.fences.begin()) {
      SY_ASSIGN_OR_RETURN(const auto entries,
                          segment.block(static_cast<size_t>(fence - segment.fences.begin()) - 1));
      const auto entry = std::upper_bound(
          entries.begin(), entries.end(), std::pair(run, offset),
          [](const auto& key, const IndexEntry& e) { return key < std::pair(e.run, e.first); });
      if (entry != entries.begin() && std::prev(entry)->run == run && offset <= std::prev(entry)->last)
        return segment.read(*std::prev(entry));
    }
  }
  return make_error(ErrorKind::kNotFound, "archive.no_event",
                    "the event of " + run.to_string() + " at offset " + std::to_string(offset.value) +
                        " is neither in the log nor in the archive",
                    "id");
}

Status Archive::scan(uint64_t sequence, const std::function<bool(const Bundle&)>& visit) const {
  SY_ASSIGN_OR_RETURN(const auto segment, find(sequence));
  for (size_t block = 0; block < segment->fences.size(); ++block) {
    SY_ASSIGN_OR_RETURN(const auto entries, segment->block(block));
    for (const IndexEntry& entry : entries) {
      SY_ASSIGN_OR_RETURN(const Bundle bundle, segment->read(entry));
      if (!visit(bundle)) return {};
    }
  }
  return {};
}

Status Archive::runs(uint64_t sequence,
                     const std::function<void(const RunId&, uint32_t flags)>& visit) const {
  SY_ASSIGN_OR_RETURN(const auto segment, find(sequence));
  std::optional<std::pair<RunId, uint32_t>> last;
  for (size_t block = 0; block < segment->fences.size(); ++block) {
    SY_ASSIGN_OR_RETURN(const auto entries, segment->block(block));
    for (const IndexEntry& entry : entries) {
      if (last.has_value() && last->first == entry.run) {
        last->second |= entry.flags;
        continue;
      }
      if (last.has_value()) visit(last->first, last->second);
      last = {entry.run, entry.flags};
    }
  }
  if (last.has_value()) visit(last->first, last->second);
  return {};
}

Status Archive::add(Builder&& builder, LogOffset from, LogOffset upto, int64_t now_us) {
  SY_CHECK(from <= upto && (!covered().has_value() || *covered() == from));
  SegmentWriter writer(*options_.disk, options_.directory, options_.partition, next_sequence_);
  Status status = writer.begin(from, upto, now_us);
  for (auto bundle = builder.bundles_.begin(); status.ok() && bundle != builder.bundles_.end(); ++bundle)
    status = writer.add(bundle->second);
  if (status.ok()) status = writer.finish({});
  if (!status.ok()) {
    writer.discard();
    return status;
  }
  const uint64_t sequence = next_sequence_++;
  SY_ASSIGN_OR_RETURN(
      auto segment, open_segment(*options_.disk, options_.directory + "/" + segment_name(sequence), sequence,
                                 options_.partition));
  auto segments = std::make_shared<Segments>(*now());
  segments->push_back(std::move(segment));
  std::lock_guard lock(mutex_);
  segments_ = std::move(segments);
  return {};
}

namespace {

/// The entries of several segments in the order of (run, first).
struct Source {
  const Segment* segment = nullptr;
  IndexEntry entry;
};

Result<std::vector<Source>> merged_entries(const std::vector<std::shared_ptr<const Segment>>& inputs) {
  std::vector<Source> sources;
  for (const auto& segment : inputs) {
    for (size_t block = 0; block < segment->fences.size(); ++block) {
      SY_ASSIGN_OR_RETURN(const auto entries, segment->block(block));
      for (const IndexEntry& entry : entries) sources.push_back({segment.get(), entry});
    }
  }
  std::sort(sources.begin(), sources.end(), [](const Source& a, const Source& b) {
    return std::pair(a.entry.run, a.entry.first) < std::pair(b.entry.run, b.entry.first);
  });
  return sources;
}

Status write_merged(SegmentWriter& writer, const std::vector<Source>& sources, const Transform& transform,
                    bool& changed) {
  for (const Source& source : sources) {
    SY_ASSIGN_OR_RETURN(Bundle bundle, source.segment->read(source.entry));
    SY_ASSIGN_OR_RETURN(const Fate fate, transform(bundle));
    changed |= fate != Fate::kKeep;
    if (fate != Fate::kDrop) SY_RETURN_IF_ERROR(writer.add(bundle));
  }
  return {};
}

}  // namespace

Status Archive::rewrite(const std::vector<uint64_t>& sequences, const Transform& transform, int64_t now_us) {
  SY_CHECK(!sequences.empty());
  std::vector<std::shared_ptr<const Segment>> inputs;
  for (const uint64_t sequence : sequences) {
    SY_ASSIGN_OR_RETURN(auto segment, find(sequence));
    SY_CHECK(inputs.empty() || inputs.back()->info.upto == segment->info.from);
    inputs.push_back(std::move(segment));
  }
  SY_ASSIGN_OR_RETURN(const auto sources, merged_entries(inputs));
  SegmentWriter writer(*options_.disk, options_.directory, options_.partition, next_sequence_);
  bool changed = inputs.size() > 1;
  Status status = writer.begin(inputs.front()->info.from, inputs.back()->info.upto, now_us);
  if (status.ok()) status = write_merged(writer, sources, transform, changed);
  if (status.ok() && changed) status = writer.finish(sequences);
  if (!status.ok() || !changed) {
    writer.discard();
    return status;
  }
  const uint64_t sequence = next_sequence_++;
  SY_ASSIGN_OR_RETURN(
      auto segment, open_segment(*options_.disk, options_.directory + "/" + segment_name(sequence), sequence,
                                 options_.partition));
  auto segments = std::make_shared<Segments>(*now());
  const auto first = std::find(segments->begin(), segments->end(), inputs.front());
  const auto at = segments->erase(first, first + static_cast<ptrdiff_t>(inputs.size()));
  segments->insert(at, std::move(segment));
  {
    std::lock_guard lock(mutex_);
    segments_ = std::move(segments);
  }
  // Should this fail, the next start removes them: the new segment names them.
  for (const auto& input : inputs) SY_RETURN_IF_ERROR(options_.disk->remove(input->path));
  return options_.disk->sync_directory(options_.directory);
}

std::vector<std::vector<uint64_t>> Archive::mergeable(uint64_t segment_bytes) const {
  std::vector<std::vector<uint64_t>> groups;
  std::vector<uint64_t> group;
  uint64_t bytes = 0;
  const auto end_group = [&] {
    if (group.size() >= kMergeSegments) groups.push_back(group);
    group.clear();
    bytes = 0;
  };
  for (const auto& segment : *now()) {
    if (bytes + segment->info.bytes > segment_bytes) end_group();
    if (segment->info.bytes > segment_bytes / 2) {
      end_group();
      continue;
    }
    group.push_back(segment->info.sequence);
    bytes += segment->info.bytes;
  }
  end_group();
  return groups;
}

std::vector<SegmentInfo> Archive::segments() const {
  std::vector<SegmentInfo> infos;
  for (const auto& segment : *now()) infos.push_back(segment->info);
  return infos;
}

ArchiveStats Archive::stats() const {
  ArchiveStats stats;
  for (const auto& segment : *now()) {
    ++stats.segments;
    stats.bundles += segment->info.bundles;
    stats.bytes += segment->info.bytes;
  }
  return stats;
}

}  // namespace switchyard::archive
