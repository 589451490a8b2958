// Those who start runs, look at them, cancel them and answer reviews; and what they may be told.
#include <algorithm>
#include <atomic>

#include "switchyard/types/json.h"
#include "switchyard/types/priority.h"
#include "switchyard/workflow/start.h"
#include "world.h"

namespace switchyard::sim {
namespace {

using partition::Reply;
using partition::StateMachine;

constexpr const char* kPeople[] = {"ann", "bob"};

/// Not a function of the seed, on purpose.
std::string chance() {
  static std::atomic<uint64_t> calls{0};
  return std::to_string(calls++);
}

std::string name_of(const Error& error) { return error.code + ": " + error.message; }

}  // namespace

uint64_t World::ask(std::string what) {
  trace("ask " + what);
  asked_.emplace(++requests_, std::move(what));
  return requests_;
}

bool World::answered(uint64_t request) {
  const auto found = asked_.find(request);
  if (found == asked_.end()) {
    fail("a request was answered twice, or by another process");
    return false;
  }
  asked_.erase(found);
  return true;
}

void World::refused(const Error& error, std::initializer_list<ErrorKind> allowed) {
  trace("refused " + error.code);
  if (error.kind == ErrorKind::kNoSpace) return;
  // check_archive() looks whether it was right to delete it.
  if (engine_.retention && (error.code == "run.deleted" || error.code == "review.unknown")) return;
  if (std::find(allowed.begin(), allowed.end(), error.kind) == allowed.end())
    fail("refused: " + name_of(error));
}

void World::client() {
  const uint64_t roll = random_.below(100);
  if (roll < 12 && random_.one_in(3))
    parcel_work();
  else if (roll < 15)
    publish_event();
  else if (roll == 15)
    settle_letter();
  else if (roll < 45)
    start_run();
  else if (roll < 55)
    read_run();
  else if (roll < 58)
    cancel_run();
  else if (roll < 61)
    pause_run();
  else if (roll < 64)
    resume_runs();
  else if (roll < 68)
    list_runs();
  else if (roll < 64)
    hold_work();
  else
    review_work();
}

// --- runs
// --------------------------------------------------------------------------------------------------------------

void World::start_run() {
  // A third repeats an earlier request, some of these with another body.
  if (!keys_.empty() && random_.one_in(3)) {
    auto at = keys_.begin();
    std::advance(at, static_cast<ptrdiff_t>(random_.below(keys_.size())));
    Key key = at->second;
    if (random_.one_in(8)) key.hash ^= 1;
    return post_start(key, at->first, random_.one_in(2) ? 0 : 5'000'000);
  }
  const auto& pipelines = scenery_->pipelines();
  Key key;
  key.pipeline = random_.one_in(8) ? "sim/parcel" : pipelines[random_.below(pipelines.size())]->name;
  key.principal = "client";
  key.input = "{\"n\":" + std::to_string(random_.below(20)) +
              ",\"amount\":" + std::to_string(random_.below(1000)) + ".5,\"card\":\"c" +
              std::to_string(random_.below(6)) + "\"}";
  key.hash = hash64(key.input, hash64(key.pipeline)) & ~uint64_t{1};
  std::string idempotency_key;
  if (random_.below(3) != 0) {
    idempotency_key = "key-" + std::to_string(keys_.size());
    keys_[idempotency_key] = key;
  }
  post_start(key, idempotency_key, random_.one_in(2) ? 0 : static_cast<int64_t>(random_.below(30'000'000)));
}

void World::post_start(const Key& key, const std::string& idempotency_key, int64_t wait_us) {
  partition::StartRun start;
  start.pipeline = scenery_->pipeline(key.pipeline, "");
  start.pins = *scenery_->pins_for(*start.pipeline);
  start.arena = std::make_shared<Arena>();
  auto parsed = parse_json(key.input, *start.arena);
  SY_CHECK(parsed.ok());
  auto input = start.pipeline->input->normalize(*parsed, *start.arena);
  SY_CHECK(input.ok());
  start.input = *input;
  std::vector<Value> slots(workflow::kSlotSteps + start.pipeline->steps.size());
  slots[workflow::kSlotInput] = start.input;
  MapBuilder search(*start.arena);
  for (const auto& [name, program] : start.pipeline->search)
    search.add(name, *program.evaluate(slots, *start.arena));
  start.search = search.build();
  start.key = start.pipeline->key->evaluate(slots, *start.arena)->as_string();
  start.idempotency_key = idempotency_key;
  start.principal = key.principal;
  start.request_hash = key.hash;
  workflow::StartFacts facts;
  SY_CHECK(workflow::start_turn(*start.pipeline, start.input, *start.arena, facts).ok());
  start.group = facts.group;
  start.priority = priority_or(facts.priority, static_cast<int32_t>(key.hash % 3 * 25 + 25));
  if (random_.one_in(2)) start.tenant = "tenant-" + std::to_string(random_.below(2));
  // What needs only be received may be lost after it was told, so nothing is held against it later.
  start.ack_received = idempotency_key.empty() && random_.one_in(3);
  const bool ack_received = start.ack_received;
  const uint32_t partition = partition::partition_for(start, random_.next_u64(), partitions_).value;
  const uint64_t request = ask("start " + key.pipeline + " " + idempotency_key +
                               (options_.plant == Plant::kChance ? chance() : ""));
  partition::StartCommand command{std::move(start), wait_us == 0 ? 0 : now_us_ + wait_us, {}};
  command.reply = [this, request, key, idempotency_key, ack_received](Result<partition::StartReply> reply) {
    if (!answered(request)) return;
    if (!reply.ok()) {
      if (reply.error().code == "run.idempotency_mismatch" && !idempotency_key.empty())
        return trace("mismatch");
      if (reply.error().code == "run.limit_reached" || reply.error().code == "run.queue_full")
        return trace(reply.error().code);
      if (reply.error().code == "governance.killed") {
        if (catalog_->killed(ArtefactKind::kPipeline, key.pipeline, "1.0.0") == nullptr)
          fail("a start of " + key.pipeline + " was refused for a switch that nobody has thrown");
        return trace("switched off");
      }
      return refused(reply.error(), {});
    }
    const RunId id = reply->view.summary.id;
    if (!idempotency_key.empty()) {
      // After its time a key is free for another run; answers may overtake each other.
      const auto before = told_keys_.find(idempotency_key);
      if (engine_.retention && before != told_keys_.end() && before->second != id) {
        const int64_t apart_us = (id.unix_ms() - before->second.unix_ms()) * 1000;
        if (-apart_us >= simulated_policy()->idempotency_us) return told(reply->view);
        if (apart_us >= simulated_policy()->idempotency_us) {
          told_keys_.erase(before);
          told_requests_.erase(idempotency_key);
        }
      }
      const auto [known, is_new] = told_keys_.emplace(idempotency_key, id);
      if (!is_new && known->second != id) {
        fail("the idempotency key " + idempotency_key + " gave " + known->second.to_string() + " and " +
             id.to_string());
      }
      const auto [accepted, first] = told_requests_.emplace(idempotency_key, key);
      if (!first && accepted->second.hash != key.hash)
        fail("two different requests with the key " + idempotency_key + " were accepted");
    }
    if (reply->view.summary.pipeline != key.pipeline) fail("the answer is about another pipeline");
    if (ack_received && workflow::is_final(reply->view.summary.status)) return trace("received");
    told(reply->view);
  };
  if (!mailbox_->push(partition::Command{partition, std::move(command)})) fail("the mailbox is full");
}

void World::told(const partition::RunView& view) {
  const workflow::RunSummary& summary = view.summary;
  const uint32_t partition = partition::partition_of(summary.id).value;
  trace("told " + summary.id.to_string() + " " + std::string(workflow::run_status_name(summary.status)));
  if (summary.offsets.empty() || summary.offsets.back() >= real_log(partition).durable_end().value) {
    fail("a client was told of run " + summary.id.to_string() + " before it was durable");
  }
  const auto [known, is_new] = told_.emplace(summary.id, Told{});
  if (is_new) known_runs_.push_back(summary.id);
  if (is_new && summary.pipeline == "sim/parcel") parcels_.push_back(summary.id);
  Told& told = known->second;
  if (workflow::is_final(told.status) && told.status != summary.status)
    fail("run " + summary.id.to_string() + " changed its end");
  // Answers may overtake each other: what ended stays ended.
  told.status = summary.status;
  if (!view.has_output) return;
  const std::string output = to_canonical_json(view.output.root());
  if (told.has_output && told.output != output) fail("run " + summary.id.to_string() + " changed its output");
  told.output = output;
  told.has_output = true;
}

void World::read_run() {
  if (known_runs_.empty()) return;
  const RunId id = known_runs_[random_.below(known_runs_.size())];
  if (random_.one_in(2)) {
    return call<partition::RunView>(
        partition::partition_of(id).value, "read",
        [id](StateMachine& machine, int64_t) { return machine.run(id); },
        [this](Result<partition::RunView> view) { view.ok() ? told(*view) : refused(view.error(), {}); });
  }
  // Waits for the end, as Engine::get_run does.
  const uint64_t request = ask("wait for " + id.to_string());
  const int64_t until_us = now_us_ + static_cast<int64_t>(random_.below(10'000'000));
  const Reply<partition::RunView> reply = [this, request](Result<partition::RunView> view) {
    if (answered(request)) view.ok() ? told(*view) : refused(view.error(), {});
  };
  partition::Command message{
      partition::partition_of(id).value,
      partition::Call{[id, until_us, reply](partition::PartitionHost& host, int64_t now_us) {
                        auto view = host.machine().run(id);
                        if (view.ok() && until_us > now_us && !workflow::is_final(view->summary.status)) {
                          return host.wait_for(id, until_us, reply);
                        }
                        host.reply_when_durable([view, reply](const Status& status) {
                          if (status.ok())
                            reply(view);
                          else
                            reply(status.error());
                        });
                      },
                      [reply](const Error& error) { reply(error); }}};
  if (!mailbox_->push(std::move(message))) fail("the mailbox is full");
}

/// Holds a run, and lets it go on after a while: what is paused does not end.
void World::pause_run() {
  if (known_runs_.empty()) return;
  const RunId id = known_runs_[random_.below(known_runs_.size())];
  call<partition::RunView>(
      partition::partition_of(id).value, "pause",
      [id](StateMachine& machine, int64_t now_us) -> Result<partition::RunView> {
        SY_RETURN_IF_ERROR(machine.pause_run(id, "operator", "a test", now_us));
        return machine.run(id);
      },
      [this](Result<partition::RunView> view) {
        if (!view.ok()) return refused(view.error(), {ErrorKind::kConflict});
        if (view->summary.status != workflow::RunStatus::kPaused)
          fail("a paused run is " + std::string(workflow::run_status_name(view->summary.status)));
      });
  paused_.push_back(id);
}

void World::resume_runs() {
  for (const RunId& id : std::exchange(paused_, {})) {
    call<partition::RunView>(
        partition::partition_of(id).value, "resume",
        [id](StateMachine& machine, int64_t now_us) -> Result<partition::RunView> {
          SY_RETURN_IF_ERROR(machine.resume_run(id, "operator", "a test", now_us));
          return machine.run(id);
        },
        [this](Result<partition::RunView> view) {
          if (!view.ok()) refused(view.error(), {ErrorKind::kConflict});
        });
  }
}

void World::cancel_run() {
  if (known_runs_.empty()) return;
  const RunId id = known_runs_[random_.below(known_runs_.size())];
  call<partition::RunView>(
      partition::partition_of(id).value, "cancel",
      [id](StateMachine& machine, int64_t now_us) -> Result<partition::RunView> {
        SY_RETURN_IF_ERROR(machine.cancel_run(id, "operator", "a test", now_us));
        return machine.run(id);
      },
      [this](Result<partition::RunView> view) {
        if (!view.ok()) return refused(view.error(), {ErrorKind::kConflict});
        // Where something is to be undone, the end comes after it.
        const auto pipeline = scenery_->pipeline(view->summary.pipeline, "");
        const bool undoes = pipeline->compensates || pipeline->finally.has_value();
        if (view->summary.status != workflow::RunStatus::kCancelled && !undoes)
          fail("a cancelled run is " + std::string(workflow::run_status_name(view->summary.status)));
        told(*view);
      });
}

void World::list_runs() {
  partition::RunFilter filter;
  filter.limit = 5;
  if (random_.one_in(2)) filter.key = "c" + std::to_string(random_.below(6));
  call<partition::RunPage>(
      static_cast<uint32_t>(random_.below(partitions_)), "list",
      [filter](StateMachine& machine, int64_t) { return machine.list(filter); },
      [this](Result<partition::RunPage> page) {
        if (!page.ok()) return refused(page.error(), {});
        for (const auto& summary : page->runs) told({summary, {}, false});
      });
}

// --- reviews
// -----------------------------------------------------------------------------------------------------------

void World::told(const review::Item& item) {
  trace("review " + item.id.to_string() + " " + std::string(review::item_status_name(item.status)) + " " +
        item.claimed_by);
  const auto found = told_answers_.find(item.id);
  if (found != told_answers_.end() && item.status != review::ItemStatus::kAnswered)
    fail("the review " + item.id.to_string() + " lost its answer");
}

void World::review_work() {
  const std::string who = kPeople[random_.below(2)];
  if (known_reviews_.empty() || random_.one_in(4)) {
    partition::ReviewFilter filter;
    if (random_.one_in(2)) filter.queue = random_.one_in(2) ? "desk" : "leads";
    return call<std::vector<review::Item>>(
        static_cast<uint32_t>(random_.below(partitions_)), "reviews",
        [filter](StateMachine& machine, int64_t now_us) { return machine.reviews(filter, now_us); },
        [this](Result<std::vector<review::Item>> items) {
          if (!items.ok()) return refused(items.error(), {});
          for (const review::Item& item : *items) {
            told(item);
            if (std::find(known_reviews_.begin(), known_reviews_.end(), item.id) == known_reviews_.end())
              known_reviews_.push_back(item.id);
          }
        });
  }
  // Both prefer the newest, so that they meet.
  const size_t back = std::min<size_t>(known_reviews_.size(), 3);
  const size_t chosen = random_.one_in(3) ? random_.below(known_reviews_.size())
                                          : known_reviews_.size() - 1 - random_.below(back);
  review_command(known_reviews_[chosen], who);
}

void World::review_command(const RunId& id, const std::string& who) {
  const uint32_t partition = partition::partition_of(id).value;
  const auto done = [this](Result<review::Item> item) {
    if (item.ok())
      told(*item);
    else
      refused(item.error(), {ErrorKind::kConflict, ErrorKind::kPermissionDenied});
  };
  const uint64_t roll = random_.below(100);
  if (roll < 45) {
    const int64_t lease_us = static_cast<int64_t>(1'000'000 + random_.below(60'000'000));
    call<review::Item>(
        partition, "claim",
        [=](StateMachine& m, int64_t now) {
          return m.claim({id, who, lease_us}, now);
        },
        done);
  } else if (roll < 80) {
    auto parsed = parse_json_document(std::string("{\"fraud\":") + (random_.one_in(2) ? "true" : "false") +
                                      ",\"comment\":\"by " + who + "\"}");
    partition::AnswerReview answer{id, who, random_.one_in(12) ? Document(Value::integer(3)) : *parsed};
    call<review::Item>(
        partition, "answer", [answer](StateMachine& m, int64_t now) { return m.answer(answer, now); },
        [this, answer](Result<review::Item> item) {
          if (!item.ok()) return refused(item.error(), {ErrorKind::kConflict, ErrorKind::kUnprocessable});
          if (item->status != review::ItemStatus::kAnswered || item->ended_by != answer.who)
            fail("an accepted answer is not the review's");
          const auto [known, is_new] = told_answers_.emplace(
              answer.review, Answer{answer.who, to_canonical_json(answer.answer.root())});
          if (!is_new)
            fail(known->second.who + " and " + answer.who + " were both told that their answer counts");
          told(*item);
        });
  } else if (roll < 88) {
    call<review::Item>(
        partition, "release",
        [=](StateMachine& m, int64_t now) {
          return m.release({id, who, false}, now);
        },
        done);
  } else if (roll < 94) {
    call<review::Item>(
        partition, "comment",
        [=](StateMachine& m, int64_t now) {
          return m.comment({id, who, "hm"}, now);
        },
        done);
  } else if (roll < 97) {
    call<review::Item>(
        partition, "escalate",
        [=](StateMachine& m, int64_t now) {
          return m.escalate({id, who, "leads", "hard"}, now);
        },
        done);
  } else {
    const std::string to = random_.one_in(3) ? "" : kPeople[random_.below(2)];
    call<review::Item>(
        partition, "reassign",
        [=](StateMachine& m, int64_t now) {
          return m.reassign({id, who, to}, now);
        },
        done);
  }
}

// --- holds
// -----------------------------------------------------------------------------------------------------------------

void World::hold_work() {
  if (!engine_.retention) return;
  const uint32_t partition = static_cast<uint32_t>(random_.below(partitions_));
  const std::string name = "hold-" + std::to_string(random_.below(4));
  if (random_.one_in(2)) {
    return call<bool>(
        partition, "release " + name,
        [name](StateMachine& machine, int64_t now_us) {
          return machine.release_hold(name, "operator", "done", now_us);
        },
        [this](Result<bool> released) {
          if (!released.ok()) refused(released.error(), {});
        });
  }
  partition::Hold hold;
  hold.name = name;
  hold.who = "operator";
  hold.why = "a case";
  const uint64_t roll = random_.below(3);
  if (roll == 0 && !known_runs_.empty())
    hold.run = known_runs_[random_.below(known_runs_.size())];
  else if (roll == 1)
    hold.key = "c" + std::to_string(random_.below(6));
  else
    hold.pipeline = "sim/q*";
  call<partition::Hold>(
      partition, "hold " + name,
      [hold](StateMachine& machine, int64_t now_us) { return machine.set_hold(hold, now_us); },
      [this](Result<partition::Hold> set) {
        if (!set.ok()) refused(set.error(), {ErrorKind::kConflict});
      });
}

}  // namespace switchyard::sim
