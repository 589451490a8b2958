// Old runs are archived, compacted, deleted, or held against it; the machine may die in between.
#include <algorithm>

#include "switchyard/retention/compact.h"
#include "switchyard/types/json.h"
#include "world.h"

namespace switchyard::sim {
namespace {

using partition::StateMachine;

constexpr int64_t kMinute = 60'000'000;
constexpr int kTurnsForOneCommand = 100;
constexpr uint64_t kCutWithin = 40;  // changes of the disk
constexpr size_t kReadsPerCheck = 40;

std::string text_of(const Event& event) {
  Arena arena;
  return to_json(event_to_value(event, arena));
}

/// What compacting leaves of an event, as a reader sees it; empty: nothing.
std::string compacted_text(const Event& event, uint32_t dropped) {
  const auto payload = retention::compact(event, dropped, nullptr);
  if (!payload.has_value()) return {};
  Arena arena;
  auto smaller =
      decode_event(event.type(), event.version(), event.run, event.step, event.time_us, *payload, arena);
  return smaller.ok() ? text_of(*smaller) : smaller.error().message;
}

}  // namespace

std::shared_ptr<const retention::Policy> simulated_policy() {
  static const auto kPolicy = [] {
    auto policy = std::make_shared<retention::Policy>();
    policy->name = "sim";
    policy->version = "1.0.0";
    policy->idempotency_us = 30 * kMinute;
    retention::RetentionClass quick;
    quick.name = "quick";
    quick.pipelines = {"sim/quick", "sim/score", "sim/trans*"};
    quick.full_us = 5 * kMinute;
    quick.drop =
        static_cast<uint32_t>(retention::Part::kInput) | static_cast<uint32_t>(retention::Part::kResults);
    quick.delete_us = 40 * kMinute;
    retention::RetentionClass rest;
    rest.name = "rest";
    rest.pipelines = {"sim/*"};
    rest.full_us = 15 * kMinute;
    policy->classes = {quick, rest};
    return policy;
  }();
  return kPolicy;
}

/// Hands work to a partition as a client would, and turns until it is durable.
Status World::on_partition(uint32_t partition, std::function<Status(StateMachine&, int64_t)> work) {
  struct Outcome {
    std::optional<Status> status;
    bool given_up = false;  // whoever waited is gone, with what `work` writes to
  };
  auto outcome = std::make_shared<Outcome>();
  const auto tell = [outcome](Status status) {
    if (!outcome->status.has_value()) outcome->status = std::move(status);
  };
  const auto run = [outcome, work = std::move(work), tell](partition::PartitionHost& host, int64_t now_us) {
    if (outcome->given_up) return;
    Status status = work(host.machine(), now_us);
    if (!status.ok()) return tell(std::move(status));
    host.reply_when_durable(
        [tell](const Status& durable) { tell(durable.ok() ? Status() : Status(durable.error())); });
  };
  if (!mailbox_->push(
          partition::Command{partition, partition::Call{run, [tell](const Error& error) { tell(error); }}}))
    return make_error(ErrorKind::kUnavailable, "sim.mailbox_full", "the mailbox is full");
  const bool armed = cut_disk_.pause();
  for (int i = 0; i < kTurnsForOneCommand && !outcome->status.has_value() && !failed(); ++i) {
    turn();
    while (!failed() && step_logs()) {
    }
  }
  turn();
  // What is durable now may be trimmed before anybody else sees it.
  see_durable();
  cut_disk_.resume(armed);
  if (outcome->status.has_value()) return std::move(*outcome->status);
  outcome->given_up = true;
  return make_error(ErrorKind::kUnavailable, "sim.not_durable", "the disk does not take it now");
}

/// One pass over a partition, which the seed may cut short by the death of the machine.
void World::look_after(uint32_t partition, bool may_be_cut) {
  see_durable();
  const bool cut = may_be_cut && random_.one_in(3);
  if (cut) cut_disk_.cut_after(random_.below(kCutWithin));
  const auto policy = engine_.retention ? engine_.retention() : nullptr;
  partition::PassRequest request;
  request.policy = policy.get();
  request.who = "keeper";
  request.everything = !may_be_cut || random_.one_in(2);
  request.now_us = now_us_;
  partition::UpkeepReport report;
  const Status status = partition::look_after(
      *hosts_[partition],
      [&](std::function<Status(StateMachine&, int64_t)> work) {
        return on_partition(partition, std::move(work));
      },
      request, report);
  trace("pass " + std::to_string(partition) + ": " + (status.ok() ? "ok" : status.error().code) +
        ", compacted " + std::to_string(report.compacted) + ", deleted " + std::to_string(report.deleted) +
        ", held " + std::to_string(report.held) + ", archived " + std::to_string(report.archived_records) +
        ", trimmed " + std::to_string(report.trimmed_bytes) + ", rewritten " +
        std::to_string(report.rewritten_segments) + ", payloads " + std::to_string(report.removed_payloads));
  outcome_.archived += report.archived_records;
  outcome_.compacted += report.compacted;
  outcome_.deleted += report.deleted;
  if (cut_disk_.mend()) return crash(random_.below(3) != 0);
  if (status.ok()) {
    if (options_.plant == Plant::kLostArchive) lose_archive();
    return;
  }
  const std::string& code = status.error().code;
  if (status.error().kind != ErrorKind::kNoSpace && code != "sim.not_durable")
    fail("a pass over partition " + std::to_string(partition) + " failed: " + code + ": " +
         status.error().message);
}

/// The planted defect: an archive that forgets a file.
void World::lose_archive() {
  for (const std::string& path : disk_.files()) {
    if (!path.ends_with(".archive")) continue;
    (void)disk_.remove(path);
    return;
  }
}

namespace {

bool is_same(const partition::RecordedEvent& a, const partition::RecordedEvent& b) {
  return *a.payload == *b.payload && a.event.type() == b.event.type() && a.event.run == b.event.run &&
         a.event.step == b.event.step && a.event.time_us == b.event.time_us && a.event.frame == b.event.frame;
}

}  // namespace

/// What is not deleted can be read, wherever it lies; what was compacted is what compacting leaves.
void World::check_archive(const History& history, bool last) {
  size_t reads = 0;
  for (const auto& [id, run] : history.runs()) {
    const uint32_t p = partition::partition_of(id).value;
    auto view = machine(p).run(id);
    if (run.deleted) {
      if (view.ok() || view.error().code != "run.deleted")
        return fail("the deleted run " + id.to_string() + " is there");
      continue;
    }
    if (!view.ok()) return fail("a run of the log is not in the state: " + view.error().message);
    if (view->compaction.has_value() != run.compacted)
      return fail("log and state disagree whether " + id.to_string() + " was compacted");
    if (!last && (reads >= kReadsPerCheck || !random_.one_in(4))) continue;
    ++reads;
    auto events = hosts_[p]->read_events(id, all_offsets(id));
    if (!events.ok())
      return fail("the history of " + id.to_string() + " cannot be read: " + events.error().message);
    size_t next = 0;
    for (const auto& recorded : run.events) {
      const bool found = next < events->size() && (*events)[next].offset == recorded.offset;
      if (found && is_same(recorded, (*events)[next])) {
        ++next;
        continue;
      }
      const std::string was = text_of(recorded.event);
      const std::string left =
          run.compacted ? compacted_text(recorded.event, view->compaction->dropped) : was;
      if (!found && run.compacted && left.empty()) continue;
      if (!found) return fail("an event of " + id.to_string() + " is lost");
      const std::string is = text_of((*events)[next++].event);
      if (is != was && is != left) return fail("an event of " + id.to_string() + " is another now: " + is);
    }
    if (next != events->size()) return fail(id.to_string() + " has events that never happened");
  }
}

/// After a whole pass nothing of a deleted run is left in the archive.
void World::check_erased(const History& history) {
  for (uint32_t p = 0; p < partitions_; ++p) {
    const archive::Archive& archive = *hosts_[p]->archive();
    for (const auto& segment : archive.segments()) {
      const Status read = archive.runs(segment.sequence, [&](const RunId& id, uint32_t flags) {
        const auto run = history.runs().find(id);
        if (run == history.runs().end()) return;
        if (run->second.deleted) fail("the archive still has the deleted run " + id.to_string());
        if (run->second.compacted && (flags & archive::kCompacted) == 0)
          fail("the archive still has all of the compacted run " + id.to_string());
      });
      if (!read.ok()) fail("the archive cannot be read: " + read.error().message);
    }
  }
}

}  // namespace switchyard::sim
