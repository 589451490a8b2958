#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/types/events.h"
#include "switchyard/types/ids.h"
#include "switchyard/types/value.h"

namespace switchyard::review {

/// Numbers are on disk.
enum class ItemStatus : uint8_t { kOpen = 0, kClaimed = 1, kAnswered = 2, kClosed = 3 };
std::string_view item_status_name(ItemStatus status);

struct Comment {
  std::string who, text;
  int64_t at_us = 0;
};

/// One question put to people: what its events fold to.
struct Item {
  RunId id;
  RunId run;
  uint16_t step = 0;
  uint32_t frame = 0;  ///< with `step`: which instance of it asks
  ItemStatus status = ItemStatus::kOpen;
  std::string queue, title, pipeline, step_name;
  std::string form;  ///< canonical JSON Schema of the answer
  Document show;     ///< map: name → value
  int32_t priority = 50;
  int64_t created_us = 0;
  int64_t due_us = 0;      ///< 0: none
  std::string claimed_by;  ///< kClaimed
  int64_t claimed_us = 0;
  int64_t claim_until_us = 0;
  std::string assigned_to;  ///< only this reviewer may claim it; empty: anybody
  std::vector<Comment> comments;
  uint16_t escalations = 0;
  std::string ended_by, ended_why;
  int64_t ended_us = 0;
  Document answer;  ///< kAnswered

  bool open() const { return status == ItemStatus::kOpen || status == ItemStatus::kClaimed; }
  /// Whether somebody's claim holds at `now_us`.
  bool claimed_at(int64_t now_us) const { return status == ItemStatus::kClaimed && now_us < claim_until_us; }
};

/// A new item from its first event.
Item make_item(const Event& event, const ReviewRequested& request);
/// Folds a later review event. Pure. An event that does not fit is a CHECK failure.
void apply(Item& item, const Event& event);

/// Whether the transition is allowed now; kConflict "review.*" names who has the item or how it ended.
Status can_claim(const Item& item, std::string_view who, int64_t now_us);
/// `who` must hold the claim. An expired claim nobody else took still counts.
Status can_answer(const Item& item, std::string_view who, int64_t now_us);
Status can_release(const Item& item, std::string_view who, bool is_operator, int64_t now_us);
Status can_change(const Item& item);

/// The stored form (docs/formats/state.md).
void encode_item(const Item& item, std::string& out);
Result<Item> decode_item(const RunId& id, std::string_view bytes);

/// The key under which an open item stands in its queue: highest priority first, then earliest due, then
/// oldest.
std::string urgency_key(const Item& item);

/// The longest a claim may last, and its default.
inline constexpr int64_t kMaxLeaseUs = 8LL * 3600 * 1'000'000;
inline constexpr int64_t kDefaultLeaseUs = 10LL * 60 * 1'000'000;
inline constexpr size_t kMaxComments = 200;
inline constexpr size_t kMaxCommentBytes = 4096;

}  // namespace switchyard::review
