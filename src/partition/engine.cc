#include "switchyard/partition/engine.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <map>
#include <thread>

#include "host.h"
#include "keeper.h"
#include "switchyard/events/cloud_event.h"

namespace switchyard::partition {
namespace {

Error stopped() {
  return make_error(ErrorKind::kUnavailable, "engine.stopped", "the server is stopping; try again shortly");
}
Error overloaded() {
  return make_error(ErrorKind::kResourceExhausted, "partition.mailbox_full",
                    "more than " + std::to_string(kMailboxCapacity) +
                        " commands wait for this partition thread; try again shortly");
}

/// What the calling thread may do for partitions.
struct Driving {
  bool here = false;   ///< inside a DriveHere
  bool begun = false;  ///< it drives one
};
thread_local Driving driving;

/// Who drives in a sleeping thread's place has other things to do as well.
constexpr int kTurnsInPlace = 2;

}  // namespace

DriveHere::DriveHere() : before_(std::exchange(driving.here, true)) {}
DriveHere::~DriveHere() { driving.here = before_; }

/// A thread and the partitions it drives; others may drive them while it sleeps.
class HostThread {
 public:
  HostThread(const EngineOptions& options, std::vector<PartitionHost*> hosts, CommandBox& mailbox)
      : options_(options), hosts_(std::move(hosts)), mailbox_(mailbox) {}

  void start() {
    thread_ = std::thread([this] { run(); });
  }
  void stop() {
    stopping_ = true;
    mailbox_.close();
    if (thread_.joinable()) thread_.join();
  }

  /// Something was pushed while the thread sleeps: drives the partitions here if that is wanted and nobody
  /// else does, else wakes the thread.
  void see_to_it() {
    std::unique_lock turn(turn_, std::defer_lock);
    // Once it stops only the thread itself drives: at its end the partitions are closed.
    if (!driving.here || driving.begun || !turn.try_lock() || stopping_) return mailbox_.wake();
    driving.begun = true;
    int turns = 0;
    do {
      if (turns++ == kTurnsInPlace) {
        mailbox_.wake();
        break;
      }
      take_turn();
    } while (!mailbox_.rests());
    driving.begun = false;
    const int64_t due_us = next_turn_us();
    if (due_us != 0 && (sleeps_until_us_ == 0 || due_us < sleeps_until_us_)) mailbox_.wake();
  }

 private:
  void run() {
    std::unique_lock turn(turn_);
    // Recovered runs have effects to start and timers to run.
    for (PartitionHost* host : hosts_) host->finish_turn(options_.clock->now_us());
    while (true) {
      sleeps_until_us_ = next_turn_us();
      const int64_t until_us = sleeps_until_us_;
      turn.unlock();
      wait(until_us);
      turn.lock();
      const bool idle = take_turn();
      if (stopping_ && idle) break;
    }
    for (PartitionHost* host : hosts_) host->close();
  }

  /// Whoever holds turn_. True: nothing waited.
  bool take_turn() {
    mailbox_.try_drain(commands_);
    const int64_t now_us = options_.clock->now_us();
    for (Command& command : commands_) host_of(command.partition).handle(std::move(command), now_us);
    for (PartitionHost* host : hosts_) host->finish_turn(now_us);
    return commands_.empty();
  }

  /// 0: when something comes.
  int64_t next_turn_us() const {
    int64_t next = 0;
    for (PartitionHost* host : hosts_) {
      const int64_t due = host->next_turn_us();
      if (due != 0 && (next == 0 || due < next)) next = due;
    }
    return next;
  }

  void wait(int64_t until_us) {
    if (until_us == 0) return mailbox_.wait();
    // Timers are on the wall clock, which somebody may set: look at least every ten seconds.
    const int64_t left = std::clamp<int64_t>(until_us - options_.clock->now_us(), 0, 10'000'000);
    mailbox_.wait(std::chrono::microseconds(left));
  }

  PartitionHost& host_of(uint32_t partition) { return *hosts_[partition / stride_]; }

 public:
  uint32_t stride_ = 1;

