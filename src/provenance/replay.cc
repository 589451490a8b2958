#include "switchyard/provenance/replay.h"

#include <algorithm>
#include <optional>

#include "replay_host.h"
#include "switchyard/types/json.h"
#include "switchyard/workflow/migrate.h"
#include "switchyard/workflow/panel.h"
#include "switchyard/workflow/signal.h"

namespace switchyard::provenance {
namespace {

using partition::RecordedEvent;
using workflow::RunState;
using workflow::StepKind;

Error not_available(const std::string& what) {
  return make_error(ErrorKind::kUnprocessable, "replay.not_available", what);
}

Result<std::unique_ptr<RunState>> begin(const std::vector<RecordedEvent>& events,
                                        const workflow::Catalog& catalog, const ReplayOptions& options) {
  if (events.empty() || !std::holds_alternative<RunStarted>(events.front().event.body)) {
    return not_available("the beginning of the decision is no longer in the log");
  }
  const auto& started = std::get<RunStarted>(events.front().event.body);
  auto pipeline = catalog.pipeline_by_hash(started.pipeline_hash);
  if (pipeline == nullptr)
    return not_available("this server cannot compile pipeline " + std::string(started.pipeline) + "@" +
                         std::string(started.version));
  auto pins = std::make_shared<workflow::Pins>();
  pins->governance = started.governance;
  for (const PinView& view : started.pins) {
    workflow::Pin pin{view.kind, std::string(view.name), std::string(view.version), view.sha256, nullptr,
                      nullptr};
    for (const ChangeOf& change : options.with) {
      // A model in place of a route: who would have answered is then not the route's choice any more.
      const bool instead = change.kind == ArtefactKind::kModel && pin.kind == ArtefactKind::kRoute;
      if (change.name != pin.name || (change.kind != pin.kind && !instead)) continue;
      pin.kind = change.kind;
      pin.version = change.version;
    }
    workflow::attach(pin, catalog);
    const bool has_content = pin.table != nullptr || pin.prompt != nullptr;
    if (!has_content && (pin.kind == ArtefactKind::kRules || pin.kind == ArtefactKind::kPrompt)) {
      return make_error(ErrorKind::kNotFound, "replay.unknown_version",
                        (pin.kind == ArtefactKind::kRules ? "rule table " : "prompt ") + pin.name + "@" +
                            pin.version + " is not deployed",
                        "with");
    }
    pins->pins.push_back(std::move(pin));
  }
  for (const ChangeOf& change : options.with) {
    if (pins->find(change.kind, change.name) == nullptr) {
      return make_error(
          ErrorKind::kNotFound, "replay.not_used",
          "the decision used no " + std::string(artefact_kind_name(change.kind)) + " named " + change.name,
          "with");
    }
  }
  return workflow::make_run(events.front().event.run, std::move(pipeline), std::move(pins),
                            std::make_shared<Arena>(4096));
}

workflow::EffectResult recorded_result(const Event& event) {
  if (const auto* done = std::get_if<StepCompleted>(&event.body))
    return {Document(done->result), Document(done->meta)};
  const auto& failed = std::get<StepFailed>(event.body);
  return {make_error(failed.error.kind, std::string(failed.error.code), std::string(failed.error.message),
                     std::string(failed.error.field)),
          Document(failed.meta),
          // A pause that the far side asked for is the pause that was made.
          std::max<int64_t>(0, failed.retry_at_us - event.time_us)};
}

/// That a run is a child, or takes up results of another, is told right after its start.
void take_link(RunState& run, ReplayHost& host) {
  const Event* next = host.next();
  if (next != nullptr && std::holds_alternative<RunLinked>(next->body)) return host.take(run);
  const auto* restarted = next == nullptr ? nullptr : std::get_if<RunRestarted>(&next->body);
  if (restarted == nullptr) return;
  const uint32_t kept = restarted->kept;
  host.take(run);
  for (uint32_t i = 0; i < kept && host.next() != nullptr; ++i) {
    run.ready.erase({0, StepIndex(host.next()->step)});
    host.take(run);
  }
}

/// Feeds the recorded event that the interpreter did not give by itself: it came from outside.
class ExactDriver {
 public:
  ExactDriver(RunState& run, ReplayHost& host) : run_(run), host_(host) {}

