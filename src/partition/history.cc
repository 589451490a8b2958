// Reading what happened to a run: from the log, and from the archive what has left it.
#include "host.h"

namespace switchyard::partition {
namespace {

// How much at once, and how far the next record may be to be reached by reading on.
constexpr size_t kReadBytes = 256u << 10;
constexpr uint64_t kNearBytes = 4096;

class HistoryReader {
 public:
  HistoryReader(const RunId& run, const std::vector<uint64_t>& offsets, const PayloadSource* payloads)
      : run_(run), offsets_(offsets), payloads_(payloads) {}

  bool done() const { return next_ == offsets_.size(); }
  LogOffset wanted() const { return LogOffset(offsets_[next_]); }
  std::vector<RecordedEvent> take() { return std::move(events_); }

  /// A run's events often stand together: one read serves as long as the next wanted record is at hand.
  Status read_log(const log::Log& log) {
    Status failure;
    auto read = log.read(wanted(), kReadBytes, [&](const log::RecordView& record) {
      if (record.offset > wanted()) return false;
      if (record.offset < wanted()) return wanted().value - record.offset.value < kNearBytes;
      failure = add(record);
      return failure.ok() && !done();
    });
    SY_RETURN_IF_ERROR(std::move(failure));
    return read.ok() ? Status() : Status(read.error());
  }

  /// All that the bundle has, and past what compacting left out of it.
  Status read_archive(const archive::Archive& archive) {
    SY_ASSIGN_OR_RETURN(const archive::Bundle bundle, archive.read(run_, wanted()));
    Status failure;
    SY_RETURN_IF_ERROR(archive::for_each_record(bundle, [&](const log::RecordView& record) {
      while (!done() && wanted() < record.offset) ++next_;
      if (!done() && wanted() == record.offset) failure = add(record);
      return failure.ok() && !done();
    }));
    SY_RETURN_IF_ERROR(std::move(failure));
    while (!done() && wanted() <= bundle.last) ++next_;
    return {};
  }

 private:
  Status add(const log::RecordView& record) {
    auto payload = std::make_shared<std::string>(record.payload);
    SY_ASSIGN_OR_RETURN(
        auto event, decode_event(static_cast<EventType>(record.type), record.version, record.run, record.step,
                                 record.time_us, *payload, *arena_, payloads_));
    events_.push_back({std::move(event), record.offset, arena_, std::move(payload)});
    ++next_;
    return {};
  }

  const RunId& run_;
  const std::vector<uint64_t>& offsets_;
  const PayloadSource* const payloads_;
  std::shared_ptr<Arena> arena_ = std::make_shared<Arena>(4096);
  std::vector<RecordedEvent> events_;
  size_t next_ = 0;
};

}  // namespace

Result<std::vector<RecordedEvent>> PartitionHost::read_events(const RunId& run,
                                                              const std::vector<uint64_t>& offsets) const {
  HistoryReader reader(run, offsets, payloads_.get());
  while (!reader.done()) {
    const LogOffset before = reader.wanted();
    // What is in the archive is read there: retention may have taken something out of it.
    const bool archived = archive_ != nullptr && before < archive_->covered().value_or(LogOffset(0));
    Status read = archived ? reader.read_archive(*archive_) : reader.read_log(*log_);
    // Trimmed in this moment: it is in the archive now.
    const bool moved = !read.ok() && !archived && archive_ != nullptr && read.error().code == "log.trimmed" &&
                       before < archive_->covered().value_or(LogOffset(0));
    if (moved) continue;
    SY_RETURN_IF_ERROR(std::move(read));
    SY_CHECK(reader.done() || reader.wanted() != before);
  }
  return reader.take();
}

}  // namespace switchyard::partition