 private:
  const EngineOptions& options_;
  std::vector<PartitionHost*> hosts_;
  CommandBox& mailbox_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;

  std::mutex turn_;
  std::vector<Command> commands_;  // guarded by turn_, as are the hosts
  int64_t sleeps_until_us_ = 0;    // guarded by turn_; 0: until something comes
};

class Engine::Impl final : public Peers {
 public:
  explicit Impl(EngineOptions options) : options_(std::move(options)) {
    SY_CHECK(options_.partitions > 0 && options_.partitions <= kMaxPartitions);
    options_.threads = std::clamp(options_.threads, 1, static_cast<int>(options_.partitions));
  }
  ~Impl() { SY_CHECK(!running_); }

  Status start() {
    SY_CHECK(!running_ && hosts_.empty());
    const auto threads = static_cast<uint32_t>(options_.threads);
    for (uint32_t t = 0; t < threads; ++t)
      mailboxes_.push_back(std::make_unique<CommandBox>(kMailboxCapacity));
    for (uint32_t p = 0; p < options_.partitions; ++p) {
      hosts_.push_back(
          std::make_unique<PartitionHost>(PartitionId(p), options_, *mailboxes_[p % threads], this));
    }
    const Status opened = open_all(threads);
    if (!opened.ok()) {
      hosts_.clear();
      mailboxes_.clear();
      return opened.error();
    }
    for (uint32_t t = 0; t < threads; ++t) {
      std::vector<PartitionHost*> hosts;
      for (uint32_t p = t; p < options_.partitions; p += threads) hosts.push_back(hosts_[p].get());
      threads_.push_back(std::make_unique<HostThread>(options_, hosts, *mailboxes_[t]));
      threads_.back()->stride_ = threads;
      for (PartitionHost* host : hosts)
        host->set_waker([thread = threads_.back().get()] { thread->see_to_it(); });
    }
    for (auto& thread : threads_) thread->start();
    std::vector<PartitionHost*> all;
    for (const auto& host : hosts_) all.push_back(host.get());
    keeper_ = std::make_unique<Keeper>(options_, std::move(all), [this](uint32_t partition, Call call) {
      return box(PartitionId(partition)).push(Command{partition, std::move(call)});
    });
    keeper_->start();
    running_ = true;
    return {};
  }

  void stop() {
    if (!running_) return;
    keeper_->stop();
    for (auto& thread : threads_) thread->stop();
    running_ = false;
  }

  PartitionId place(const StartRun& command) {
    return partition_for(command, options_.random->next_u64(), options_.partitions);
  }
  RunId reserve_id(const StartRun& command) {
    return make_run_id(place(command), options_.clock->now_us(), options_.random->next_u64());
  }

  void start_run(StartRun command, int64_t wait_until_us, Reply<StartReply> reply) {
    const PartitionId partition = command.id.is_zero() ? place(command) : partition_of(command.id);
    StartCommand start{std::move(command), wait_until_us, std::move(reply)};
    Command message{partition.value, std::move(start)};
    const auto pushed = box(partition).push_quietly(std::move(message));
    if (pushed == CommandBox::Pushed::kTakenAndConsumerSleeps)
      threads_[partition.value % threads_.size()]->see_to_it();
    if (pushed != CommandBox::Pushed::kRefused) return;
    std::get<StartCommand>(message.body).reply(box(partition).closed() ? stopped() : overloaded());
  }

  /// Runs `work` on the partition's thread; `reply` gets its error, or what `work` makes of it.
  template <typename T>
  void call(PartitionId partition, Reply<T> reply,
            std::function<void(PartitionHost&, int64_t, Reply<T>)> work) {
    if (partition.value >= options_.partitions) {
      return reply(make_error(ErrorKind::kNotFound, "run.unknown",
                              "this id belongs to no partition of this server", "id"));
    }
    auto shared = std::make_shared<Reply<T>>(std::move(reply));
    Command message{partition.value,
                    Call{[shared, work = std::move(work)](PartitionHost& host, int64_t now_us) {
                           work(host, now_us, std::move(*shared));
                         },
                         [shared](const Error& error) { (*shared)(error); }}};
    if (box(partition).push(std::move(message))) return;
    (*shared)(box(partition).closed() ? stopped() : overloaded());
  }