  void run() {
    host_.take(run_);
    take_link(run_, host_);
    host_.now_us = run_.started_us;
    workflow::advance(run_, host_, run_.started_us);
    while (host_.difference.empty() && host_.next() != nullptr) {
      const size_t before = host_.cursor;
      feed(*host_.next());
      if (host_.cursor == before && host_.difference.empty()) {
        host_.difference =
            "the replay stops before the recorded " + std::string(event_type_name(host_.next()->type()));
      }
    }
  }

 private:
  void feed(const Event& event) {
    host_.now_us = event.time_us;
    if (const auto* cancelled = std::get_if<RunCancelled>(&event.body)) {
      return workflow::cancel(run_, cancelled->who, cancelled->why, host_, event.time_us);
    }
    const bool closes = std::holds_alternative<ReviewClosed>(event.body);
    if (closes || std::holds_alternative<RunUnwinding>(event.body)) {
      const Event* cancel = find_cancel();
      if (cancel != nullptr) return feed_cancel(*cancel);
    }
    if (std::holds_alternative<SignalReceived>(event.body)) return host_.take(run_);
    if (std::holds_alternative<RunMigrated>(event.body)) return migrate(event.time_us);
    if (std::holds_alternative<RunAdmitted>(event.body)) {
      host_.take(run_);
      return workflow::advance(run_, host_, event.time_us);
    }
    if (std::holds_alternative<RunPaused>(event.body)) {
      begin_retries_before(event.time_us);
      return host_.take(run_);
    }
    if (const auto* resumed = std::get_if<RunResumed>(&event.body)) {
      // What was due meanwhile acts now, and what a restart cut off meanwhile begins again.
      if (restarts_into_a_switch(event.time_us)) workflow::rebuild(run_);
      set_time_outs(event.time_us);
      host_.now_us = event.time_us;
      (void)workflow::resume(run_, resumed->who, resumed->why, host_, event.time_us);
      return;
    }
    if (event.step == kNoStep) return on_time(event.time_us);
    const StepAddress at{event.frame, StepIndex(event.step)};
    workflow::StepState* const state = workflow::find_step(run_, at);
    if (state == nullptr) return on_time(event.time_us);
    const workflow::Step& step = run_.pipeline->steps[event.step];
    const bool is_effect = workflow::is_effect(step.kind);
    const bool ends =
        std::holds_alternative<StepCompleted>(event.body) || std::holds_alternative<StepFailed>(event.body);
    if (is_effect && ends) return feed_effect(event, at);
    // A child's own time-out has the same code as that of the step which waits for it.
    const bool is_over = state->due_us != 0 && event.time_us >= state->due_us;
    if (step.kind == StepKind::kPipeline && ends && state->status == workflow::StepStatus::kWaiting &&
        !(is_over && times_out(event, at, state->attempt))) {
      workflow::complete_child(run_, at, state->child, recorded_result(event), host_, event.time_us);
      return;
    }
    if (step.kind == StepKind::kListen && state->status == workflow::StepStatus::kWaiting) {
      const auto* taken = std::get_if<StepCompleted>(&event.body);
      if (taken != nullptr && taken->meta.find("signal") != nullptr) {
        (void)workflow::offer_signals(run_, host_, event.time_us);
        return;
      }
      if (taken != nullptr)
        return workflow::complete_listen(run_, at, taken->result, taken->meta, host_, event.time_us);
    }
    switch (event.type()) {
      case EventType::kReviewAnswered: {
        const auto& answered = std::get<ReviewAnswered>(event.body);
        host_.take(run_);
        return workflow::complete_review(run_, at, answered.answer, answered.who, host_, event.time_us);
      }
      case EventType::kReviewEscalated:
        if (std::get<ReviewEscalated>(event.body).who.empty()) return on_time(event.time_us);
        return host_.take(run_);
      case EventType::kReviewClaimed:
      case EventType::kReviewReleased:
      case EventType::kReviewCommented:
      case EventType::kReviewReassigned: return host_.take(run_);
      default: return on_time(event.time_us);
    }
  }

