#include "play.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "limits.h"
#include "places.h"
#include "switchyard/base/hash.h"
#include "switchyard/events/cloud_event.h"
#include "switchyard/types/json.h"
#include "switchyard/workflow/panel.h"
#include "switchyard/workflow/start.h"

namespace switchyard::rehearsal {
namespace {

using partition::StartRun;

/// Where the run's search attributes and key come from, as the gateway evaluates them.
Result<StartRun> prepare(const Case& test, const workflow::Catalog& catalog,
                         const std::shared_ptr<const workflow::Pipeline>& pipeline) {
  StartRun run;
  run.pipeline = pipeline;
  SY_ASSIGN_OR_RETURN(run.pins, catalog.pins_for(*pipeline));
  run.arena = std::make_shared<Arena>(4096);
  run.input = copy_value(test.input.root(), *run.arena);
  run.principal = test.principal;
  run.key = test.key;
  const Value slots[] = {run.input, Value()};
  if (run.key.empty() && pipeline->key.has_value()) {
    SY_ASSIGN_OR_RETURN(const Value key, pipeline->key->evaluate(slots, *run.arena));
    run.key = key.is(Kind::kString) ? std::string(key.as_string()) : to_json(key);
  }
  if (!pipeline->search.empty()) {
    MapBuilder attributes(*run.arena);
    for (const auto& [name, program] : pipeline->search) {
      SY_ASSIGN_OR_RETURN(const Value value, program.evaluate(slots, *run.arena));
      const Value* inner = value.is(Kind::kOptional) ? value.optional_value() : &value;
      attributes.add(name, inner == nullptr ? Value() : *inner);
    }
    run.search = attributes.build();
  }
  workflow::StartFacts facts;
  SY_RETURN_IF_ERROR(workflow::start_turn(*pipeline, run.input, *run.arena, facts));
  run.group = std::move(facts.group);
  run.priority = facts.priority;
  run.id = RunId::make(test.at_us / 1000, 0, test.seed);
  return run;
}

/// A value as JSON has it: what a client sees of it, and what a test file can say.
Document as_json(const Value& value) {
  auto parsed = parse_json_document(to_json(value), {.max_bytes = 64u << 20, .max_depth = 200});
  return parsed.ok() ? *parsed : make_document(value);
}

class Player {
 public:
  Player(const Case& test, const workflow::Catalog& catalog,
         const std::shared_ptr<const workflow::Pipeline>& pipeline, Stage& stage, const Request& request)
      : test_(test), catalog_(catalog), pipeline_(pipeline), stage_(stage), request_(request) {
    now_us_ = test.at_us;
    limit_us_ = test.at_us + (test.until_us != 0 ? test.until_us : kMaxPlayUs);
  }

  Outcome play() {
    if (test_.starts) {
      if (const Status status = begin(); !status.ok()) return refuse(status.error());
    } else {
      stage_.turn(now_us_);  // the schedule finds its first tick
    }
    run_on();
    conclude();
    return std::move(outcome_);
  }

 private:
  Status begin() {
    auto command = prepare(test_, catalog_, pipeline_);
    if (!command.ok()) return command.error();
    SY_ASSIGN_OR_RETURN(run_, stage_.start(std::move(*command), now_us_));
    return {};
  }

  struct Pending {
    workflow::EffectRequest request;
    Stub stub;
    int64_t due_us = 0;  ///< 0: never
    uint64_t order = 0;
  };

  Outcome refuse(const Error& error) {
    outcome_.problem = "the run cannot begin: " + error.to_string();
    return std::move(outcome_);
  }

  void run_on() {
    size_t turns = 0;
    while (outcome_.problem.empty()) {
      if (++turns > kMaxTurns) {
        outcome_.problem = "the case does not end within " + std::to_string(kMaxTurns) + " turns";
        return;
      }
      collect_effects();
      // Then people and timers: what the outside has said already comes first.
      if (move() || publish() || deliver() || answer()) continue;
      const int64_t due = stage_.next_due_us();
      if (due != 0 && due <= now_us_) {
        if (due == stuck_at_ && ++stuck_ > 1000) {
          outcome_.problem = "what is due never gets done";
          return;
        }
        if (due != stuck_at_) stuck_ = 0;
        stuck_at_ = due;
        stage_.turn(now_us_);
        if (!stage_.failure().empty()) outcome_.problem = stage_.failure();
        continue;
      }
      if (!stage_.failure().empty()) outcome_.problem = stage_.failure();
      const int64_t next = next_us(due);
      if (next == 0 || next > limit_us_) return;
      now_us_ = up(std::max(now_us_ + 1, next + lateness()));
    }
  }

