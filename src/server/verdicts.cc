#include "verdicts.h"

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>

#include "switchyard/base/check.h"
#include "switchyard/runtime/thread.h"

namespace switchyard::server {
namespace {

constexpr std::chrono::seconds kLongestRead{10};
constexpr std::chrono::seconds kRetryAfter{1};
/// How often logs without reviews are passed over, so that little is read again after a restart.
constexpr std::chrono::seconds kSkipEvery{10};
constexpr size_t kReadBytes = size_t{1} << 20;
constexpr size_t kReviewsAtOnce = 64;

/// A review was answered, or closed without a person's answer.
bool ends_review(EventType type) {
  return type == EventType::kReviewAnswered || type == EventType::kReviewClosed;
}

std::string_view text_of(const Value& map, std::string_view name) {
  const Value* value = map.find(name);
  return value != nullptr && value->is(Kind::kString) ? value->as_string() : std::string_view();
}

/// An answer of a route's candidate, as it stands in the events.
struct Routed {
  const Value* routing;
  const Value* output;
  std::set<std::string_view> judged;  // by reviews of these names
};

/// Adds the answer if a candidate gave it to this very question: what a semantic cache gives was the answer
/// to another one.
void add(const Value& meta, const Value& output, std::vector<Routed>& answers) {
  const Value* routing = meta.find("routing");
  if (routing == nullptr || text_of(*routing, "candidate").empty()) return;
  const Value* cache = routing->find("cache");
  if (cache == nullptr || text_of(*cache, "kind") != "semantic") answers.push_back({routing, &output, {}});
}

/// What a member of a panel answered by itself: in an ensemble's result by name, in a cascade's by tier.
const Value* answer_of(const Value& member, const Value& result) {
  if (const Value* members = result.find("members"); members != nullptr && members->is(Kind::kMap))
    return members->find(member.as_string());
  const Value* tiers = result.find("tiers");
  if (tiers == nullptr || !tiers->is(Kind::kList)) return nullptr;
  for (const Value& tier : tiers->items())
    if (text_of(tier, "tier") == member.as_string()) return tier.find("answer");
  return nullptr;
}

std::vector<Routed> routed_by(const StepCompleted& step) {
  std::vector<Routed> answers;
  add(step.meta, step.result, answers);
  const Value* members = step.meta.find("members");
  if (members == nullptr || !members->is(Kind::kMap)) return answers;
  for (const Member& member : members->members())
    if (const Value* output = answer_of(member.key, step.result); output != nullptr)
      add(member.value, *output, answers);
  return answers;
}

/// This decision, or an earlier one where a cache gave its answer again.
std::string made_for(const Value& routing, const RunId& run) {
  const Value* cache = routing.find("cache");
  const std::string_view earlier = cache == nullptr ? std::string_view() : text_of(*cache, "decision");
  return earlier.empty() ? run.to_string() : std::string(earlier);
}

/// What reviews said, read event by event.
class Reading {
 public:
  explicit Reading(LogOffset end) : end_(end) {}
  bool done() const { return done_; }
  std::vector<router::Judgement> judgements;

  void take(const partition::RecordedEvent& recorded) {
    const Event& event = recorded.event;
    if (closed_) return after_close(event);
    if (const auto* asked = std::get_if<ReviewRequested>(&event.body); asked != nullptr) {
      names_[asked->review] = asked->step_name;
    } else if (const auto* step = std::get_if<StepCompleted>(&event.body); step != nullptr) {
      auto answers = routed_by(*step);
      if (!answers.empty()) routed_[{event.frame, event.step}] = std::move(answers);
    } else if (const auto* given = std::get_if<ReviewAnswered>(&event.body); given != nullptr) {
      done_ = recorded.offset == end_;
      judge(event, names_[given->review], given->answer, true);
    } else if (const auto* closed = std::get_if<ReviewClosed>(&event.body); closed != nullptr) {
      if (recorded.offset == end_) closed_ = {event.frame, event.step, names_[closed->review]};
    }
  }

 private:
  using Place = std::pair<uint32_t, uint16_t>;  // frame and step

  /// The step's result is then what `on_breach` answers.
  void after_close(const Event& event) {
    if (Place{event.frame, event.step} != Place{std::get<0>(*closed_), std::get<1>(*closed_)}) return;
    done_ = true;
    if (const auto* step = std::get_if<StepCompleted>(&event.body); step != nullptr)
      judge(event, std::get<2>(*closed_), step->result, false);
  }

  void judge(const Event& event, std::string_view review, const Value& answer, bool by_person) {
    for (auto& [place, answers] : routed_) {
      if (place.first != 0 && place.first != event.frame) continue;
      for (Routed& each : answers) {
        const bool is_first = each.judged.insert(review).second;
        if (!done_ || !is_first) continue;
        const std::string_view route = text_of(*each.routing, "route");
        judgements.push_back({route.substr(0, route.rfind('@')), text_of(*each.routing, "candidate"),
                              text_of(*each.routing, "model"), review, by_person,
                              made_for(*each.routing, event.run), answer, *each.output});
      }
    }
  }