  /// What the new version lets begin follows at once, unless a crash kept it from it.
  void migrate(int64_t now_us) {
    host_.take(run_);
    if (!host_.difference.empty()) return;
    const Event* next = host_.next();
    if (next != nullptr && next->time_us == now_us) workflow::advance(run_, host_, now_us);
  }

  void feed_effect(const Event& event, StepAddress at) {
    const auto* completed = std::get_if<StepCompleted>(&event.body);
    const int64_t started_us =
        completed != nullptr ? completed->started_us : std::get<StepFailed>(event.body).started_us;
    // A retry begins without an event of its own, as does an attempt that a restart repeats.
    if (!workflow::find_step(run_, at)->in_flight) on_time(started_us);
    workflow::StepState* const state = workflow::find_step(run_, at);  // its frame may be over now
    if (state == nullptr || !state->in_flight) return;
    if (times_out(event, at, state->attempt)) return on_time(event.time_us);
    state->attempt_started_us = started_us;
    host_.effects.clear();
    if (completed != nullptr) tell_asked(at, completed->meta);
    host_.now_us = event.time_us;
    workflow::complete_effect(run_, at, state->attempt, recorded_result(event), host_, event.time_us);
  }

  /// What the models of a step were asked that is completed now.
  void tell_asked(StepAddress at, const Value& meta) {
    const auto found = host_.calls.find(at);
    if (found == host_.calls.end()) return;
    const std::string& step = run_.pipeline->steps[at.step.value].name;
    const auto tell = [&](const workflow::ModelCall& call, const Value& of) {
      const auto member = [&](std::string_view name) { return of.is(Kind::kMap) ? of.find(name) : nullptr; };
      if (call.prompt.has_value() || member("error") != nullptr) return;
      const Value* by = member("model");
      std::string answered_by = call.routed ? std::string() : call.name + "@" + call.version;
      if (by != nullptr && by->is(Kind::kString)) answered_by = by->as_string();
      asked.push_back({step, call.name, std::move(answered_by), call.input});
    };
    if (const auto* one = std::get_if<workflow::ModelCall>(&found->second.call)) tell(*one, meta);
    if (const auto* panel = std::get_if<workflow::PanelCall>(&found->second.call)) {
      const Value* members = meta.is(Kind::kMap) ? meta.find("members") : nullptr;
      for (const auto& member : panel->members)
        if (const Value* of = members == nullptr ? nullptr : members->find(member.name))
          tell(member.call, *of);
    }
    host_.calls.erase(found);
  }

  static bool times_out(const Event& event, StepAddress at, uint16_t attempt) {
    const auto* failed = std::get_if<StepFailed>(&event.body);
    return failed != nullptr && event.step == at.step.value && event.frame == at.frame &&
           failed->attempt == attempt && failed->error.code == "step.timeout";
  }

  /// Further attempts begin without an event of their own: those that began before a pause must begin before
  /// it here, too.
  void begin_retries_before(int64_t pause_us) {
    int64_t last_us = pause_us;
    for (size_t r = host_.cursor + 1; r < recorded().size(); ++r) {
      const Event& event = recorded()[r].event;
      // What ended after the run went on, in the microsecond of the pause, began after that.
      if (std::holds_alternative<RunResumed>(event.body) && event.time_us == pause_us) last_us = pause_us - 1;
      const auto* completed = std::get_if<StepCompleted>(&event.body);
      const auto* failed = std::get_if<StepFailed>(&event.body);
      if (completed == nullptr && failed == nullptr) continue;
      const int64_t started_us = completed != nullptr ? completed->started_us : failed->started_us;
      const auto* state = workflow::find_step(run_, {event.frame, StepIndex(event.step)});
      if (state == nullptr || state->in_flight || state->status != workflow::StepStatus::kRetrying) continue;
      if (started_us <= last_us && started_us >= state->due_us) on_time(started_us);
    }
  }