  /// When the server is there again, should it be down.
  int64_t up(int64_t us) const {
    for (const Downtime& down : test_.downtimes) {
      const int64_t from = test_.at_us + down.after_us;
      if (us >= from && us < from + down.for_us) return up(from + down.for_us);
    }
    return us;
  }

  int64_t lateness() {
    if (request_.lateness_us == 0) return 0;
    return static_cast<int64_t>(hash64(std::to_string(++moves_), test_.seed) %
                                static_cast<uint64_t>(request_.lateness_us));
  }

  int64_t next_us(int64_t engine_due_us) {
    int64_t next = engine_due_us;
    const auto consider = [&next](int64_t us) {
      if (us != 0 && (next == 0 || us < next)) next = us;
    };
    for (const auto& [key, pending] : pending_) consider(pending.due_us);
    for (size_t i = 0; i < test_.moves.size(); ++i)
      if (!moved_.contains(i)) consider(test_.at_us + test_.moves[i].after_us);
    for (size_t i = 0; i < test_.events.size(); ++i)
      if (!published_.contains(i)) consider(test_.at_us + test_.events[i].after_us);
    consider(next_answer_us_);
    return next;
  }

  // --- effects
  using EffectKey = std::tuple<RunId, std::string, uint16_t>;

  void collect_effects() {
    for (workflow::EffectRequest& request : stage_.take_effects()) {
      const std::string path = path_of(request);
      EffectKey key{request.run, path, request.attempt};
      Pending pending;
      pending.request = std::move(request);
      if (!choose(path, pending)) return;
      // The outside does not notice that the engine came back: what was asked before is not slower for it.
      const auto [first, is_new] = asked_us_.try_emplace(key, now_us_);
      if (is_new) ++outcome_.calls[path];
      pending.due_us = pending.stub.what == Stub::What::kNever ? 0 : first->second + pending.stub.delay_us;
      pending.order = ++asked_;
      pending_.insert_or_assign(std::move(key), std::move(pending));
    }
  }

  std::string path_of(const workflow::EffectRequest& request) {
    return book().path(request.run, request.step.step.value, request.step.frame);
  }

  /// Names for what the log tells so far.
  const Book& book() {
    const auto& history = stage_.history();
    if (stage_.restarts() != restarts_ || history.size() < seen_) {
      book_.emplace(catalog_, *pipeline_);
      seen_ = 0;
      restarts_ = stage_.restarts();
    }
    Arena arena;
    for (; seen_ < history.size(); ++seen_) {
      auto event = decode(history[seen_], arena);
      if (event.ok()) book_->see(*event);
    }
    return *book_;
  }

  static Result<Event> decode(const Record& record, Arena& arena) {
    return decode_event(static_cast<EventType>(record.header.type), record.header.version, record.header.run,
                        record.header.step, record.header.time_us, record.payload, arena);
  }

  bool choose(const std::string& path, Pending& pending) {
    const Stubs* best = nullptr;
    int best_fit = 0;
    for (const Stubs& stubs : test_.stubs) {
      const int fit = fits(stubs.path, path);
      if (fit > best_fit) best = &stubs, best_fit = fit;
    }
    if (best == nullptr) {
      outcome_.problem = no_stub(path, pending.request);
      return false;
    }
    const size_t attempt = std::min<size_t>(pending.request.attempt, best->attempts.size());
    pending.stub = best->attempts[attempt - 1];
    return pending.stub.what != Stub::What::kMembers || ask_members(path, pending);
  }

