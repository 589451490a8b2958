#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "switchyard/base/hash.h"
#include "switchyard/document/document.h"
#include "switchyard/expression/program.h"
#include "switchyard/expression/type.h"
#include "switchyard/schema/schema.h"
#include "switchyard/types/diagnostic.h"

// What is deployed about events: their types, and where they are sent.
namespace switchyard::events {

/// Whether a consumer that asks for `pattern` wants events of `type`: the type itself, "order.*" for all that
/// begin with "order.", "*" for all.
bool matches(std::string_view pattern, std::string_view type);
bool matches_any(const std::vector<std::string>& patterns, std::string_view type);
/// Whether `text` can be a pattern.
bool is_pattern(std::string_view text);
/// Whether every event of `pattern` is one of a single type, namely `pattern`.
bool is_exact(std::string_view pattern);

/// One version of a registered event type: what its events' data look like.
struct EventType {
  std::string name, version;
  std::string description;
  schema::SchemaPtr schema;    ///< of `data`
  expression::Type data_type;  ///< the same for expressions; filled in by whoever knows both
  bool any_change = false;     ///< `compatibility: none`
  Sha256 sha256{};
};
/// The active version of an event type, or nullptr when it is not registered.
using EventTypes = std::function<std::shared_ptr<const EventType>(std::string_view type)>;

struct EventTypeOutcome {
  std::shared_ptr<EventType> type;  ///< null when there are errors
  Diagnostics diagnostics;
};
/// Compiles a document `event: order.placed@1.0.0` (docs/events.md).
EventTypeOutcome compile_event_type(const document::Node& document, const std::string& file);

/// Checks an event against its registered type. kInvalidArgument "event.bad_data": the field is a JSON
/// Pointer below `pointer`.
Status check_data(const Value& event, const EventType& type, const std::string& pointer);

/// Where events are sent.
struct Webhook {
  enum class Mode : uint8_t { kStructured, kBinary, kBatch };
  struct Secret {
    enum class From : uint8_t { kNone, kEnvironment, kFile } from = From::kNone;
    std::string name;  ///< of the variable or the file
  };
  std::string name, version, description;
  std::vector<std::string> patterns;
  std::optional<expression::Program> when;  ///< over `event`, slot 0
  std::string url;
  Mode mode = Mode::kStructured;
  Secret secret;
  std::vector<std::pair<std::string, std::string>> headers;
  uint16_t attempts = 12;
  int64_t backoff_first_us = 5'000'000, backoff_max_us = 36'000'000'000;
  int64_t timeout_us = 15'000'000;
  uint32_t batch = 100;            ///< events in one request of kBatch
  std::vector<std::string> reads;  ///< event types whose registered schema `when` was checked with
  Sha256 sha256{};

  /// Whether it wants this event. A filter that fails on an event does not want it.
  bool wants(const Value& event) const;
  /// How long to wait after attempt n (from 1) failed; `spread` in [0, 1).
  int64_t pause_us(uint16_t attempt, double spread) const;
};

struct WebhookOutcome {
  std::shared_ptr<Webhook> webhook;  ///< null when there are errors
  Diagnostics diagnostics;
};
/// Compiles a document `webhook: warehouse@1.0.0` (docs/events.md). `types` may be empty.
WebhookOutcome compile_webhook(const document::Node& document, const std::string& file,
                               const EventTypes& types);

/// What an expression over events of these patterns may know of `event`: typed data when there is one exact
/// type and it is registered. `read`, when given, gets the registered types it relied on.
expression::Type type_of_events(const std::vector<std::string>& patterns, const EventTypes& types,
                                std::vector<std::string>* read);

}  // namespace switchyard::events