  void on_time(int64_t now_us) {
    if (restarts_into_a_switch(now_us)) workflow::rebuild(run_);
    set_time_outs(now_us);
    host_.now_us = now_us;
    workflow::on_time(run_, host_, now_us);
  }

  /// Which attempts time out is taken from the record: a restart begins attempts anew, at a time that no
  /// event tells.
  void set_time_outs(int64_t now_us) {
    for (size_t r = host_.cursor; r < recorded().size() && recorded()[r].event.time_us == now_us; ++r) {
      const Event& event = recorded()[r].event;
      const StepAddress at{event.frame, StepIndex(event.step)};
      const auto* state = event.step == kNoStep ? nullptr : workflow::find_step(run_, at);
      if (state == nullptr || !times_out(event, at, state->attempt)) continue;
      // A retry that timed out began before, without an event of its own.
      const int64_t started_us = std::get<StepFailed>(event.body).started_us;
      if (!state->in_flight && state->child.is_zero() && started_us < now_us) on_time(started_us);
    }
    workflow::for_each_frame(run_, [&](workflow::Frame& frame) {
      const workflow::Block& block = run_.pipeline->blocks[frame.block.value];
      for (uint16_t i = 0; i < block.count; ++i) {
        workflow::StepState& state = frame.steps[i];
        if (!state.in_flight) continue;
        const StepAddress at{frame.id, StepIndex(static_cast<uint16_t>(block.first.value + i))};
        state.attempt_deadline_us = INT64_MAX;
        for (size_t r = host_.cursor; r < recorded().size() && recorded()[r].event.time_us == now_us; ++r) {
          if (!times_out(recorded()[r].event, at, state.attempt)) continue;
          state.attempt_deadline_us = now_us;
          state.attempt_started_us = std::get<StepFailed>(recorded()[r].event.body).started_us;
          break;
        }
      }
    });
  }

  /// Whether an attempt that is under way here failed in this move for a switch: it began again then, after a
  /// restart, as all others did.
  bool restarts_into_a_switch(int64_t now_us) {
    for (size_t r = host_.cursor; r < recorded().size() && recorded()[r].event.time_us == now_us; ++r) {
      const Event& event = recorded()[r].event;
      const auto* failed = std::get_if<StepFailed>(&event.body);
      if (failed == nullptr || failed->error.code != kKilled) continue;
      const auto* state = workflow::find_step(run_, {event.frame, StepIndex(event.step)});
      if (state != nullptr && state->in_flight && state->attempt == failed->attempt) return true;
    }
    return false;
  }

  /// What tells that somebody cancelled the run, after the reviews that this closed.
  const Event* find_cancel() const {
    for (size_t i = host_.cursor; i < recorded().size(); ++i) {
      const Event& event = recorded()[i].event;
      if (std::holds_alternative<RunCancelled>(event.body)) return &event;
      if (const auto* unwinding = std::get_if<RunUnwinding>(&event.body))
        return unwinding->ending == Ending::kCancelled ? &event : nullptr;
      if (!std::holds_alternative<ReviewClosed>(event.body)) return nullptr;
    }
    return nullptr;
  }
  void feed_cancel(const Event& event) {
    if (const auto* unwinding = std::get_if<RunUnwinding>(&event.body))
      return workflow::cancel(run_, unwinding->who, unwinding->why, host_, event.time_us);
    const auto& cancelled = std::get<RunCancelled>(event.body);
    workflow::cancel(run_, cancelled.who, cancelled.why, host_, event.time_us);
  }
  const std::vector<RecordedEvent>& recorded() const { return *recorded_; }

 public:
  const std::vector<RecordedEvent>* recorded_ = nullptr;
  std::vector<AskedModel> asked;

