#include "switchyard/review/item.h"

#include "switchyard/store/keys.h"
#include "switchyard/types/value_codec.h"

namespace switchyard::review {
namespace {

// Version 1 knew no frames.
constexpr uint8_t kRecordVersion = 2;

struct Applier {
  Item& item;
  const Event& event;

  void operator()(const ReviewClaimed& e) const {
    item.status = ItemStatus::kClaimed;
    // Extending one's own claim does not restart the time worked.
    if (item.claimed_by != e.who) item.claimed_us = event.time_us;
    item.claimed_by = e.who;
    item.claim_until_us = e.until_us;
  }
  void operator()(const ReviewReleased&) const { unclaim(); }
  void operator()(const ReviewCommented& e) const {
    item.comments.push_back({std::string(e.who), std::string(e.text), event.time_us});
  }
  void operator()(const ReviewAnswered& e) const {
    item.status = ItemStatus::kAnswered;
    item.answer = make_document(e.answer);
    end(e.who, "answered");
  }
  void operator()(const ReviewEscalated& e) const {
    unclaim();
    item.queue = e.queue;
    item.due_us = e.due_us;
    item.assigned_to.clear();
    ++item.escalations;
  }
  void operator()(const ReviewReassigned& e) const {
    unclaim();
    item.assigned_to = e.to;
  }
  void operator()(const ReviewClosed& e) const {
    item.status = ItemStatus::kClosed;
    end("", e.why);
  }
  template <typename Other>
  void operator()(const Other&) const {
    SY_CHECK(false);
  }

