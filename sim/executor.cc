#include "executor.h"

#include "switchyard/workflow/panel.h"

namespace switchyard::sim {

void Effects::execute(workflow::EffectRequest request, std::function<void(workflow::EffectResult)> done) {
  on_begin(request);
  int64_t delay_us = static_cast<int64_t>(random_.below(20'000));
  if (!calm_) {
    if (random_.one_in(20)) return;  // the answer is lost: only the time-out ends the attempt
    if (random_.one_in(8)) delay_us = static_cast<int64_t>(random_.below(20'000'000));
  }
  pending_.push_back({now_us_ + delay_us, std::move(request), std::move(done)});
}

bool Effects::deliver() {
  std::vector<size_t> due;
  for (size_t i = 0; i < pending_.size(); ++i)
    if (pending_[i].due_us <= now_us_) due.push_back(i);
  if (due.empty()) return false;
  const size_t chosen = due[random_.below(due.size())];
  Pending pending = std::move(pending_[chosen]);
  pending_.erase(pending_.begin() + static_cast<ptrdiff_t>(chosen));
  pending.done(outcome(pending.request));
  return true;
}

int64_t Effects::next_due_us() const {
  int64_t next = 0;
  for (const Pending& pending : pending_)
    if (next == 0 || pending.due_us < next) next = pending.due_us;
  return next;
}

namespace {

Document cost_meta(double cost) {
  auto arena = std::make_shared<Arena>(64);
  MapBuilder meta(*arena);
  meta.add("cost", Value::real(cost));
  const Value built = meta.build();
  return Document(std::move(arena), built);
}

}  // namespace

workflow::EffectResult Effects::model_answer() {
  auto arena = std::make_shared<Arena>();
  MapBuilder map(*arena);
  const double uniform = static_cast<double>(random_.below(1000)) / 1000;
  map.add("score", Value::real(uniform));
  map.add("confidence", Value::real(std::max(uniform, 1 - uniform)));
  return {Document(arena, map.build()), cost_meta(0.25)};
}

workflow::EffectResult Effects::task_answer() {
  auto arena = std::make_shared<Arena>();
  MapBuilder map(*arena);
  // A worker may also give what does not fit.
  if (calm_ || !random_.one_in(12))
    map.add("score", Value::real(static_cast<double>(random_.below(1000)) / 1000));
  return {Document(arena, map.build()), {}};
}

workflow::EffectResult Effects::outcome(const workflow::EffectRequest& request) {
  if (!calm_ && random_.one_in(6)) {
    static constexpr ErrorKind kKinds[] = {ErrorKind::kUnavailable, ErrorKind::kIo, ErrorKind::kUnprocessable,
                                           ErrorKind::kDeadlineExceeded};
    return {make_error(kKinds[random_.below(4)], "sim.failed", "the simulated world refused"),
            random_.one_in(2) ? cost_meta(0.125) : Document(),
            random_.one_in(4) ? static_cast<int64_t>(random_.below(5'000'000)) : 0};
  }
  if (std::holds_alternative<workflow::PanelCall>(request.call)) {
    return workflow::answer_panel(request, [&](const workflow::PanelCall::Member&) -> workflow::EffectResult {
      if (!calm_ && random_.one_in(4))
        return {make_error(ErrorKind::kUnavailable, "sim.failed", "the simulated model refused"), {}};
      return model_answer();
    });
  }
  if (std::holds_alternative<workflow::ModelCall>(request.call)) return model_answer();
  if (std::holds_alternative<workflow::TaskCall>(request.call)) return task_answer();
  auto arena = std::make_shared<Arena>();
  MapBuilder map(*arena);
  const double uniform = static_cast<double>(random_.below(1000)) / 1000;
  map.add("status", Value::integer(random_.one_in(4) ? 201 : 200));
  map.add("headers", MapBuilder(*arena).build());
  MapBuilder body(*arena);
  body.add("u", Value::real(uniform));
  map.add("body", body.build());
  return {Document(arena, map.build()), {}};
}

}  // namespace switchyard::sim
