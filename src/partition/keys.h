#pragma once

#include <string>
#include <string_view>

#include "switchyard/base/hash.h"
#include "switchyard/review/item.h"
#include "switchyard/store/keys.h"
#include "switchyard/workflow/run.h"

// The tables of a partition's state; docs/formats/state.md describes them.
namespace switchyard::partition::keys {

inline constexpr char kRun = 'R';          ///< run → summary, and state while it is not final
inline constexpr char kHot = 'H';          ///< runs that were in memory at the checkpoint
inline constexpr char kIdempotency = 'I';  ///< principal and key → run, request hash
inline constexpr char kTimer = 'T';        ///< due, run: of parked runs
inline constexpr char kReview = 'V';       ///< review → item
inline constexpr char kQueue = 'Q';        ///< queue, urgency: open reviews
inline constexpr char kAttribute = 'A';    ///< attribute, value, run
inline constexpr char kStatus = 'S';       ///< status, run: of parked, failed and cancelled runs
inline constexpr char kBudget = 'B';       ///< scope, day → reviews used
inline constexpr char kOffsets = 'O';      ///< run, chunk → where its earlier events are
inline constexpr char kHold = 'L';         ///< name → legal hold
inline constexpr char kCompacted = 'C';    ///< run → when and by what it was compacted
inline constexpr char kDeleted = 'X';      ///< run → when and by what it was deleted

inline std::string of_id(char table, const RunId& id) {
  std::string key;
  store::KeyWriter(key).tag(table).id(id);
  return key;
}
inline std::string idempotency(std::string_view principal, std::string_view idempotency_key) {
  std::string text;
  store::KeyWriter(text).text(principal).raw(idempotency_key);
  const Sha256 digest = sha256(text);
  std::string key;
  store::KeyWriter(key).tag(kIdempotency).raw({reinterpret_cast<const char*>(digest.data()), 16});
  return key;
}
/// A row of the idempotency table, as retention events name it.
inline std::string idempotency_row(std::string_view sixteen) {
  std::string key;
  store::KeyWriter(key).tag(kIdempotency).raw(sixteen);
  return key;
}
inline std::string offsets(const RunId& run, uint64_t chunk) {
  std::string key;
  store::KeyWriter(key).tag(kOffsets).id(run).u64(chunk);
  return key;
}
inline std::string hold(std::string_view name) {
  std::string key;
  store::KeyWriter(key).tag(kHold).text(name);
  return key;
}
inline std::string timer(int64_t due_us, const RunId& run) {
  std::string key;
  store::KeyWriter(key).tag(kTimer).i64(due_us).id(run);
  return key;
}
inline std::string queue_prefix(std::string_view queue) {
  std::string key;
  store::KeyWriter(key).tag(kQueue).text(queue);
  return key;
}
inline std::string queued(const review::Item& item) {
  return queue_prefix(item.queue) + review::urgency_key(item);
}
inline std::string attribute_prefix(std::string_view name, std::string_view value) {
  std::string key;
  store::KeyWriter(key).tag(kAttribute).text(name).text(value);
  return key;
}
inline std::string status_prefix(workflow::RunStatus status) {
  std::string key;
  store::KeyWriter(key).tag(kStatus).u8(static_cast<uint8_t>(status));
  return key;
}
inline std::string budget(std::string_view scope, int32_t day) {
  std::string key;
  store::KeyWriter(key).tag(kBudget).text(scope).i64(day);
  return key;
}

// Attribute names: what users declare cannot collide with ours.
inline constexpr std::string_view kPipelineAttribute = "pipeline";
inline constexpr std::string_view kKeyAttribute = "key";
inline std::string search_attribute(std::string_view name) { return "search." + std::string(name); }

}  // namespace switchyard::partition::keys