 private:
  void unclaim() const {
    item.status = ItemStatus::kOpen;
    item.claimed_by.clear();
    item.claimed_us = item.claim_until_us = 0;
  }
  void end(std::string_view who, std::string_view why) const {
    item.ended_by = who;
    item.ended_why = why;
    item.ended_us = event.time_us;
  }
};

Error conflict(const char* code, std::string message) {
  return make_error(ErrorKind::kConflict, code, std::move(message));
}

}  // namespace

std::string_view item_status_name(ItemStatus status) {
  switch (status) {
    case ItemStatus::kOpen: return "open";
    case ItemStatus::kClaimed: return "claimed";
    case ItemStatus::kAnswered: return "answered";
    case ItemStatus::kClosed: return "closed";
  }
  return "unknown";
}

Item make_item(const Event& event, const ReviewRequested& request) {
  Item item;
  item.id = request.review;
  item.run = event.run;
  item.step = event.step;
  item.frame = event.frame;
  item.queue = request.queue;
  item.title = request.title;
  item.pipeline = request.pipeline;
  item.step_name = request.step_name;
  item.form = request.form;
  item.show = make_document(request.show);
  item.priority = request.priority;
  item.created_us = event.time_us;
  item.due_us = request.due_us;
  return item;
}

void apply(Item& item, const Event& event) {
  SY_CHECK(item.open());
  std::visit(Applier{item, event}, event.body);
}

Status can_change(const Item& item) {
  if (item.open()) return {};
  return conflict("review.ended", "the review is over: " + item.ended_why +
                                      (item.ended_by.empty() ? "" : " by " + item.ended_by));
}

Status can_claim(const Item& item, std::string_view who, int64_t now_us) {
  SY_RETURN_IF_ERROR(can_change(item));
  if (item.claimed_at(now_us) && item.claimed_by != who) {
    return conflict(
        "review.claimed",
        item.claimed_by + " has claimed this review; take another one, or wait until the claim ends");
  }
  if (!item.assigned_to.empty() && item.assigned_to != who) {
    return make_error(ErrorKind::kPermissionDenied, "review.assigned",
                      "the review is assigned to " + item.assigned_to);
  }
  return {};
}

Status can_answer(const Item& item, std::string_view who, int64_t now_us) {
  SY_RETURN_IF_ERROR(can_change(item));
  if (item.status == ItemStatus::kClaimed && item.claimed_by == who) return {};
  if (item.claimed_at(now_us)) {
    return conflict("review.claimed",
                    item.claimed_by + " has claimed this review; only the claimant may answer");
  }
  return conflict("review.not_claimed",
                  "claim the review before answering it: another reviewer may be at work");
}

Status can_release(const Item& item, std::string_view who, bool is_operator, int64_t now_us) {
  SY_RETURN_IF_ERROR(can_change(item));
  if (item.status != ItemStatus::kClaimed)
    return conflict("review.not_claimed", "nobody has claimed this review");
  if (item.claimed_by != who && !is_operator && item.claimed_at(now_us)) {
    return make_error(ErrorKind::kPermissionDenied, "review.claimed",
                      "only " + item.claimed_by + " or an operator may release this review");
  }
  return {};
}

void encode_item(const Item& item, std::string& text) {
  ByteWriter out(text);
  out.u8(kRecordVersion);
  out.raw(item.run.view());
  out.varint(item.step);
  out.varint(item.frame);
  out.u8(static_cast<uint8_t>(item.status));
  for (const auto* s : {&item.queue, &item.title, &item.pipeline, &item.step_name, &item.form,
                        &item.claimed_by, &item.assigned_to, &item.ended_by, &item.ended_why}) {
    out.bytes(*s);
  }
  encode_value(item.show.root(), out);
  out.svarint(item.priority);
  for (const int64_t us : {item.created_us, item.due_us, item.claimed_us, item.claim_until_us, item.ended_us})
    out.svarint(us);
  out.varint(item.escalations);
  out.varint(item.comments.size());
  for (const Comment& comment : item.comments) {
    out.bytes(comment.who);
    out.bytes(comment.text);
    out.svarint(comment.at_us);
  }
  encode_value(item.answer.root(), out);
}

Result<Item> decode_item(const RunId& id, std::string_view bytes) {
  auto arena = std::make_shared<Arena>(bytes.size() + 256);
  ByteReader in(bytes);
  Item item;
  item.id = id;
  const uint8_t version = in.u8();
  if (version == 0 || version > kRecordVersion) in.fail();
  if (const auto run = in.raw(16); run.size() == 16) item.run = RunId::from_bytes(run);
  item.step = static_cast<uint16_t>(in.varint());
  if (version > 1) item.frame = static_cast<uint32_t>(in.varint());
  item.status = static_cast<ItemStatus>(in.u8());
  for (auto* s : {&item.queue, &item.title, &item.pipeline, &item.step_name, &item.form, &item.claimed_by,
                  &item.assigned_to, &item.ended_by, &item.ended_why}) {
    *s = in.bytes();
  }
  const Value show = decode_value(in, *arena);
  item.priority = static_cast<int32_t>(in.svarint());
  for (auto* us : {&item.created_us, &item.due_us, &item.claimed_us, &item.claim_until_us, &item.ended_us})
    *us = in.svarint();
  item.escalations = static_cast<uint16_t>(in.varint());
  const uint64_t comments = in.varint();
  for (uint64_t i = 0; in.ok() && i < comments; ++i) {
    Comment comment;
    comment.who = in.bytes();
    comment.text = in.bytes();
    comment.at_us = in.svarint();
    item.comments.push_back(std::move(comment));
  }
  const Value answer = decode_value(in, *arena);
  if (!in.ok())
    return make_error(ErrorKind::kCorruption, "review.corrupt_item",
                      "the stored review " + id.to_string() + " cannot be read");
  item.show = Document(arena, show);
  item.answer = Document(arena, answer);
  return item;
}

std::string urgency_key(const Item& item) {
  std::string key;
  store::KeyWriter writer(key);
  writer.descending_i64(item.priority);
  writer.i64(item.due_us == 0 ? INT64_MAX : item.due_us);
  writer.i64(item.created_us);
  writer.id(item.id);
  return key;
}

}  // namespace switchyard::review