  /// The common shape: do something, tell its result when it is durable.
  template <typename T>
  void simple(PartitionId partition, Reply<T> reply, std::function<Result<T>(StateMachine&, int64_t)> work) {
    call<T>(partition, std::move(reply),
            [work = std::move(work)](PartitionHost& host, int64_t now_us, Reply<T> done) {
              auto result = std::make_shared<Result<T>>(work(host.machine(), now_us));
              host.reply_when_durable([result, done = std::move(done)](const Status& status) {
                if (status.ok())
                  done(std::move(*result));
                else
                  done(status.error());
              });
            });
  }

  /// Asks every partition, then gives all answers to `merge`.
  template <typename T>
  void gather(std::function<Result<T>(StateMachine&, int64_t)> ask,
              std::function<Result<T>(std::vector<T>)> merge, Reply<T> reply) {
    struct State {
      std::mutex mutex;
      std::vector<T> parts;
      size_t left;
      std::optional<Error> error;
    };
    auto state = std::make_shared<State>();
    state->parts.resize(options_.partitions);
    state->left = options_.partitions;
    auto shared = std::make_shared<Reply<T>>(std::move(reply));
    for (uint32_t p = 0; p < options_.partitions; ++p) {
      simple<T>(
          PartitionId(p),
          [state, shared, merge, p](Result<T> part) {
            bool last;
            {
              std::lock_guard lock(state->mutex);
              if (part.ok())
                state->parts[p] = std::move(part).value();
              else
                state->error = part.error();
              last = --state->left == 0;
            }
            if (!last) return;
            if (state->error.has_value())
              (*shared)(*state->error);
            else
              (*shared)(merge(std::move(state->parts)));
          },
          ask);
    }
  }

  const EngineOptions& options() const { return options_; }
  Keeper& keeper() { return *keeper_; }
  const std::vector<std::unique_ptr<PartitionHost>>& hosts() const { return hosts_; }
  uint64_t queue_depth() const {
    uint64_t depth = 0;
    for (const auto& mailbox : mailboxes_) depth += mailbox->size();
    return depth;
  }

 private:
  // Peers: the partitions of this process. Windows bound what is on its way, so that the mailboxes stay
  // small.
  void deliver(Delivery delivery) override {
    const PartitionId to = delivery.to;
    box(to).push_unbounded({to.value, std::move(delivery)});
  }
  void acknowledge(Acknowledgement acknowledgement) override {
    const PartitionId to = acknowledgement.to;
    box(to).push_unbounded({to.value, acknowledgement});
  }

  CommandBox& box(PartitionId partition) { return *mailboxes_[partition.value % mailboxes_.size()]; }

  /// Recovers the partitions, as many at once as there are threads.
  Status open_all(uint32_t threads) {
    std::vector<Status> results(hosts_.size());
    std::vector<std::thread> workers;
    for (uint32_t t = 0; t < threads; ++t) {
      workers.emplace_back([this, t, threads, &results] {
        for (size_t p = t; p < hosts_.size(); p += threads) results[p] = hosts_[p]->open();
      });
    }
    for (auto& worker : workers) worker.join();
    for (auto& result : results) SY_RETURN_IF_ERROR(std::move(result));
    return {};
  }

