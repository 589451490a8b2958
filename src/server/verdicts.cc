#include "verdicts.h"

#include <chrono>
#include <future>
#include <map>

#include "switchyard/base/check.h"
#include "switchyard/runtime/thread.h"

namespace switchyard::server {
namespace {

constexpr size_t kMaxWaiting = 10'000;
constexpr std::chrono::seconds kLongestRead{10};

std::string_view text_of(const Value& map, std::string_view name) {
  const Value* value = map.find(name);
  return value != nullptr && value->is(Kind::kString) ? value->as_string() : std::string_view();
}

/// How a step's answer was routed; null where it was not, or is not the candidate's own.
const Value* routing_of(const StepCompleted& step) {
  const Value* routing = step.meta.find("routing");
  if (routing == nullptr || text_of(*routing, "candidate").empty()) return nullptr;
  const Value* hit = routing->at_pointer("/cache/hit");
  return hit != nullptr && hit->is(Kind::kBool) && hit->as_bool() ? nullptr : routing;
}

Result<std::vector<partition::RecordedEvent>> history_of(partition::Engine& engine, const RunId& run) {
  auto done = std::make_shared<std::promise<Result<std::vector<uint64_t>>>>();
  auto future = done->get_future();
  engine.get_offsets(run, 0, UINT64_MAX,
                     [done](Result<std::vector<uint64_t>> offsets) { done->set_value(std::move(offsets)); });
  if (future.wait_for(kLongestRead) != std::future_status::ready)
    return make_error(ErrorKind::kUnavailable, "server.stopping", "the engine does not answer");
  SY_ASSIGN_OR_RETURN(const auto offsets, future.get());
  return engine.read_events(run, offsets);
}

}  // namespace

std::vector<Judged> judged_by(const std::vector<partition::RecordedEvent>& history, const RunId& review) {
  std::string_view name;
  std::map<std::pair<uint32_t, uint16_t>, const StepCompleted*> routed;  // by frame and step, the latest
  for (const auto& recorded : history) {
    const Event& event = recorded.event;
    if (const auto* asked = std::get_if<ReviewRequested>(&event.body); asked != nullptr) {
      if (asked->review == review) name = asked->step_name;
    } else if (const auto* step = std::get_if<StepCompleted>(&event.body); step != nullptr) {
      if (routing_of(*step) != nullptr) routed[{event.frame, event.step}] = step;
    } else if (const auto* given = std::get_if<ReviewAnswered>(&event.body);
               given != nullptr && given->review == review) {
      std::vector<Judged> judged;
      for (const auto& [place, completed] : routed) {
        if (place.first != 0 && place.first != event.frame) continue;
        const Value& routing = *routing_of(*completed);
        const std::string_view route = text_of(routing, "route");
        judged.push_back({route.substr(0, route.rfind('@')), text_of(routing, "candidate"),
                          text_of(routing, "model"), name, given->answer, completed->result});
      }
      return judged;
    }
  }
  return {};
}

Verdicts::~Verdicts() { SY_CHECK(!thread_.joinable()); }

void Verdicts::start(partition::Engine& engine) {
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

void Verdicts::observe(const Event& event) {
  const auto* answered = std::get_if<ReviewAnswered>(&event.body);
  if (answered == nullptr || !router_.learns_from_reviews()) return;
  const std::lock_guard lock(mutex_);
  if (stopping_ || waiting_.size() >= kMaxWaiting) return;
  waiting_.push_back({event.run, answered->review});
  wake_.notify_one();
}

void Verdicts::work(partition::Engine& engine) {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    const Answered next = waiting_.front();
    waiting_.pop_front();
    lock.unlock();
    tell(engine, next);
    lock.lock();
  }
}

void Verdicts::tell(partition::Engine& engine, const Answered& answered) {
  const auto history = history_of(engine, answered.run);
  Status told = history.ok() ? Status{} : Status{Error(history.error())};
  if (history.ok()) {
    for (const Judged& each : judged_by(*history, answered.review)) {
      Status judged =
          router_.judge(each.route, each.candidate, each.model, each.review, each.answer, each.output);
      if (!judged.ok()) told = std::move(judged);
    }
  }
  if (!told.ok())
    logger_.warn("a route did not learn from a review's answer",
                 {{"decision", answered.run.to_string()}, {"error", told.error()}});
}

}  // namespace switchyard::server