 private:
  RunState& run_;
  ReplayHost& host_;
};

/// Calls `visit(address, step, state)` for every step instance until it returns true; whether one did.
template <typename Visit>
bool any_step(RunState& run, Visit&& visit) {
  bool found = false;
  workflow::for_each_frame(run, [&](workflow::Frame& frame) {
    const workflow::Block& block = run.pipeline->blocks[frame.block.value];
    for (uint16_t i = 0; i < block.count && !found; ++i) {
      const StepAddress at{frame.id, StepIndex(static_cast<uint16_t>(block.first.value + i))};
      found = visit(at, run.pipeline->steps[at.step.value], frame.steps[i]);
    }
  });
  return found;
}

std::string status_of(RunState& run) {
  if (workflow::is_final(run.status)) return std::string(workflow::run_status_name(run.status));
  if (run.queued) return "queued";
  std::string status = "running";
  any_step(run, [&](StepAddress, const workflow::Step& step, const workflow::StepState& state) {
    if (state.status != workflow::StepStatus::kWaiting) return false;
    status = step.kind == StepKind::kReview     ? "waiting for a person"
             : step.kind == StepKind::kPipeline ? "waiting for another decision"
             : step.kind == StepKind::kListen   ? "waiting for an event"
                                                : "waiting for a timer";
    return true;
  });
  return status;
}

/// The last recorded result of an effect step, if it has one.
const Event* recorded_effect(const std::vector<RecordedEvent>& events, StepAddress at) {
  const Event* found = nullptr;
  for (const RecordedEvent& recorded : events) {
    const bool settles = std::holds_alternative<StepCompleted>(recorded.event.body) ||
                         (std::holds_alternative<StepFailed>(recorded.event.body) &&
                          std::get<StepFailed>(recorded.event.body).retry_at_us == 0);
    if (recorded.event.step == at.step.value && recorded.event.frame == at.frame && settles)
      found = &recorded.event;
  }
  return found;
}

/// Runs on with what is recorded, and with the changed models asked anew, until nothing can go on.
class Counterfactual {
 public:
  Counterfactual(RunState& run, ReplayHost& host, const std::vector<RecordedEvent>& events,
                 const ReplayOptions& options, const Replayer::RunModel& run_model)
      : run_(run), host_(host), events_(events), options_(options), run_model_(run_model) {}

  void run() {
    now_us_ = events_.front().event.time_us;
    host_.take(run_);
    run_.queued = false;  // it is asked what it would do, not when
    take_link(run_, host_);
    // Each waits for the step that wants it: when it came does not matter then.
    for (const RecordedEvent& recorded : events_)
      if (std::holds_alternative<SignalReceived>(recorded.event.body))
        workflow::apply(run_, recorded.event, recorded.offset);
    workflow::advance(run_, host_, now_us_);
    while (!workflow::is_final(run_.status) && go_on()) {
    }
  }

 private:
  bool go_on() {
    if (!run_.ready.empty()) {
      workflow::advance(run_, host_, now_us_);
      return true;
    }
    if (!host_.effects.empty()) {
      answer_effect();
      return true;
    }
    if (!host_.children.empty()) {
      answer_child();
      return true;
    }
    return answer_people_and_timers() || pass_time();
  }

  void answer_effect() {
    const workflow::EffectRequest request = std::move(host_.effects.front());
    host_.effects.pop_front();
    const Event* recorded = recorded_effect(events_, request.step);
    if (recorded != nullptr) now_us_ = std::max(now_us_, recorded->time_us);
    workflow::complete_effect(run_, request.step, request.attempt, result_of(request, recorded), host_,
                              now_us_);
  }

  bool is_changed(const workflow::ModelCall& call) const {
    return std::any_of(options_.with.begin(), options_.with.end(), [&](const ChangeOf& change) {
      if (change.kind == ArtefactKind::kModel) return change.name == call.name;
      return change.kind == ArtefactKind::kPrompt && call.prompt.has_value() &&
             change.name == call.prompt->prompt->name();
    });
  }