  EngineOptions options_;
  std::vector<std::unique_ptr<CommandBox>> mailboxes_;
  std::vector<std::unique_ptr<PartitionHost>> hosts_;
  std::vector<std::unique_ptr<HostThread>> threads_;
  std::unique_ptr<Keeper> keeper_;
  bool running_ = false;
};

Engine::Engine(EngineOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Engine::~Engine() = default;
Status Engine::start() { return impl_->start(); }
void Engine::stop() { impl_->stop(); }
uint32_t Engine::partitions() const { return impl_->options().partitions; }
uint64_t Engine::queue_depth() const { return impl_->queue_depth(); }

Status Engine::health() const {
  for (const auto& host : impl_->hosts()) SY_RETURN_IF_ERROR(host->health());
  return {};
}

std::vector<PartitionStats> Engine::stats() const {
  std::vector<PartitionStats> stats;
  for (const auto& host : impl_->hosts()) stats.push_back(host->stats());
  return stats;
}

RunId Engine::reserve_id(const StartRun& command) const { return impl_->reserve_id(command); }

void Engine::start_run(StartRun command, int64_t wait_until_us, Reply<StartReply> reply) {
  impl_->start_run(std::move(command), wait_until_us, std::move(reply));
}

void Engine::get_run(const RunId& id, int64_t wait_until_us, Reply<RunView> reply) {
  impl_->call<RunView>(
      partition_of(id), std::move(reply),
      [id, wait_until_us](PartitionHost& host, int64_t now_us, Reply<RunView> done) {
        auto view = host.machine().run(id);
        if (view.ok() && wait_until_us > now_us && !workflow::is_final(view->summary.status)) {
          return host.wait_for(id, wait_until_us, std::move(done));
        }
        if (view.ok() && !view->summary.offsets.empty() &&
            LogOffset(view->summary.offsets.back()) < host.log().durable_end()) {
          return done(std::move(view));
        }
        auto shared = std::make_shared<Result<RunView>>(std::move(view));
        host.reply_when_durable([shared, done = std::move(done)](const Status& status) {
          if (status.ok())
            done(std::move(*shared));
          else
            done(status.error());
        });
      });
}

void Engine::get_offsets(const RunId& id, uint64_t first, uint64_t count,
                         Reply<std::vector<uint64_t>> reply) {
  using Offsets = std::vector<uint64_t>;
  impl_->simple<Offsets>(partition_of(id), std::move(reply),
                         [id, first, count](StateMachine& machine, int64_t) -> Result<Offsets> {
                           Offsets all;
                           while (all.size() < count) {
                             SY_ASSIGN_OR_RETURN(const Offsets part, machine.offsets(id, first + all.size()));
                             if (part.empty()) break;
                             all.insert(all.end(), part.begin(), part.end());
                           }
                           if (all.size() > count) all.resize(count);
                           return all;
                         });
}

void Engine::cancel_run(const RunId& id, std::string who, std::string why, Reply<RunView> reply) {
  impl_->simple<RunView>(partition_of(id), std::move(reply),
                         [id, who = std::move(who), why = std::move(why)](StateMachine& machine,
                                                                          int64_t now_us) -> Result<RunView> {
                           SY_RETURN_IF_ERROR(machine.cancel_run(id, who, why, now_us));
                           return machine.run(id);
                         });
}

void Engine::pause_run(const RunId& id, std::string who, std::string why, Reply<RunView> reply) {
  impl_->simple<RunView>(partition_of(id), std::move(reply),
                         [id, who = std::move(who), why = std::move(why)](StateMachine& machine,
                                                                          int64_t now_us) -> Result<RunView> {
                           SY_RETURN_IF_ERROR(machine.pause_run(id, who, why, now_us));
                           return machine.run(id);
                         });
}

void Engine::resume_run(const RunId& id, std::string who, std::string why, Reply<RunView> reply) {
  impl_->simple<RunView>(partition_of(id), std::move(reply),
                         [id, who = std::move(who), why = std::move(why)](StateMachine& machine,
                                                                          int64_t now_us) -> Result<RunView> {
                           SY_RETURN_IF_ERROR(machine.resume_run(id, who, why, now_us));
                           return machine.run(id);
                         });
}

void Engine::signal_run(SignalRun command, Reply<Signalled> reply) {
  const PartitionId partition = partition_of(command.run);
  impl_->simple<Signalled>(partition, std::move(reply),
                           [command = std::move(command)](StateMachine& machine, int64_t now_us) {
                             return machine.signal_run(command, now_us);
                           });
}

void Engine::query_run(const RunId& id, std::string name, Reply<QueryReply> reply) {
  impl_->simple<QueryReply>(
      partition_of(id), std::move(reply),
      [id, name = std::move(name)](StateMachine& machine, int64_t) { return machine.query(id, name); });
}

void Engine::migrate_run(MigrateRun command, Reply<Migrated> reply) {
  const PartitionId partition = partition_of(command.run);
  impl_->simple<Migrated>(partition, std::move(reply),
                          [command = std::move(command)](StateMachine& machine, int64_t now_us) {
                            return machine.migrate_run(command, now_us);
                          });
}

void Engine::list_runs(const RunFilter& filter, Reply<RunPage> reply) {
  const size_t limit = std::clamp<size_t>(filter.limit, 1, kMaxListLimit);
  impl_->gather<RunPage>([filter](StateMachine& machine, int64_t) { return machine.list(filter); },
                         [limit](std::vector<RunPage> parts) -> Result<RunPage> {
                           RunPage page;
                           // Where one partition stopped early, what is older cannot be told to be complete.
                           std::optional<RunId> floor;
                           for (RunPage& part : parts) {
                             if (part.more) {
                               const RunId last =
                                   part.scanned_to.has_value() ? *part.scanned_to : part.runs.back().id;
                               if (!floor.has_value() || last > *floor) floor = last;
                             }
                             std::move(part.runs.begin(), part.runs.end(), std::back_inserter(page.runs));
                             page.compacted.merge(part.compacted);
                           }
                           std::sort(page.runs.begin(), page.runs.end(),
                                     [](const auto& a, const auto& b) { return a.id > b.id; });
                           if (floor.has_value())
                             std::erase_if(page.runs, [&](const auto& run) { return run.id < *floor; });
                           page.more = floor.has_value();
                           if (page.runs.size() > limit) {
                             page.runs.resize(limit);
                             page.more = true;
                           } else if (floor.has_value()) {
                             page.scanned_to = floor;
                           }
                           return page;
                         },
                         std::move(reply));
}

void Engine::list_reviews(const ReviewFilter& filter, Reply<std::vector<review::Item>> reply) {
  using Items = std::vector<review::Item>;
  const size_t limit = std::clamp<size_t>(filter.limit, 1, kMaxListLimit);
  impl_->gather<Items>(
      [filter](StateMachine& machine, int64_t now_us) { return machine.reviews(filter, now_us); },
      [limit](std::vector<Items> parts) -> Result<Items> {
        std::vector<std::pair<std::string, review::Item>> all;
        for (Items& part : parts)
          for (review::Item& item : part) all.emplace_back(review::urgency_key(item), std::move(item));
        std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
        Items items;
        for (auto& [key, item] : all) {
          if (items.size() == limit) break;
          items.push_back(std::move(item));
        }
        return items;
      },
      std::move(reply));
}

void Engine::get_review(const RunId& id, Reply<review::Item> reply) {
  impl_->simple<review::Item>(partition_of(id), std::move(reply),
                              [id](StateMachine& machine, int64_t) { return machine.review(id); });
}
void Engine::claim_review(ClaimReview command, Reply<review::Item> reply) {
  impl_->simple<review::Item>(
      partition_of(command.review), std::move(reply),
      [command](StateMachine& machine, int64_t now_us) { return machine.claim(command, now_us); });
}
void Engine::release_review(ReleaseReview command, Reply<review::Item> reply) {
  impl_->simple<review::Item>(
      partition_of(command.review), std::move(reply),
      [command](StateMachine& machine, int64_t now_us) { return machine.release(command, now_us); });
}
void Engine::answer_review(AnswerReview command, Reply<review::Item> reply) {
  impl_->simple<review::Item>(
      partition_of(command.review), std::move(reply),
      [command](StateMachine& machine, int64_t now_us) { return machine.answer(command, now_us); });
}
void Engine::comment_review(CommentReview command, Reply<review::Item> reply) {
  impl_->simple<review::Item>(
      partition_of(command.review), std::move(reply),
      [command](StateMachine& machine, int64_t now_us) { return machine.comment(command, now_us); });
}
void Engine::escalate_review(EscalateReview command, Reply<review::Item> reply) {
  impl_->simple<review::Item>(
      partition_of(command.review), std::move(reply),
      [command](StateMachine& machine, int64_t now_us) { return machine.escalate(command, now_us); });
}
void Engine::reassign_review(ReassignReview command, Reply<review::Item> reply) {
  impl_->simple<review::Item>(
      partition_of(command.review), std::move(reply),
      [command](StateMachine& machine, int64_t now_us) { return machine.reassign(command, now_us); });
}

// --- events
// -----------------------------------------------------------------------------------------------------------

void Engine::publish(std::vector<PublishEvent> events, Reply<std::vector<Published>> reply) {
  struct State {
    std::mutex mutex;
    std::vector<Published> published;
    std::optional<Error> error;
    size_t failed_at = SIZE_MAX;
    size_t left = 0;
    Reply<std::vector<Published>> reply;
  };
  // One call for each home partition, so that a batch costs few messages.
  std::map<uint32_t, std::vector<size_t>> homes;
  for (size_t i = 0; i < events.size(); ++i) {
    const auto key = events::ordering_key(events[i].event.root());
    homes[choose_partition({}, key, 0, partitions()).value].push_back(i);
  }
  auto state = std::make_shared<State>();
  state->published.resize(events.size());
  state->left = homes.size();
  state->reply = std::move(reply);
  if (homes.empty()) return state->reply(std::move(state->published));
  auto shared = std::make_shared<std::vector<PublishEvent>>(std::move(events));
  for (auto& [home, indices] : homes) {
    impl_->simple<std::vector<Published>>(
        PartitionId(home),
        [state, indices](Result<std::vector<Published>> part) {
          {
            std::lock_guard lock(state->mutex);
            for (size_t i = 0; part.ok() && i < indices.size(); ++i)
              state->published[indices[i]] = (*part)[i];
            if (!part.ok() && indices.front() < state->failed_at) {
              state->error = part.error();
              state->failed_at = indices.front();
            }
            if (--state->left != 0) return;
          }
          if (state->error.has_value())
            state->reply(*state->error);
          else
            state->reply(std::move(state->published));
        },
        [shared, indices](StateMachine& machine, int64_t now_us) -> Result<std::vector<Published>> {
          std::vector<Published> published;
          for (const size_t i : indices) {
            SY_ASSIGN_OR_RETURN(const Published one, machine.publish((*shared)[i], now_us));
            published.push_back(one);
          }
          return published;
        });
  }
}

void Engine::dead_letters(const DeadLetterFilter& filter, Reply<DeadLetterPage> reply) {
  const size_t limit = std::clamp<size_t>(filter.limit, 1, kMaxListLimit);
  impl_->gather<DeadLetterPage>(
      [filter](StateMachine& machine, int64_t) { return machine.dead_letters(filter); },
      [limit](std::vector<DeadLetterPage> parts) -> Result<DeadLetterPage> {
        DeadLetterPage page;
        for (DeadLetterPage& part : parts) {
          for (DeadLetter& letter : part.letters) {
            if (page.letters.size() == limit) {
              page.next = page.letters.back().id;
              return page;
            }
            page.letters.push_back(std::move(letter));
          }
          page.next = std::move(part.next);
          if (!page.next.empty()) break;
        }
        return page;
      },
      std::move(reply));
}

void Engine::settle_letter(const std::string& id, std::string who, bool replay, Reply<std::string> reply) {
  const auto letter = parse_letter_id(id);
  if (!letter.ok()) return reply(letter.error());
  impl_->simple<std::string>(letter->partition, std::move(reply),
                             [id, place = letter->place, who = std::move(who), replay](
                                 StateMachine& machine, int64_t now_us) -> Result<std::string> {
                               SY_RETURN_IF_ERROR(machine.settle_letter(place, who, replay, now_us));
                               return id;
                             });
}

void Engine::agent_state(std::string agent, std::string key, Reply<AgentState> reply) {
  // An agent without a key has its runs where its events are published, and keeps no state.
  const PartitionId partition = choose_partition({}, key, 0, partitions());
  impl_->simple<AgentState>(partition, std::move(reply),
                            [agent = std::move(agent), key = std::move(key)](StateMachine& machine, int64_t) {
                              return machine.agent_state(agent, key);
                            });
}

void Engine::agent_states(std::string agent, std::string after, size_t limit,
                          Reply<std::vector<AgentState>> reply) {
  using States = std::vector<AgentState>;
  limit = std::clamp<size_t>(limit, 1, kMaxListLimit);
  impl_->gather<States>([agent, after, limit](StateMachine& machine,
                                              int64_t) { return machine.agent_states(agent, after, limit); },
                        [limit](std::vector<States> parts) -> Result<States> {
                          States all;
                          for (States& part : parts)
                            std::move(part.begin(), part.end(), std::back_inserter(all));
                          std::sort(all.begin(), all.end(),
                                    [](const auto& a, const auto& b) { return a.key < b.key; });
                          if (all.size() > limit) all.resize(limit);
                          return all;
                        },
                        std::move(reply));
}

void Engine::wake() {
  for (uint32_t p = 0; p < partitions(); ++p)
    impl_->call<bool>(
        PartitionId(p), [](Result<bool>) {}, [](PartitionHost&, int64_t, Reply<bool>) {});
}

void Engine::set_hold(Hold hold, Reply<Hold> reply) {
  const auto set = [hold](StateMachine& machine, int64_t now_us) { return machine.set_hold(hold, now_us); };
  if (hold.run.has_value()) return impl_->simple<Hold>(partition_of(*hold.run), std::move(reply), set);
  impl_->gather<Hold>(
      set, [](std::vector<Hold> parts) -> Result<Hold> { return parts.front(); }, std::move(reply));
}

void Engine::release_hold(std::string name, std::string who, std::string why, Reply<std::string> reply) {
  // Where it stands is not told apart: a partition that has none of the name has nothing to do.
  impl_->gather<std::string>(
      [name, who = std::move(who), why = std::move(why)](StateMachine& machine,
                                                         int64_t now_us) -> Result<std::string> {
        SY_ASSIGN_OR_RETURN(const bool was, machine.release_hold(name, who, why, now_us));
        return was ? name : std::string();
      },
      [name](std::vector<std::string> parts) -> Result<std::string> {
        for (const std::string& part : parts)
          if (!part.empty()) return part;
        return make_error(ErrorKind::kNotFound, "hold.unknown", "there is no hold '" + name + "'", "name");
      },
      std::move(reply));
}

void Engine::list_holds(Reply<std::vector<Hold>> reply) {
  using Holds = std::vector<Hold>;
  impl_->gather<Holds>([](StateMachine& machine, int64_t) { return machine.holds(); },
                       [](std::vector<Holds> parts) -> Result<Holds> {
                         std::map<std::string, Hold> by_name;
                         for (Holds& part : parts)
                           for (Hold& hold : part) by_name.emplace(hold.name, std::move(hold));
                         Holds all;
                         for (auto& [name, hold] : by_name) all.push_back(std::move(hold));
                         return all;
                       },
                       std::move(reply));
}

Result<UpkeepReport> Engine::apply_retention(std::string who, bool dry_run) {
  return impl_->keeper().apply(who, dry_run);
}

Result<std::vector<RecordedEvent>> Engine::read_events(const RunId& run,
                                                       const std::vector<uint64_t>& offsets) const {
  const PartitionId partition = partition_of(run);
  if (partition.value >= impl_->hosts().size()) {
    return make_error(ErrorKind::kNotFound, "run.unknown", "this id belongs to no partition of this server",
                      "id");
  }
  return impl_->hosts()[partition.value]->read_events(run, offsets);
}

Result<LogOffset> Engine::read_log(PartitionId id, LogOffset from, size_t max_bytes,
                                   const log::RecordVisitor& visit) const {
  const log::Log& log = impl_->hosts()[id.value]->log();
  auto read = log.read(std::max(from, log.first_offset()), max_bytes, visit);
  // Trimmed in this moment.
  const bool moved = !read.ok() && read.error().code == "log.trimmed";
  return moved ? log.read(log.first_offset(), max_bytes, visit) : std::move(read);
}

LogOffset Engine::durable_end(PartitionId id) const { return impl_->hosts()[id.value]->log().durable_end(); }

}  // namespace switchyard::partition
