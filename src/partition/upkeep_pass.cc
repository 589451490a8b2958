// One pass of retention and archiving over a partition.
#include <map>

#include "host.h"
#include "keys.h"

namespace switchyard::partition {
namespace {

void note_events(const std::vector<RecordedEvent>& events, DeleteRuns::Item& item) {
  for (const RecordedEvent& recorded : events) {
    if (const auto* started = std::get_if<RunStarted>(&recorded.event.body)) {
      if (!started->idempotency_key.empty())
        item.idempotency = keys::idempotency(started->principal, started->idempotency_key).substr(1);
    } else if (const auto* review = std::get_if<ReviewRequested>(&recorded.event.body)) {
      item.reviews.push_back(review->review);
    }
  }
}

/// What the deletion of a run must also take along: its reviews and its idempotency key.
Result<DeleteRuns::Item> item_of(const PartitionHost& host, const OnPartition& on_partition,
                                 const RetentionCandidate& candidate) {
  DeleteRuns::Item item;
  item.run = candidate.run;
  // Part by part: a run may have a million events.
  for (uint64_t first = 0; first < candidate.earlier;) {
    std::vector<uint64_t> offsets;
    SY_RETURN_IF_ERROR(on_partition([&](StateMachine& machine, int64_t) -> Status {
      SY_ASSIGN_OR_RETURN(offsets, machine.offsets(candidate.run, first));
      return {};
    }));
    if (offsets.empty()) break;
    first += offsets.size();
    SY_ASSIGN_OR_RETURN(const auto events, host.read_events(candidate.run, offsets));
    note_events(events, item);
  }
  SY_ASSIGN_OR_RETURN(const auto events, host.read_events(candidate.run, candidate.newest));
  note_events(events, item);
  return item;
}

class Decider {
 public:
  Decider(PartitionHost& host, const OnPartition& on_partition, const PassRequest& request,
          UpkeepReport& report)
      : host_(host), on_partition_(on_partition), request_(request), report_(report) {}

  Status run() {
    std::string after;
    do {
      RetentionPlan plan;
      SY_RETURN_IF_ERROR(on_partition_([&](StateMachine& machine, int64_t) -> Status {
        SY_ASSIGN_OR_RETURN(plan, machine.plan_retention(*request_.policy, request_.now_us, after));
        return {};
      }));
      report_.held += plan.held;
      SY_RETURN_IF_ERROR(carry_out(plan));
      after = plan.after;
    } while (!after.empty());
    return {};
  }

 private:
  Status carry_out(const RetentionPlan& plan) {
    std::map<const retention::RetentionClass*, CompactRuns> compact;
    std::map<const retention::RetentionClass*, DeleteRuns> remove;
    for (const RetentionCandidate& candidate : plan.due) {
      if (request_.dry_run) {
        count(*candidate.retention_class, candidate.remove, 1);
      } else if (!candidate.remove) {
        compact[candidate.retention_class].runs.push_back(candidate.run);
      } else {
        SY_ASSIGN_OR_RETURN(auto item, item_of(host_, on_partition_, candidate));
        remove[candidate.retention_class].runs.push_back(std::move(item));
      }
    }
    // In the order of the policy: what happens is a function of the state.
    for (const auto& each : request_.policy->classes) {
      if (const auto found = compact.find(&each); found != compact.end()) {
        CompactRuns& command = found->second;
        head(command, each);
        command.dropped = each.drop;
        SY_RETURN_IF_ERROR(on_partition_([&](StateMachine& machine, int64_t now_us) -> Status {
          SY_ASSIGN_OR_RETURN(const uint64_t done, machine.compact_runs(command, now_us));
          count(each, false, done);
          return {};
        }));
      }
      if (const auto found = remove.find(&each); found != remove.end()) {
        DeleteRuns& command = found->second;
        head(command, each);
        SY_RETURN_IF_ERROR(on_partition_([&](StateMachine& machine, int64_t now_us) -> Status {
          SY_ASSIGN_OR_RETURN(const uint64_t done, machine.delete_runs(command, now_us));
          count(each, true, done);
          return {};
        }));
      }
    }
    return {};
  }

  template <typename Command>
  void head(Command& command, const retention::RetentionClass& each) {
    command.policy = request_.policy->full_name();
    command.retention_class = each.name;
    command.who = request_.who;
  }

  void count(const retention::RetentionClass& each, bool removed, uint64_t runs) {
    if (runs == 0) return;
    (removed ? report_.of(each.name).deleted : report_.of(each.name).compacted) += runs;
    (removed ? report_.deleted : report_.compacted) += runs;
  }

  PartitionHost& host_;
  const OnPartition& on_partition_;
  const PassRequest& request_;
  UpkeepReport& report_;
};

}  // namespace

Status look_after(PartitionHost& host, const OnPartition& on_partition, const PassRequest& request,
                  UpkeepReport& report) {
  report.dry_run = request.dry_run;
  if (request.policy != nullptr) SY_RETURN_IF_ERROR(Decider(host, on_partition, request, report).run());
  Upkeep* const upkeep = host.upkeep();
  if (request.dry_run || upkeep == nullptr) return {};
  SY_RETURN_IF_ERROR(upkeep->archive_log(request.now_us, report));
  const bool decided = report.compacted + report.deleted != 0;
  const auto fates = [&](const std::vector<RunId>& runs) -> Result<std::vector<RunFate>> {
    std::vector<RunFate> answers;
    SY_RETURN_IF_ERROR(on_partition([&](StateMachine& machine, int64_t) -> Status {
      SY_ASSIGN_OR_RETURN(answers, machine.fates(runs));
      return {};
    }));
    return answers;
  };
  SY_RETURN_IF_ERROR(upkeep->purge(decided || request.everything, fates, request.now_us, report));
  SY_RETURN_IF_ERROR(upkeep->merge(request.now_us));
  if (report.rewritten_segments == 0 && report.trimmed_bytes == 0) return {};
  return upkeep->collect([&] { return on_partition([](StateMachine&, int64_t) { return Status(); }); },
                         report);
}

}  // namespace switchyard::partition
