#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "switchyard/base/arena.h"
#include "switchyard/base/result.h"
#include "switchyard/workflow/catalog.h"
#include "switchyard/workflow/pipeline.h"

// What starts runs that nobody asks for.
namespace switchyard::workflow {

/// Whether an agent wants this event. A filter that fails on an event does not want it.
bool wants(const Trigger& trigger, const Value& event);
/// The key of the run; empty without `key`. kUnprocessable when it cannot be evaluated or is no text.
Result<std::string> agent_key(const Trigger& trigger, const Value& event);

/// The input of an agent's run, for start_facts() to check.
Result<Value> agent_input(const Pipeline& pipeline, const Value& event, Arena& arena);
/// The input of a scheduled run, likewise.
Result<Value> tick_input(const Pipeline& pipeline, int64_t at_us, uint32_t missed, Arena& arena);

/// What the runs of a pipeline listen for, of a valid input: a list of { step, event, correlation }; null
/// when it listens for nothing.
Result<Value> listens_of(const Pipeline& pipeline, const Value& input, Arena& arena);

/// Who wants which events, prepared for asking often. Built by one thread, then read by any.
class Subscriptions {
 public:
  /// The active version of an agent.
  void add_agent(std::shared_ptr<const Pipeline> pipeline);
  /// Any version whose runs may be there still.
  void add_listeners(const std::shared_ptr<const Pipeline>& pipeline);
  void add_webhook(std::shared_ptr<const events::Webhook> webhook);

  /// Each consumer once: agents by name, webhooks by name, then what runs listen for.
  std::vector<Consumer> consumers(const Value& event) const;

 private:
  struct Entry {
    ConsumerKind kind{};
    std::string name;
    std::shared_ptr<const Pipeline> pipeline;
    std::shared_ptr<const events::Webhook> webhook;
    size_t listener = 0;  ///< of pipeline->listeners
  };
  void add(const std::vector<std::string>& patterns, Entry entry);
  std::unordered_map<std::string, std::vector<size_t>> exact_;  ///< event type → entries
  std::vector<size_t> patterns_;                                ///< entries that name more than one type
  std::vector<Entry> entries_;
};

}  // namespace switchyard::workflow
