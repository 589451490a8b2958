// Schedules: each belongs to one partition, which keeps when it fires next.
#include <algorithm>

#include "event_flow.h"
#include "keys.h"
#include "switchyard/base/bytes.h"
#include "switchyard/workflow/agent.h"
#include "switchyard/workflow/start.h"

namespace switchyard::partition {
namespace {

Value timestamp(int64_t us) {
  return Value::timestamp(us / 1'000'000, static_cast<int32_t>(us % 1'000'000) * 1000);
}

/// A number for what a schedule says; never 0.
uint64_t spec_of(const workflow::ScheduleSpec& spec) { return std::max<uint64_t>(1, hash64(spec.text)); }

}  // namespace

bool EventFlow::owns(std::string_view schedule) const {
  return choose_partition({}, schedule, 0, environment_.partitions) == environment_.partition;
}

/// After a deployment: new schedules get their first tick, changed ones another, removed ones none.
void EventFlow::reconcile_schedules(int64_t now_us) {
  const auto& catalog = machine_.catalog();
  if (reconciled_ == std::optional(catalog.offset())) return;
  reconciled_ = catalog.offset();
  std::set<std::string, std::less<>> there;
  for (const auto& pipeline : catalog.scheduled()) {
    if (!pipeline->schedule.has_value() || !owns(pipeline->name)) continue;
    there.insert(pipeline->name);
    const uint64_t spec = spec_of(*pipeline->schedule);
    const auto known = ticks_.find(pipeline->name);
    if (known != ticks_.end() && known->second.spec == spec) continue;
    const ScheduleMoved body{pipeline->name, spec, pipeline->schedule->next_after_us(now_us), 0};
    (void)machine_.record(Event{RunId{}, kNoStep, now_us, body});
  }
  std::vector<std::string> gone;
  for (const auto& [name, tick] : ticks_)
    if (!there.contains(name)) gone.push_back(name);
  for (const std::string& name : gone)
    (void)machine_.record(Event{RunId{}, kNoStep, now_us, ScheduleMoved{name, 0, 0, 0}});
  // Agents that waited for a version may find it now.
  if (!held_.empty()) held_until_us_ = now_us;
}

bool EventFlow::tick_schedules(int64_t now_us) {
  reconcile_schedules(now_us);
  std::vector<std::pair<std::string, Tick>> due;
  for (const auto& [name, tick] : ticks_)
    if (tick.next_us != 0 && tick.next_us <= now_us) due.emplace_back(name, tick);
  bool more = false;
  for (const auto& [name, tick] : due) {
    if (!machine_.may_start()) return false;
    const auto pipeline = machine_.catalog().pipeline(name, {});
    if (pipeline != nullptr && pipeline->schedule.has_value()) more |= fire(name, pipeline, tick, now_us);
  }
  return more;
}

/// One tick that is due; true when another one is.
bool EventFlow::fire(const std::string& name, const std::shared_ptr<const workflow::Pipeline>& pipeline,
                     Tick tick, int64_t now_us) {
  using Missed = workflow::ScheduleSpec::Missed;
  const workflow::ScheduleSpec& spec = *pipeline->schedule;
  // What lies between the tick and now; after a long downtime only the end of it.
  int64_t last = tick.next_us, next = spec.next_after_us(last);
  uint32_t passed = 0;
  const auto skip_to = [&](int64_t next_us, uint32_t skipped) {
    (void)machine_.record(Event{RunId{}, kNoStep, now_us, ScheduleMoved{name, tick.spec, next_us, skipped}});
    return false;
  };
  const bool killed =
      machine_.catalog().killed(ArtefactKind::kPipeline, pipeline->name, pipeline->version) != nullptr;
  if (killed) return skip_to(spec.next_after_us(now_us), 1);
  if (spec.missed != Missed::kAll) {
    while (next != 0 && next <= now_us) {
      last = next;
      next = spec.next_after_us(last);
      if (++passed == kMaxMissedTicks) next = spec.next_after_us(now_us);
    }
    if (spec.missed == Missed::kSkip && last + kTickGraceUs < now_us) return skip_to(next, passed + 1);
  }
  StartRun start;
  start.arena = std::make_shared<Arena>(1024);
  Arena& arena = *start.arena;
  start.pipeline = pipeline;
  start.principal = "schedule";
  auto input = workflow::tick_input(*pipeline, last, passed, arena);
  auto facts = input.ok() ? workflow::start_facts(*pipeline, *input, arena)
                          : Result<workflow::StartFacts>(input.error());
  auto pins = machine_.catalog().pins_for(*pipeline);
  // Checked when it was deployed; what still fails must not fail again every turn.
  if (!facts.ok() || !pins.ok()) return skip_to(next, passed + 1);
  start.input = facts->input;
  start.key = facts->key;
  start.group = facts->group;
  start.priority = facts->priority;
  start.search = facts->search;
  start.pins = *pins;
  MapBuilder origin(arena);
  origin.add("kind", Value::string("schedule"));
  origin.add("schedule", Value::string(arena.copy(name)));
  origin.add("at", timestamp(last));
  if (next != 0) origin.add("next", timestamp(next));
  origin.add("missed", Value::integer(passed));
  start.origin = origin.build();
  const auto started = machine_.start(std::move(start), now_us);
  const bool later = !started.ok() && started.error().kind == ErrorKind::kResourceExhausted &&
                     started.error().code != "run.queue_full";
  // A limit that refuses the tick has passed it over.
  if (!started.ok() && !later) return skip_to(next, passed + 1);
  if (started.ok()) ++stats_.ticks;
  return started.ok() && next != 0 && next <= now_us;
}

void EventFlow::fold_moved(const ScheduleMoved& body) {
  const std::string name(body.schedule);
  const std::string key = keys::named(keys::kSchedule, name);
  if (body.spec == 0) {
    ticks_.erase(name);
    environment_.store->erase(key);
    return;
  }
  ticks_[name] = {body.spec, body.next_us};
  std::string value;
  ByteWriter out(value);
  out.u64(body.spec);
  out.svarint(body.next_us);
  environment_.store->put(key, value);
}

}  // namespace switchyard::partition