  workflow::EffectResult result_of(const workflow::EffectRequest& request, const Event* recorded) {
    const auto* call = std::get_if<workflow::ModelCall>(&request.call);
    if (const auto* panel = std::get_if<workflow::PanelCall>(&request.call)) {
      const bool changed = std::any_of(panel->members.begin(), panel->members.end(),
                                       [&](const auto& member) { return is_changed(member.call); });
      if (changed || recorded == nullptr) {
        return workflow::answer_panel(request, [&](const workflow::PanelCall::Member& member) {
          return member_result(member, recorded);
        });
      }
    }
    if (call != nullptr && (is_changed(*call) || recorded == nullptr))
      return workflow::answer_call(*call, run_model_);
    if (recorded != nullptr) return recorded_result(*recorded);
    return {not_available("the recorded decision has no result for this call"), {}};
  }

  /// What a member of an ensemble, or a cascade's tier, answers: as recorded where it is the same model, and
  /// its answer was recorded.
  workflow::EffectResult member_result(const workflow::PanelCall::Member& member, const Event* recorded) {
    if (recorded != nullptr && !is_changed(member.call)) {
      const auto* completed = std::get_if<StepCompleted>(&recorded->body);
      const Value* answer = completed == nullptr ? nullptr : recorded_answer(completed->result, member.name);
      if (answer != nullptr) return {make_document(*answer), {}};
      if (const Value* error = recorded_error(*step_meta(*recorded), member.name); error != nullptr) {
        const auto text = [&](std::string_view key) {
          const Value* own = error->find(key);
          return own != nullptr && own->is(Kind::kString) ? std::string(own->as_string()) : std::string();
        };
        return {make_error(ErrorKind::kUnavailable, text("code"), text("message")), {}};
      }
    }
    return workflow::answer_call(member.call, run_model_);
  }

  static const Value* recorded_answer(const Value& result, const std::string& name) {
    if (const Value* members = result.find("members"); members != nullptr) return members->find(name);
    const Value* tiers = result.find("tiers");
    if (tiers == nullptr || !tiers->is(Kind::kList)) return nullptr;
    for (const Value& tier : tiers->items()) {
      const Value* own = tier.find("tier");
      if (own != nullptr && own->is(Kind::kString) && own->as_string() == name) return tier.find("answer");
    }
    return nullptr;
  }

  static const Value* recorded_error(const Value& meta, const std::string& name) {
    const Value* members = meta.find("members");
    const Value* member = members == nullptr ? nullptr : members->find(name);
    return member == nullptr ? nullptr : member->find("error");
  }

  void answer_child() {
    const workflow::ChildRequest request = std::move(host_.children.front());
    host_.children.pop_front();
    if (request.detached) return;
    const Event* recorded = recorded_effect(events_, request.step);
    if (recorded != nullptr) now_us_ = std::max(now_us_, recorded->time_us);
    const workflow::EffectResult result =
        recorded != nullptr
            ? recorded_result(*recorded)
            : workflow::EffectResult{not_available("the recorded decision has no such child run"), {}};
    workflow::complete_child(run_, request.step, request.id, result, host_, now_us_);
  }

  /// A person's recorded answer, a timer that ran.
  bool answer_people_and_timers() {
    std::optional<StepAddress> timer, review;
    const ReviewAnswered* answer = nullptr;
    any_step(run_, [&](StepAddress at, const workflow::Step& step, const workflow::StepState& state) {
      if (state.status != workflow::StepStatus::kWaiting) return false;
      if (step.kind == StepKind::kWait) {
        timer = at;
        now_us_ = std::max(now_us_, state.due_us);
        return true;
      }
      for (const RecordedEvent& recorded : events_) {
        answer = std::get_if<ReviewAnswered>(&recorded.event.body);
        if (answer == nullptr || recorded.event.step != at.step.value || recorded.event.frame != at.frame)
          continue;
        review = at;
        now_us_ = std::max(now_us_, recorded.event.time_us);
        return true;
      }
      return false;
    });
    if (timer.has_value()) workflow::on_time(run_, host_, now_us_);
    if (review.has_value())
      workflow::complete_review(run_, *review, answer->answer, answer->who, host_, now_us_);
    return timer.has_value() || review.has_value();
  }

