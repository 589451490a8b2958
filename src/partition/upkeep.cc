#include "upkeep.h"

#include <algorithm>

#include "switchyard/retention/compact.h"

namespace switchyard::partition {
namespace {

constexpr size_t kReadBytes = 4u << 20;
constexpr size_t kFatesAtOnce = 1000;

/// Keeps a value that lies in the payload store there.
class KeepReferences final : public ValueWriter {
 public:
  explicit KeepReferences(const std::vector<Sha256>& known) : known_(known) {}
  void written(const Value&, std::string& text, size_t at) override {
    if (known_.empty()) return;
    const Sha256 name = sha256(std::string_view(text).substr(at));
    if (std::find(known_.begin(), known_.end(), name) == known_.end()) return;
    const uint64_t bytes = text.size() - at;
    text.resize(at);
    write_payload_reference(text, name, bytes);
    kept_ = true;
  }
  bool kept() const { return kept_; }

 private:
  const std::vector<Sha256>& known_;
  bool kept_ = false;
};

/// What is counted, not told: the state has the sum, nobody reads the events again.
bool is_bookkeeping(const log::RecordView& record) {
  const auto type = static_cast<EventType>(record.type);
  return record.run.is_zero() && (type == EventType::kBudgetUsed || type == EventType::kEpochStarted);
}

}  // namespace

UpkeepReport::Class& UpkeepReport::of(const std::string& name) {
  for (Class& each : classes)
    if (each.name == name) return each;
  classes.push_back({name, 0, 0});
  return classes.back();
}

void UpkeepReport::add(const UpkeepReport& other) {
  for (const Class& each : other.classes) {
    of(each.name).compacted += each.compacted;
    of(each.name).deleted += each.deleted;
  }
  compacted += other.compacted, deleted += other.deleted, held += other.held;
  archived_records += other.archived_records, archived_bytes += other.archived_bytes;
  trimmed_bytes += other.trimmed_bytes;
  rewritten_segments += other.rewritten_segments, removed_payloads += other.removed_payloads;
}

// --- log to archive
// ------------------------------------------------------------------------------------------------

Status Upkeep::archive_log(int64_t now_us, UpkeepReport& report) {
  log::Log& log = *parts_.log;
  const auto flushed = parts_.store->flushed();
  if (!flushed.has_value()) return {};
  // What a crash would fold again must stay: the log begins nowhere above the last durable checkpoint.
  const LogOffset reach = std::min(flushed->offset, log.durable_end());
  const uint64_t end = log.durable_end().value;
  const LogOffset by_size(end > parts_.options.log_keep_bytes ? end - parts_.options.log_keep_bytes : 0);
  const int64_t by_age_us = now_us - parts_.options.archive_after_us;
  SY_ASSIGN_OR_RETURN(const bool no_payloads, parts_.payloads->empty());

  LogOffset at = parts_.archive->covered().value_or(log.first_offset());
  bool done = false;
  while (!done && at < reach) {
    archive::Builder builder;
    const LogOffset from = at;
    Status failure;
    while (!done && at < reach && builder.bytes() < parts_.options.segment_bytes) {
      LogOffset stop = reach;
      auto next = log.read(
          at, std::min<size_t>(kReadBytes, parts_.options.segment_bytes), [&](const log::RecordView& record) {
            if (record.offset >= reach || (record.offset >= by_size && record.time_us > by_age_us)) {
              stop = record.offset;
              done = true;
              return false;
            }
            if (is_bookkeeping(record)) return true;
            uint32_t flags = 0;
            if (!no_payloads) {
              auto references =
                  payload_references(static_cast<EventType>(record.type), record.version, record.payload);
              if (!references.ok()) {
                failure = references.error();
                return false;
              }
              if (!references->empty()) flags = archive::kHasPayloads;
            }
            builder.add(record, flags);
            ++report.archived_records;
            return true;
          });
      SY_RETURN_IF_ERROR(std::move(failure));
      if (!next.ok()) return next.error();
      at = done ? stop : std::min(*next, reach);
    }
    if (at == from) break;
    report.archived_bytes += builder.bytes();
    SY_RETURN_IF_ERROR(parts_.archive->add(std::move(builder), from, at, now_us));
  }
  const auto covered = parts_.archive->covered();
  if (!covered.has_value()) return {};
  const LogOffset before = log.first_offset();
  SY_RETURN_IF_ERROR(log.trim(std::min(*covered, reach)));
  report.trimmed_bytes += log.first_offset().value - before.value;
  return {};
}

// --- what retention decided
// ----------------------------------------------------------------------------------------

Result<bool> Upkeep::segment_changes(uint64_t sequence, const Fates& fates) {
  std::vector<std::pair<RunId, uint32_t>> runs;
  SY_RETURN_IF_ERROR(parts_.archive->runs(sequence, [&](const RunId& run, uint32_t flags) {
    if (!run.is_zero()) runs.emplace_back(run, flags);
  }));
  for (size_t first = 0; first < runs.size(); first += kFatesAtOnce) {
    std::vector<RunId> ids;
    for (size_t i = first; i < std::min(runs.size(), first + kFatesAtOnce); ++i) ids.push_back(runs[i].first);
    SY_ASSIGN_OR_RETURN(const auto answers, fates(ids));
    for (size_t i = 0; i < ids.size(); ++i) {
      const bool was_compacted = (runs[first + i].second & archive::kCompacted) != 0;
      if (answers[i].gone || (answers[i].compacted && !was_compacted)) return true;
    }
  }
  return false;
}

Result<archive::Fate> Upkeep::transform(archive::Bundle& bundle, const Fates& fates) {
  if (bundle.run.is_zero()) return archive::Fate::kKeep;
  SY_ASSIGN_OR_RETURN(const auto answers, fates({bundle.run}));
  if (answers[0].gone) return archive::Fate::kDrop;
  if (!answers[0].compacted || (bundle.flags & archive::kCompacted) != 0) return archive::Fate::kKeep;
  return compact(bundle, answers[0].dropped);
}

Result<archive::Fate> Upkeep::compact(archive::Bundle& bundle, uint32_t dropped) {
  archive::Bundle smaller;
  smaller.run = bundle.run;
  smaller.first = bundle.first;
  smaller.flags = archive::kCompacted;
  Status failure;
  SY_RETURN_IF_ERROR(archive::for_each_record(bundle, [&](const log::RecordView& record) {
    const auto type = static_cast<EventType>(record.type);
    Arena arena;
    auto references = payload_references(type, record.version, record.payload);
    auto event = decode_event(type, record.version, record.run, record.step, record.time_us, record.payload,
                              arena, parts_.payloads);
    if (!references.ok() || !event.ok()) {
      failure = references.ok() ? event.error() : references.error();
      return false;
    }
    KeepReferences keep(*references);
    const auto payload = retention::compact(*event, dropped, &keep);
    if (!payload.has_value()) return true;
    log::RecordView kept = record;
    kept.payload = *payload;
    archive::add_record(smaller, kept);
    if (keep.kept()) smaller.flags |= archive::kHasPayloads;
    return true;
  }));
  SY_RETURN_IF_ERROR(std::move(failure));
  smaller.last = bundle.last;
  bundle = std::move(smaller);
  return archive::Fate::kReplace;
}

Status Upkeep::purge(bool everything, const Fates& fates, int64_t now_us, UpkeepReport& report) {
  for (const archive::SegmentInfo& segment : parts_.archive->segments()) {
    if (!everything && segment.sequence <= purged_upto_) continue;
    SY_ASSIGN_OR_RETURN(const bool changes, segment_changes(segment.sequence, fates));
    if (!changes) continue;
    SY_RETURN_IF_ERROR(parts_.archive->rewrite(
        {segment.sequence}, [&](archive::Bundle& bundle) { return transform(bundle, fates); }, now_us));
    ++report.rewritten_segments;
  }
  for (const archive::SegmentInfo& segment : parts_.archive->segments())
    purged_upto_ = std::max(purged_upto_, segment.sequence);
  return {};
}

Status Upkeep::merge(int64_t now_us) {
  for (const auto& group : parts_.archive->mergeable(parts_.options.segment_bytes)) {
    const bool looked_at =
        std::all_of(group.begin(), group.end(), [&](uint64_t sequence) { return sequence <= purged_upto_; });
    SY_RETURN_IF_ERROR(parts_.archive->rewrite(
        group, [](archive::Bundle&) { return archive::Fate::kKeep; }, now_us));
    // The merged one holds nothing that was not looked at.
    if (looked_at)
      for (const auto& segment : parts_.archive->segments())
        purged_upto_ = std::max(purged_upto_, segment.sequence);
  }
  return {};
}

// --- payloads
// ------------------------------------------------------------------------------------------------------

Status Upkeep::mark_archive(std::set<Sha256>& needed) const {
  for (const archive::SegmentInfo& segment : parts_.archive->segments()) {
    Status failure;
    SY_RETURN_IF_ERROR(parts_.archive->scan(segment.sequence, [&](const archive::Bundle& bundle) {
      if ((bundle.flags & archive::kHasPayloads) == 0) return true;
      const Status read = archive::for_each_record(bundle, [&](const log::RecordView& record) {
        auto references =
            payload_references(static_cast<EventType>(record.type), record.version, record.payload);
        if (!references.ok()) {
          failure = references.error();
          return false;
        }
        needed.insert(references->begin(), references->end());
        return true;
      });
      if (!read.ok()) failure = read.error();
      return failure.ok();
    }));
    SY_RETURN_IF_ERROR(std::move(failure));
  }
  return {};
}

Status Upkeep::mark_log(std::set<Sha256>& needed) const {
  const log::Log& log = *parts_.log;
  // Also what was archived but not trimmed: a reader may still be at it.
  LogOffset at = log.first_offset();
  while (at < log.durable_end()) {
    Status failure;
    auto next = log.read(at, kReadBytes, [&](const log::RecordView& record) {
      auto references =
          payload_references(static_cast<EventType>(record.type), record.version, record.payload);
      if (!references.ok()) {
        failure = references.error();
        return false;
      }
      needed.insert(references->begin(), references->end());
      return true;
    });
    SY_RETURN_IF_ERROR(std::move(failure));
    if (!next.ok()) return next.error();
    at = *next;
  }
  return {};
}

Status Upkeep::collect(const std::function<Status()>& settle, UpkeepReport& report) {
  SY_ASSIGN_OR_RETURN(const bool empty, parts_.payloads->empty());
  if (empty) return {};
  parts_.payloads->begin_mark();
  SY_RETURN_IF_ERROR(settle());
  std::set<Sha256> needed;
  SY_RETURN_IF_ERROR(mark_archive(needed));
  SY_RETURN_IF_ERROR(mark_log(needed));
  SY_ASSIGN_OR_RETURN(const uint64_t removed, parts_.payloads->sweep(needed));
  report.removed_payloads += removed;
  return {};
}

}  // namespace switchyard::partition