  static std::string no_stub(const std::string& path, const workflow::EffectRequest& request) {
    const auto* model = std::get_if<workflow::ModelCall>(&request.call);
    const auto* http = std::get_if<workflow::HttpCall>(&request.call);
    const auto* panel = std::get_if<workflow::PanelCall>(&request.call);
    const auto* task = std::get_if<workflow::TaskCall>(&request.call);
    std::string asked, mend = "answer: { ... } } }, or real: true";
    if (http != nullptr) {
      asked = http->method + " " + http->url;
      mend = "status: 200, body: { ... } } }";
    } else if (task != nullptr) {
      asked = "a worker for " + task->type + " with " + to_json(task->input.root());
      mend = "answer: ... } }";
    } else if (model != nullptr) {
      asked = "model " + model->name + " with " + to_json(model->input.root());
    } else {
      for (const auto& member : panel->members) asked += (asked.empty() ? "" : ", ") + member.name;
      asked = "the models " + asked;
      mend = "members: { " + panel->members.front().name + ": { answer: { ... } }, ... } } }, or real: true";
    }
    return "step " + path + " asked " + asked + ", and the case has no stub for it; add stubs: { " + path +
           ": { " + mend;
  }

  /// Lets the stubs of its members make the result of an ensemble or a cascade. False: one is missing.
  bool ask_members(const std::string& path, Pending& pending) {
    const Stub stub = pending.stub;
    workflow::Panel panel(pending.request);
    int64_t took_us = stub.delay_us;
    while (!panel.done()) {
      int64_t slowest_us = 0;
      for (const size_t index : panel.next()) {
        const workflow::PanelCall::Member& member = panel.member(index);
        const auto own = std::find_if(stub.members.begin(), stub.members.end(),
                                      [&](const auto& entry) { return entry.first == member.name; });
        if (own == stub.members.end()) {
          outcome_.problem =
              "step " + path + " asked " + member.name + " with " + to_json(member.call.input.root()) +
              ", and its stub has no such member; add members: { " + member.name + ": { answer: { ... } } }";
          return false;
        }
        const bool never = own->second.what == Stub::What::kNever;
        const bool late = member.timeout_us != 0 && (never || own->second.delay_us >= member.timeout_us);
        if (never && !late) {
          pending.stub.what = Stub::What::kNever;
          return true;
        }
        slowest_us = std::max(slowest_us, late ? member.timeout_us : own->second.delay_us);
        panel.take(index,
                   late ? workflow::EffectResult{make_error(ErrorKind::kDeadlineExceeded, "models.deadline",
                                                            "the stub took too long"),
                                                 {}}
                        : member_result(own->second, member));
      }
      took_us += slowest_us;
    }
    workflow::EffectResult result = panel.result();
    pending.stub.delay_us = took_us;
    pending.stub.what = result.result.ok() ? Stub::What::kAnswer : Stub::What::kFail;
    if (result.result.ok())
      pending.stub.answer = *std::move(result.result);
    else
      pending.stub.error = std::move(result.result).error();
    return true;
  }

  workflow::EffectResult member_result(const Stub& stub, const workflow::PanelCall::Member& member) {
    if (stub.what == Stub::What::kFail) return {stub.error, {}};
    return stub.what == Stub::What::kReal ? real(member.call) : workflow::EffectResult{stub.answer, {}};
  }

  workflow::EffectResult real(const workflow::ModelCall& call) const {
    if (request_.run_model) return workflow::answer_call(call, request_.run_model);
    return {make_error(ErrorKind::kUnprocessable, "test.no_models", "models do not run here"), {}};
  }

  /// Gives the results that are due, the earliest first.
  bool deliver() {
    auto first = pending_.end();
    for (auto it = pending_.begin(); it != pending_.end(); ++it) {
      if (it->second.due_us == 0 || it->second.due_us > now_us_) continue;
      const auto when = [](const Pending& p) { return std::pair(p.due_us, p.order); };
      if (first == pending_.end() || when(it->second) < when(first->second)) first = it;
    }
    if (first == pending_.end()) return false;
    Pending pending = std::move(first->second);
    pending_.erase(first);
    stage_.complete(pending.request, result_of(pending), now_us_);
    return true;
  }

