// Commands and queries on reviews.
#include <algorithm>

#include "keys.h"
#include "switchyard/partition/state_machine.h"

namespace switchyard::partition {
namespace {

Status check_person(std::string_view who, const char* field) {
  if (!who.empty() && who.size() <= kMaxKeyBytes) return {};
  return make_error(ErrorKind::kInvalidArgument, "review.bad_name", "a name of 1 to 256 bytes is needed",
                    field);
}

}  // namespace

void StateMachine::fold_review(const Event& event) {
  if (const auto* request = std::get_if<ReviewRequested>(&event.body)) {
    ++stats_.open_reviews;
    return put_review(review::make_item(event, *request), nullptr);
  }
  RunId id;
  std::visit(
      [&id](const auto& body) {
        if constexpr (requires { body.review; }) id = body.review;
      },
      event.body);
  auto item = find_review(id);
  SY_CHECK(item.ok() && item->has_value());
  review::Item after = **item;
  review::apply(after, event);
  if (!after.open() && stats_.open_reviews > 0) --stats_.open_reviews;
  put_review(after, &**item);
}

void StateMachine::put_review(const review::Item& item, const review::Item* before) {
  std::string bytes;
  review::encode_item(item, bytes);
  environment_.store->put(keys::of_id(keys::kReview, item.id), bytes);
  const std::string queued = item.open() ? keys::queued(item) : std::string();
  const std::string was = before != nullptr && before->open() ? keys::queued(*before) : std::string();
  if (queued == was) return;
  if (!was.empty()) environment_.store->erase(was);
  if (!queued.empty()) environment_.store->put(queued, {});
}

Result<std::optional<review::Item>> StateMachine::find_review(const RunId& id) {
  std::string bytes;
  SY_ASSIGN_OR_RETURN(const bool found, environment_.store->get(keys::of_id(keys::kReview, id), bytes));
  if (!found) return std::optional<review::Item>();
  SY_ASSIGN_OR_RETURN(review::Item item, review::decode_item(id, bytes));
  return std::optional<review::Item>(std::move(item));
}

Result<review::Item> StateMachine::review(const RunId& id) {
  SY_ASSIGN_OR_RETURN(std::optional<review::Item> item, find_review(id));
  if (!item.has_value())
    return make_error(ErrorKind::kNotFound, "review.unknown", "there is no review " + id.to_string(), "id");
  return std::move(*item);
}

Result<review::Item> StateMachine::change_review(const RunId& id,
                                                 const std::function<Status(const review::Item&)>& allowed,
                                                 const std::function<EventBody(const review::Item&)>& make,
                                                 int64_t now_us) {
  refresh_catalog();
  SY_ASSIGN_OR_RETURN(const review::Item item, review(id));
  SY_RETURN_IF_ERROR(allowed(item));
  SY_ASSIGN_OR_RETURN(HotRun* const run, find_run(item.run));
  const bool recorded = emit(*run->state, Event{item.run, item.step, now_us, make(item), item.frame});
  rest(item.run, now_us);
  if (!recorded)
    return make_error(ErrorKind::kTooLarge, "review.too_large",
                      "the text is larger than one record of the log may be");
  return review(id);
}

Result<review::Item> StateMachine::claim(const ClaimReview& command, int64_t now_us) {
  SY_RETURN_IF_ERROR(check_person(command.who, "reviewer"));
  if (command.lease_us <= 0 || command.lease_us > review::kMaxLeaseUs) {
    return make_error(ErrorKind::kInvalidArgument, "review.bad_lease",
                      "a claim may last from 1 second to 8 hours", "lease_seconds");
  }
  return change_review(
      command.review, [&](const review::Item& item) { return review::can_claim(item, command.who, now_us); },
      [&](const review::Item&) -> EventBody {
        return ReviewClaimed{command.review, command.who, now_us + command.lease_us};
      },
      now_us);
}

Result<review::Item> StateMachine::release(const ReleaseReview& command, int64_t now_us) {
  SY_RETURN_IF_ERROR(check_person(command.who, "reviewer"));
  return change_review(
      command.review,
      [&](const review::Item& item) {
        return review::can_release(item, command.who, command.is_operator, now_us);
      },
      [&](const review::Item&) -> EventBody {
        return ReviewReleased{command.review, command.who};
      },
      now_us);
}

Result<review::Item> StateMachine::comment(const CommentReview& command, int64_t now_us) {
  SY_RETURN_IF_ERROR(check_person(command.who, "reviewer"));
  if (command.text.empty() || command.text.size() > review::kMaxCommentBytes) {
    return make_error(ErrorKind::kInvalidArgument, "review.bad_comment", "a comment has 1 to 4096 bytes",
                      "text");
  }
  return change_review(
      command.review,
      [&](const review::Item& item) -> Status {
        if (item.comments.size() < review::kMaxComments) return review::can_change(item);
        return make_error(ErrorKind::kTooLarge, "review.too_many_comments",
                          "a review may have at most 200 comments");
      },
      [&](const review::Item&) -> EventBody {
        return ReviewCommented{command.review, command.who, command.text};
      },
      now_us);
}

Result<review::Item> StateMachine::escalate(const EscalateReview& command, int64_t now_us) {
  SY_RETURN_IF_ERROR(check_person(command.who, "who"));
  SY_RETURN_IF_ERROR(check_person(command.queue, "queue"));
  return change_review(
      command.review, [](const review::Item& item) { return review::can_change(item); },
      [&](const review::Item& item) -> EventBody {
        return ReviewEscalated{command.review, command.who, command.queue, command.why, item.due_us};
      },
      now_us);
}

Result<review::Item> StateMachine::reassign(const ReassignReview& command, int64_t now_us) {
  SY_RETURN_IF_ERROR(check_person(command.who, "who"));
  if (!command.to.empty()) SY_RETURN_IF_ERROR(check_person(command.to, "to"));
  return change_review(
      command.review, [](const review::Item& item) { return review::can_change(item); },
      [&](const review::Item&) -> EventBody {
        return ReviewReassigned{command.review, command.who, command.to};
      },
      now_us);
}

Result<review::Item> StateMachine::answer(const AnswerReview& command, int64_t now_us) {
  refresh_catalog();
  SY_RETURN_IF_ERROR(check_person(command.who, "reviewer"));
  SY_ASSIGN_OR_RETURN(const review::Item item, review(command.review));
  SY_RETURN_IF_ERROR(review::can_answer(item, command.who, now_us));
  SY_ASSIGN_OR_RETURN(HotRun* const run, find_run(item.run));
  workflow::RunState& state = *run->state;
  const auto& spec = std::get<workflow::ReviewSpec>(state.pipeline->steps[item.step].spec);
  // The interpreter copies it to where it stays.
  Arena arena;
  Value value = copy_value(command.answer.root(), arena);
  if (spec.form != nullptr) {
    auto normal = spec.form->normalize(value, arena);
    if (!normal.ok()) {
      rest(item.run, now_us);
      Error error = std::move(normal).error();
      return make_error(ErrorKind::kUnprocessable, "review.bad_answer",
                        "the answer does not fit the form: " + error.message, error.field);
    }
    value = *normal;
  }
  if (!value.is(Kind::kMap)) {
    rest(item.run, now_us);
    return make_error(ErrorKind::kUnprocessable, "review.bad_answer",
                      "an answer is an object with the fields of the form", "answer");
  }
  ReviewAnswered body;
  body.review = item.id;
  body.who = command.who;
  body.answer = value;
  body.claimed_us = item.claimed_us;
  const bool recorded = emit(state, Event{item.run, item.step, now_us, body, item.frame});
  if (recorded)
    workflow::complete_review(state, {item.frame, StepIndex(item.step)}, value, command.who, *this, now_us);
  rest(item.run, now_us);
  if (!recorded)
    return make_error(ErrorKind::kTooLarge, "review.too_large",
                      "the answer is larger than one record of the log may be");
  return review(item.id);
}

Result<std::vector<review::Item>> StateMachine::reviews(const ReviewFilter& filter, int64_t now_us) {
  struct Candidate {
    std::string urgency;
    RunId id;
  };
  std::vector<Candidate> candidates;
  const std::string prefix =
      filter.queue.empty() ? std::string(1, keys::kQueue) : keys::queue_prefix(filter.queue);
  SY_RETURN_IF_ERROR(environment_.store->scan(
      store::Range::prefix(prefix), {.limit = kMaxListScan}, [&](std::string_view key, std::string_view) {
        store::KeyReader reader(key.substr(1));
        reader.text();
        const std::string_view urgency = reader.rest();
        candidates.push_back({std::string(urgency), RunId::from_bytes(urgency.substr(urgency.size() - 16))});
        return true;
      }));
  std::sort(candidates.begin(), candidates.end(),
            [](const Candidate& a, const Candidate& b) { return a.urgency < b.urgency; });
  std::vector<review::Item> items;
  for (const Candidate& candidate : candidates) {
    if (items.size() >= std::min(filter.limit, kMaxListLimit)) break;
    SY_ASSIGN_OR_RETURN(std::optional<review::Item> item, find_review(candidate.id));
    if (!item.has_value()) continue;
    if (filter.unclaimed_only && item->claimed_at(now_us)) continue;
    if (!filter.assigned_to.empty() && !item->assigned_to.empty() && item->assigned_to != filter.assigned_to)
      continue;
    items.push_back(std::move(*item));
  }
  return items;
}

}  // namespace switchyard::partition