  const LogOffset end_;
  bool done_ = false;
  std::map<RunId, std::string_view> names_;
  std::map<Place, std::vector<Routed>> routed_;  // of a step the latest answers
  std::optional<std::tuple<uint32_t, uint16_t, std::string_view>> closed_;
};

Result<std::vector<uint64_t>> offsets_of(partition::Engine& engine, const RunId& run) {
  auto done = std::make_shared<std::promise<Result<std::vector<uint64_t>>>>();
  auto future = done->get_future();
  engine.get_offsets(run, 0, UINT64_MAX,
                     [done](Result<std::vector<uint64_t>> offsets) { done->set_value(std::move(offsets)); });
  if (future.wait_for(kLongestRead) != std::future_status::ready)
    return make_error(ErrorKind::kUnavailable, "server.stopping", "the engine does not answer");
  return future.get();
}

Result<std::vector<partition::RecordedEvent>> history_of(partition::Engine& engine, const RunId& run) {
  SY_ASSIGN_OR_RETURN(const auto offsets, offsets_of(engine, run));
  return engine.read_events(run, offsets);
}

bool may_pass(const Error& error) {
  return error.kind == ErrorKind::kUnavailable || error.kind == ErrorKind::kResourceExhausted ||
         error.kind == ErrorKind::kNoSpace;
}

}  // namespace

std::vector<router::Judgement> judged_by(const std::vector<partition::RecordedEvent>& history,
                                         LogOffset end) {
  Reading reading(end);
  for (const auto& recorded : history) {
    reading.take(recorded);
    if (reading.done()) break;
  }
  return std::move(reading.judgements);
}

Verdicts::~Verdicts() { SY_CHECK(!thread_.joinable()); }

void Verdicts::start(partition::Engine& engine) {
  for (PartitionId id{0}; id.value < engine.partitions(); ++id.value) {
    // A log that was cut by hand ends before what was read of it.
    const uint64_t end = engine.durable_end(id).value;
    if (router_.reviews_read(id.value).value_or(UINT64_MAX) > end) (void)router_.judge({}, id.value, end);
    answered_[id] = RunId{};
  }
  thread_ = runtime::start_thread("verdicts", [this, &engine] { work(engine); });
}

void Verdicts::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

bool Verdicts::stopping() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void Verdicts::observe(PartitionId partition, const Event& event) {
  if (!ends_review(event.type())) return;
  const std::lock_guard lock(mutex_);
  answered_[partition] = event.run;
  wake_.notify_one();
}

void Verdicts::work(partition::Engine& engine) {
  std::map<PartitionId, RunId> behind;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    wake_.wait_for(lock, behind.empty() ? kSkipEvery : kRetryAfter,
                   [this] { return stopping_ || !answered_.empty(); });
    for (const auto& [partition, run] : std::exchange(answered_, {})) behind[partition] = run;
    lock.unlock();
    std::erase_if(behind, [&](const auto& each) { return follow(engine, each.first, each.second); });
    if (behind.empty()) skip_quiet(engine);
    lock.lock();
  }
}

/// Tells of every review that ended since. False: it has to be tried again.
bool Verdicts::follow(partition::Engine& engine, PartitionId partition, const RunId& last) {
  if (!router_.learns_from_reviews()) return true;
  if (!last.is_zero()) {
    // They come when the last answer is in the log for good, and so are those before it.
    const auto offsets = offsets_of(engine, last);
    if (!offsets.ok() && may_pass(offsets.error())) return false;
  }
  while (!stopping()) {
    const LogOffset from(router_.reviews_read(partition.value).value_or(0));
    std::vector<std::pair<RunId, LogOffset>> ended;
    const auto next = engine.read_log(partition, from, kReadBytes, [&](const log::RecordView& record) {
      if (ends_review(static_cast<EventType>(record.type))) ended.emplace_back(record.run, record.offset);
      return ended.size() < kReviewsAtOnce;
    });
    if (!next.ok()) {
      logger_.error("the answers of reviews cannot be read",
                    {{"partition", partition}, {"error", next.error()}});
      return false;
    }
    if (*next == from) return true;
    std::vector<std::vector<partition::RecordedEvent>> histories;  // the judgements point there
    std::vector<router::Judgement> judgements;
    for (const auto& [run, offset] : ended) {
      auto history = history_of(engine, run);
      if (!history.ok() && may_pass(history.error())) return false;
      if (!history.ok()) {
        logger_.warn("a route did not learn from a review's answer",
                     {{"decision", run.to_string()}, {"error", history.error()}});
        continue;
      }
      histories.push_back(*std::move(history));
      for (auto& each : judged_by(histories.back(), offset)) judgements.push_back(std::move(each));
    }
    if (const Status told = router_.judge(judgements, partition.value, next->value); !told.ok())
      logger_.warn("a route did not learn from a review's answer", {{"error", told.error()}});
  }
  return true;
}

/// What lies below an end that was durable before it was seen that no review ended since has none.
void Verdicts::skip_quiet(partition::Engine& engine) {
  std::map<PartitionId, LogOffset> ends;
  for (PartitionId id{0}; id.value < engine.partitions(); ++id.value) ends[id] = engine.durable_end(id);
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, run] : answered_) ends.erase(id);
  }
  for (const auto& [id, end] : ends) (void)router_.judge({}, id.value, end.value);
}

}  // namespace switchyard::server
