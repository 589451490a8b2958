#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "switchyard/events/consumers.h"
#include "switchyard/types/events.h"
#include "switchyard/types/value.h"

// Events of a partition, as commands, messages between partitions, and what readers see.
namespace switchyard::partition {

struct PublishEvent {
  Document event;  ///< in the form of events/cloud_event.h, valid against its type
  std::string principal;
};
struct Published {
  bool repeated = false;  ///< an event of this source and id was published before
};

/// One event on its way from a partition's outbox to another partition. Complete in itself, so that it may
/// travel over a network.
struct Delivery {
  PartitionId from, to;
  uint64_t after =
      0;  ///< how far the receiver must have taken over (0: nothing yet), else this one is too early
  std::string payload;  ///< the event_received that it is to become
};
/// `from` has taken over what `to` sent, up to `up_to` (one past the offset).
struct Acknowledgement {
  PartitionId from, to;
  uint64_t up_to = 0;
};

/// One request to a webhook.
struct WebhookRequest {
  std::shared_ptr<const events::Webhook> webhook;
  std::string id;  ///< the same for every repetition of the same message
  std::vector<QueuePlace> places;
  uint16_t attempt = 1;
  std::vector<Document> events;
};
struct WebhookOutcome {
  Status status;
  uint16_t http_status = 0;
  int64_t retry_after_us = 0;  ///< the receiver asks for at least this pause
  bool gone = false;           ///< it never wants to hear of it again (410)
};

/// An event that a consumer could not take.
struct DeadLetter {
  std::string id;  ///< "<partition>-<offset>-<index>"
  ConsumerKind kind{};
  std::string name, key;
  std::string code, message;
  uint16_t attempts = 0;
  int64_t died_us = 0;
  Document event;
};
struct DeadLetterFilter {
  std::optional<ConsumerKind> kind;
  std::string name, key, code;         ///< each empty: all
  int64_t since_us = 0, until_us = 0;  ///< when they died, both included; 0: no bound
  size_t limit = 50;                   ///< at most kMaxListLimit
  std::string after;                   ///< an id: only letters after it; empty: from the first
};
/// In the order of their ids: by partition, and there by the place of their event.
struct DeadLetterPage {
  std::vector<DeadLetter> letters;
  std::string next;  ///< `after` of the next page; empty: there is none
};
/// The place and partition an id names. kInvalidArgument "event.bad_letter".
struct LetterId {
  PartitionId partition;
  QueuePlace place;
};
Result<LetterId> parse_letter_id(std::string_view id);

/// What an agent keeps under one key.
struct AgentState {
  std::string agent, key;
  Document state;
  uint64_t version = 0;  ///< counts the writes
  int64_t changed_us = 0;
  RunId run;     ///< that wrote it
  RunId active;  ///< the run that holds the key now; zero: none
  uint64_t queued = 0;
};

/// Counted since the start, but for the last four, which are what is there.
struct EventStats {
  uint64_t published = 0, repeated = 0, received = 0, agent_runs = 0, ticks = 0;
  uint64_t delivered = 0, failed_attempts = 0;
  uint64_t queued = 0, outbox = 0, messages = 0, dead_letters = 0;
};

}  // namespace switchyard::partition