  /// Pauses between attempts and rounds.
  bool pass_time() {
    const int64_t due = workflow::next_due_us(run_);
    const bool pauses = any_step(run_, [](StepAddress, const auto&, const workflow::StepState& state) {
      return state.status == workflow::StepStatus::kRetrying ||
             (state.container != nullptr && state.container->pause_until_us != 0);
    });
    if (!pauses || due == 0) return false;
    now_us_ = std::max(now_us_, due);
    workflow::on_time(run_, host_, now_us_);
    return true;
  }

  RunState& run_;
  ReplayHost& host_;
  const std::vector<RecordedEvent>& events_;
  const ReplayOptions& options_;
  const Replayer::RunModel& run_model_;
  int64_t now_us_ = 0;
};

void compare_steps(const RunState& run, const std::vector<RecordedEvent>& events, ReplayReport& report) {
  const workflow::Block& root = run.pipeline->blocks[0];
  for (uint16_t i = 0; i < root.count; ++i) {
    Value before;
    for (const RecordedEvent& recorded : events) {
      if (recorded.event.step != i || recorded.event.frame != 0) continue;
      if (const auto* completed = std::get_if<StepCompleted>(&recorded.event.body))
        before = completed->result;
      if (const auto* failed = std::get_if<StepFailed>(&recorded.event.body);
          failed != nullptr && failed->has_fallback)
        before = failed->fallback;
    }
    const workflow::StepState& state = run.root.steps[i];
    const Value after = state.status == workflow::StepStatus::kCompleted ? state.result : Value();
    if (!identical(before, after))
      report.steps.push_back({run.pipeline->steps[i].name, make_document(before), make_document(after)});
  }
}

}  // namespace

Result<ChangeOf> parse_change(std::string_view text) {
  const size_t equals = text.find('='), at = text.rfind('@');
  if (equals != std::string_view::npos && at != std::string_view::npos && equals < at) {
    ChangeOf change;
    auto kind = parse_artefact_kind(text.substr(0, equals));
    if (kind.ok() && (*kind == ArtefactKind::kModel || *kind == ArtefactKind::kRules)) {
      change.kind = *kind;
      change.name = text.substr(equals + 1, at - equals - 1);
      change.version = text.substr(at + 1);
      if (!change.name.empty() && !change.version.empty()) return change;
    }
  }
  return make_error(ErrorKind::kInvalidArgument, "replay.bad_change",
                    "'" + std::string(text.substr(0, 200)) +
                        "' is no change; write model=name@version or rules=name@version",
                    "with");
}

Result<std::unique_ptr<RunState>> refold(const std::vector<RecordedEvent>& events,
                                         const workflow::Catalog& catalog) {
  SY_ASSIGN_OR_RETURN(auto run, begin(events, catalog, {}));
  for (const RecordedEvent& recorded : events) {
    if (const auto* migrated = std::get_if<RunMigrated>(&recorded.event.body)) {
      const Status prepared = workflow::prepare_migration(*run, *migrated, catalog);
      if (!prepared.ok()) return not_available(prepared.error().message);
    }
    workflow::apply(*run, recorded.event, recorded.offset);
  }
  return run;
}

Result<ReplayReport> Replayer::replay(const workflow::RunSummary& summary,
                                      const std::vector<RecordedEvent>& events,
                                      const ReplayOptions& options) const {
  const auto catalog = catalog_();
  if (!options.with.empty() && std::any_of(events.begin(), events.end(), [](const RecordedEvent& recorded) {
        return std::holds_alternative<RunMigrated>(recorded.event.body);
      })) {
    return not_available(
        "the decision was migrated from one version of its pipeline to another while it was under way: it "
        "can "
        "be replayed exactly, but not with a change");
  }
  SY_ASSIGN_OR_RETURN(const auto run, begin(events, *catalog, options));
  ReplayReport report;
  report.run = summary.id;
  report.exact = options.with.empty();
  report.status_before = workflow::run_status_name(summary.status);
  const auto* completed = std::get_if<RunCompleted>(&events.back().event.body);
  if (completed != nullptr) report.output_before = make_document(completed->output);
  ReplayHost host(events, report.exact, catalog.get());
  host.keeps_calls = options.asked;
  if (report.exact) {
    ExactDriver driver(*run, host);
    driver.recorded_ = &events;
    driver.run();
    report.asked = std::move(driver.asked);
    report.difference = host.difference;
    report.identical = host.difference.empty();
  } else {
    Counterfactual(*run, host, events, options, run_model_).run();
    compare_steps(*run, events, report);
  }
  report.events = host.cursor;
  report.status_after = status_of(*run);
  if (run->status == workflow::RunStatus::kCompleted) report.output_after = make_document(run->output);
  if (!report.exact) {
    // What the replay waits for is told more exactly than what the decision's summary keeps.
    const bool both_wait = summary.status == workflow::RunStatus::kWaiting &&
                           report.status_after.starts_with(report.status_before);
    report.identical = (both_wait || report.status_before == report.status_after) &&
                       identical(report.output_before.root(), report.output_after.root());
    if (!report.identical) report.difference = "the outcome is another";
  }
  return report;
}

void ReplaySummary::add(const workflow::RunSummary& run, Result<ReplayReport> report) {
  ++replayed;
  if (!report.ok()) {
    ++failed;
    if (failures.size() < kExamples) failures.emplace_back(run.id, report.error().message);
    return;
  }
  ++(report->identical ? identical : different);
  if (!report->identical && examples.size() < kExamples) examples.push_back(std::move(*report));
}

Value report_to_value(const ReplayReport& report, Arena& arena) {
  MapBuilder map(arena);
  map.add("decision", Value::string(arena.copy(report.run.to_string())));
  map.add("mode", Value::string(report.exact ? "exact" : "counterfactual"));
  map.add("identical", Value::boolean(report.identical));
  map.add("events", Value::integer(static_cast<int64_t>(report.events)));
  if (!report.difference.empty()) map.add("difference", Value::string(arena.copy(report.difference)));
  map.add("status_before", Value::string(arena.copy(report.status_before)));
  map.add("status_after", Value::string(arena.copy(report.status_after)));
  map.add("output_before", copy_value(report.output_before.root(), arena));
  map.add("output_after", copy_value(report.output_after.root(), arena));
  ListBuilder steps(arena);
  for (const auto& difference : report.steps) {
    MapBuilder step(arena);
    step.add("step", Value::string(arena.copy(difference.step)));
    step.add("before", copy_value(difference.before.root(), arena));
    step.add("after", copy_value(difference.after.root(), arena));
    steps.add(step.build());
  }
  map.add("changed_steps", steps.build());
  if (report.asked.empty()) return map.build();
  ListBuilder asked(arena);
  for (const auto& call : report.asked) {
    MapBuilder one(arena);
    one.add("step", Value::string(arena.copy(call.step)));
    one.add("model", Value::string(arena.copy(call.model)));
    if (!call.answered_by.empty()) one.add("answered_by", Value::string(arena.copy(call.answered_by)));
    one.add("input", copy_value(call.input.root(), arena));
    asked.add(one.build());
  }
  map.add("asked", asked.build());
  return map.build();
}

Value summary_to_value(const ReplaySummary& summary, Arena& arena) {
  MapBuilder map(arena);
  map.add("replayed", Value::integer(static_cast<int64_t>(summary.replayed)));
  map.add("identical", Value::integer(static_cast<int64_t>(summary.identical)));
  map.add("different", Value::integer(static_cast<int64_t>(summary.different)));
  map.add("failed", Value::integer(static_cast<int64_t>(summary.failed)));
  ListBuilder examples(arena);
  for (const auto& report : summary.examples) examples.add(report_to_value(report, arena));
  map.add("examples", examples.build());
  ListBuilder failures(arena);
  for (const auto& [id, message] : summary.failures) {
    MapBuilder failure(arena);
    failure.add("decision", Value::string(arena.copy(id.to_string())));
    failure.add("message", Value::string(arena.copy(message)));
    failures.add(failure.build());
  }
  map.add("failures", failures.build());
  return map.build();
}

}  // namespace switchyard::provenance