  workflow::EffectResult result_of(const Pending& pending) {
    switch (pending.stub.what) {
      case Stub::What::kFail: return {pending.stub.error, {}};
      case Stub::What::kReal: {
        if (const auto* call = std::get_if<workflow::ModelCall>(&pending.request.call)) return real(*call);
        return workflow::answer_panel(
            pending.request, [&](const workflow::PanelCall::Member& member) { return real(member.call); });
      }
      default: return {pending.stub.answer, {}};
    }
  }

  // --- people
  bool answer() {
    next_answer_us_ = 0;
    auto items = stage_.reviews(now_us_);
    if (!items.ok()) {
      outcome_.problem = items.error().to_string();
      return false;
    }
    std::sort(items->begin(), items->end(), [](const review::Item& a, const review::Item& b) {
      return std::tie(a.created_us, a.id) < std::tie(b.created_us, b.id);
    });
    for (const review::Item& item : *items) {
      const std::string path = book().path(item.run, item.step, item.frame);
      size_t best = test_.people.size();
      int best_fit = 0;
      for (size_t i = 0; i < test_.people.size(); ++i) {
        const int fit = said_.contains(i) ? 0 : fits(test_.people[i].path, path);
        if (fit > best_fit) best = i, best_fit = fit;
      }
      if (best == test_.people.size()) continue;
      const PersonAnswer& person = test_.people[best];
      const int64_t at = item.created_us + person.after_us;
      if (at > now_us_) {
        if (next_answer_us_ == 0 || at < next_answer_us_) next_answer_us_ = at;
        continue;
      }
      said_.insert(best);
      const Status status = stage_.answer(item.id, person.who, person.answer, now_us_);
      if (!status.ok())
        outcome_.problem = "the answer to " + path + " was refused: " + status.error().to_string();
      return true;
    }
    return false;
  }

  // --- what the case does at a time
  bool move() {
    for (size_t i = 0; i < test_.moves.size(); ++i) {
      const Move& move = test_.moves[i];
      if (moved_.contains(i) || test_.at_us + move.after_us > now_us_) continue;
      moved_.insert(i);
      const bool signals = move.what == Move::What::kSignal;
      const Status status =
          signals ? stage_.signal({run_, move.signal, move.who, move.why, {}, move.payload}, now_us_)
                  : stage_.cancel(run_, move.who, move.why, now_us_);
      if (!status.ok() && status.error().kind != ErrorKind::kConflict)
        outcome_.problem = status.error().to_string();
      return true;
    }
    return false;
  }

  /// Publishes what is due, one event after the other.
  bool publish() {
    for (size_t i = 0; i < test_.events.size(); ++i) {
      const GivenEvent& given = test_.events[i];
      if (published_.contains(i) || test_.at_us + given.after_us > now_us_) continue;
      published_.insert(i);
      const Status status = stage_.publish({given.event, test_.principal}, now_us_);
      if (!status.ok())
        outcome_.problem = "event " + std::to_string(i + 1) + " was refused: " + status.error().to_string();
      return true;
    }
    return false;
  }

  // --- the end
  void conclude() {
    outcome_.history = stage_.history();
    if (!read_history()) return;
    for (auto& [id, outcome] : runs_) {
      if (!conclude(id, outcome)) return;
      if (test_.starts && id == run_) static_cast<RunOutcome&>(outcome_) = outcome;
      outcome_.runs.push_back(outcome);
    }
    look_at_the_rest();
  }

  bool conclude(const RunId& id, RunOutcome& outcome) {
    auto view = stage_.run(id);
    if (!view.ok()) {
      if (outcome_.problem.empty()) outcome_.problem = view.error().to_string();
      return false;
    }
    const workflow::RunSummary& summary = view->summary;
    outcome.status =
        workflow::is_final(summary.status) ? workflow::run_status_name(summary.status) : "waiting";
    outcome.key = summary.key;
    outcome.error =
        make_error(summary.error.kind, summary.error.code, summary.error.message, summary.error.field);
    outcome.took_us = (summary.ended_us != 0 ? summary.ended_us : now_us_) - summary.started_us;
    return true;
  }

