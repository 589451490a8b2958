#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/log/record.h"
#include "switchyard/partition/state_machine.h"
#include "switchyard/workflow/interpreter.h"

namespace switchyard::rehearsal {

/// One record of a stage's log.
struct Record {
  log::RecordHeader header;
  std::string payload;
};

/// An engine on which a case is played: time comes with each call, and what the engine asks of the outside is
/// handed to the caller. One thread. After a restart of the engine (its own business) the effects under way
/// are handed out again, with the same step and attempt.
class Stage {
 public:
  virtual ~Stage() = default;

  /// As StateMachine::start_run().
  virtual Result<RunId> start(partition::StartRun command, int64_t now_us) = 0;
  /// Acts on all that is due.
  virtual void turn(int64_t now_us) = 0;
  /// When turn() is wanted next; 0: never.
  virtual int64_t next_due_us() = 0;

  /// Effects begun since the last call.
  virtual std::vector<workflow::EffectRequest> take_effects() = 0;
  /// A result that nobody awaits any more is dropped.
  virtual void complete(const workflow::EffectRequest& request, workflow::EffectResult result,
                        int64_t now_us) = 0;

  virtual Result<std::vector<review::Item>> reviews(int64_t now_us) = 0;
  /// Claims and answers.
  virtual Status answer(const RunId& review, const std::string& who, const Document& answer,
                        int64_t now_us) = 0;
  virtual Status cancel(const RunId& run, const std::string& who, const std::string& why, int64_t now_us) = 0;
  /// Tells the run something. The errors of StateMachine::signal_run().
  virtual Status signal(const partition::SignalRun& signal, int64_t now_us) = 0;
  virtual Result<partition::RunView> run(const RunId& id) = 0;

  /// As StateMachine::publish(), in the event's own partition.
  virtual Status publish(partition::PublishEvent event, int64_t now_us) = 0;
  /// kNotFound "agent.no_state".
  virtual Result<partition::AgentState> agent_state(const std::string& agent, const std::string& key) = 0;
  /// Of all partitions, the oldest first. Messages to webhooks are always taken, and go nowhere.
  virtual Result<std::vector<partition::DeadLetter>> dead_letters() = 0;

  /// Everything recorded so far, in order.
  virtual const std::vector<Record>& history() const = 0;
  /// How often the engine has come back: what was read of an earlier history may be no more.
  virtual uint64_t restarts() const = 0;
  /// Why the engine cannot go on; empty: it can.
  virtual std::string failure() const = 0;
};

/// What happens to the engine while a case is played. The outcome must not depend on it.
enum class Restarts : uint8_t {
  kNone,
  kFold,      ///< after each record: all later ones are lost, and the state is folded from the first on
  kSnapshot,  ///< after each turn the state is stored and read back
};

/// A partition's state machine in memory. `seed`: what the first run started on it is seeded with.
std::unique_ptr<Stage> machine_stage(std::shared_ptr<const workflow::Catalog> catalog, uint64_t seed,
                                     Restarts restarts);

using StageMaker =
    std::function<std::unique_ptr<Stage>(std::shared_ptr<const workflow::Catalog> catalog, uint64_t seed)>;

}  // namespace switchyard::rehearsal
