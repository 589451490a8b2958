#include "place_history.h"

#include <algorithm>

namespace switchyard::sim {

using OnLimit = workflow::ConcurrencySpec::OnLimit;

void PlaceHistory::fail(const std::string& what) {
  if (breach_.empty()) breach_ = at_ + ": " + what;
}

size_t PlaceHistory::active(const Group& group) {
  return static_cast<size_t>(std::count_if(group.runs.begin(), group.runs.end(),
                                           [](const Run& run) { return !run.queued && !run.ended; }));
}

void PlaceHistory::started(PartitionId partition, const Event& event, const RunStarted& body) {
  auto pipeline = catalog_.pipeline_by_hash(body.pipeline_hash);
  if (pipeline == nullptr) return;
  if (body.grouped != pipeline->concurrency.has_value()) return fail("a run is counted that has no limit");
  if (!body.grouped) return;
  const Name name{pipeline->name, std::string(body.group)};
  Group& group = groups_[name];
  if (group.spec == nullptr) {
    group.spec = &*pipeline->concurrency;
    group.partition = partition.value;
    pipelines_.push_back(std::move(pipeline));
  }
  if (group.partition != partition.value) fail("the runs of one key live in two partitions");
  const bool waits = std::any_of(group.runs.begin(), group.runs.end(),
                                 [](const Run& run) { return run.queued && !run.ended; });
  if (!body.queued && waits) fail("a run passes those that wait");
  if (body.queued && group.spec->on_limit == OnLimit::kRefuse) fail("a run waits that was to be refused");
  Run run;
  run.id = event.run;
  run.tenant = body.tenant;
  run.order = QueueOrder(body.place, body.priority);
  run.queued = body.queued;
  if (!group.runs.empty() && body.place <= group.runs.back().order.place) fail("two runs have one place");
  group.runs.push_back(run);
  of_run_[event.run] = name;
  if (active(group) > group.spec->limit) fail("more runs of a key go at once than its limit");
}

void PlaceHistory::admitted(Group& group, Run& run) {
  ++admitted_;
  if (!run.queued) return fail("a run begins twice");
  for (const Run& other : group.runs) {
    const bool waits = other.queued && !other.ended && other.tenant == run.tenant;
    if (waits && other.order < run.order) fail("a run begins before one whose turn it was");
  }
  run.queued = false;
  if (active(group) > group.spec->limit) fail("more runs of a key go at once than its limit");
}

void PlaceHistory::ended(Group& group, Run& run) {
  run.ended = true;
  const bool over =
      std::all_of(group.runs.begin(), group.runs.end(), [](const Run& each) { return each.ended; });
  if (over) group.runs.clear();
}

void PlaceHistory::add(PartitionId partition, const partition::RecordedEvent& recorded) {
  const Event& event = recorded.event;
  if (event.run.is_zero()) return;
  at_ = "partition " + std::to_string(partition.value) + ", offset " + std::to_string(recorded.offset.value) +
        ", run " + event.run.to_string();
  if (const auto* body = std::get_if<RunStarted>(&event.body)) return started(partition, event, *body);
  const auto name = of_run_.find(event.run);
  if (name == of_run_.end()) return;
  Group& group = groups_[name->second];
  const auto run = std::find_if(group.runs.begin(), group.runs.end(),
                                [&](const Run& each) { return each.id == event.run; });
  if (run == group.runs.end()) return fail("an event after the end");
  if (run->queued && event.step != kNoStep) fail("a step of a run that waits for its place");
  switch (event.type()) {
    case EventType::kRunAdmitted: return admitted(group, *run);
    case EventType::kRunUnwinding: run->ending = true; return;
    case EventType::kRunCancelled:
      if (std::get<RunCancelled>(event.body).who.starts_with("concurrency")) ++superseded_;
      return ended(group, *run);
    case EventType::kRunCompleted:
    case EventType::kRunFailed: return ended(group, *run);
    default: return;
  }
}

void PlaceHistory::finish() {
  for (const auto& [name, group] : groups_) {
    at_ = "pipeline " + name.first + ", key '" + name.second + "'";
    if (group.spec->on_limit != OnLimit::kLatestWins) continue;
    size_t newer = 0;
    for (auto run = group.runs.rbegin(); run != group.runs.rend(); ++run) {
      if (run->ended || run->ending) continue;
      if (newer++ >= group.spec->limit)
        fail("the run " + run->id.to_string() + " goes on, and there are newer ones");
    }
  }
}

}  // namespace switchyard::sim