  bool read_history() {
    Book names(catalog_, *pipeline_);
    Arena arena;
    std::vector<std::pair<int64_t, Document>> emitted;
    for (const Record& record : outcome_.history) {
      auto event = decode(record, arena);
      if (!event.ok()) {
        outcome_.problem = event.error().to_string();
        return false;
      }
      names.see(*event);
      if (const auto* published = std::get_if<EventPublished>(&event->body))
        note_published(*published, event->time_us, emitted);
      const auto* started = std::get_if<RunStarted>(&event->body);
      if (started != nullptr && started->pipeline_hash == pipeline_->hash)
        runs_.emplace_back(event->run, RunOutcome{});
      const auto run = std::find_if(runs_.rbegin(), runs_.rend(),
                                    [&](const auto& known) { return known.first == event->run; });
      if (run == runs_.rend()) continue;
      if (const auto* completed = std::get_if<RunCompleted>(&event->body))
        run->second.output = as_json(completed->output);
      const std::string how = ending(*event);
      if (!how.empty()) run->second.path.push_back({names.path(event->run, event->step, event->frame), how});
    }
    // Partitions tell each their own order.
    std::stable_sort(runs_.begin(), runs_.end(),
                     [](const auto& a, const auto& b) { return a.first.unix_ms() < b.first.unix_ms(); });
    std::stable_sort(emitted.begin(), emitted.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (auto& [time_us, event] : emitted) outcome_.emitted.push_back(std::move(event));
    return true;
  }

  void note_published(const EventPublished& body, int64_t time_us,
                      std::vector<std::pair<int64_t, Document>>& emitted) {
    for (const DeliveryView& delivery : body.deliveries)
      if (delivery.kind == ConsumerKind::kWebhook) ++outcome_.webhooks[std::string(delivery.name)];
    const bool given = std::any_of(test_.events.begin(), test_.events.end(), [&](const GivenEvent& g) {
      return events::attribute(*g.event, "id") == events::attribute(body.event, "id") &&
             events::attribute(*g.event, "source") == events::attribute(body.event, "source");
    });
    if (!given) emitted.emplace_back(time_us, as_json(body.event));
  }

  /// What agents keep, and what could not be delivered.
  void look_at_the_rest() {
    if (test_.expect.has_value() && test_.expect->keeps.has_value()) {
      for (const auto& [key, expected] : *test_.expect->keeps) {
        const auto state = stage_.agent_state(pipeline_->name, key);
        outcome_.keeps[key] = state.ok() ? as_json(*state->state) : Document();
      }
    }
    const auto letters = stage_.dead_letters();
    if (!letters.ok()) return;
    for (const auto& letter : *letters) outcome_.dead_letters.push_back({letter.name, letter.code});
  }

  static std::string ending(const Event& event) {
    if (std::holds_alternative<StepCompleted>(event.body)) return "completed";
    if (std::holds_alternative<StepSkipped>(event.body)) return "skipped";
    const auto* failed = std::get_if<StepFailed>(&event.body);
    if (failed == nullptr || failed->retry_at_us != 0) return {};
    return failed->has_fallback ? "replaced" : failed->skipped ? "left_out" : "failed";
  }

  const Case& test_;
  const workflow::Catalog& catalog_;
  const std::shared_ptr<const workflow::Pipeline> pipeline_;
  Stage& stage_;
  const Request& request_;
  int64_t now_us_ = 0, limit_us_ = 0;
  RunId run_;
  std::vector<std::pair<RunId, RunOutcome>> runs_;  ///< of the pipeline
  std::optional<Book> book_{Book(catalog_, *pipeline_)};
  size_t seen_ = 0;
  uint64_t restarts_ = 0;
  std::map<EffectKey, Pending> pending_;
  std::map<EffectKey, int64_t> asked_us_;
  uint64_t asked_ = 0, moves_ = 0;
  std::set<size_t> said_, moved_, published_;
  int64_t next_answer_us_ = 0, stuck_at_ = 0;
  int stuck_ = 0;
  Outcome outcome_;
};

}  // namespace

Outcome play(const Case& test, const workflow::Catalog& catalog,
             const std::shared_ptr<const workflow::Pipeline>& pipeline, Stage& stage,
             const Request& request) {
  return Player(test, catalog, pipeline, stage, request).play();
}

}  // namespace switchyard::rehearsal
