// /api/v1/reviews: list by urgency, claim, release, answer, comment, escalate, reassign.
#include "surfaces/common.h"

namespace switchyard::gateway {
namespace {

using namespace surfaces;  // NOLINT: the file is a surface

using Reply = partition::Reply<review::Item>;

Reply answer_with_item(std::shared_ptr<Call> call, const Services& services) {
  return [call = std::move(call), &services](Result<review::Item> item) {
    if (!item.ok()) return call->fail(item.error());
    std::string json;
    append_review(*item, services.clock->now_us(), true, json);
    call->answer_json(200, std::move(json));
  };
}

/// The reviewer is the caller; who may manage reviews may also act for somebody named in the body.
Result<std::string> reviewer_of(const Call& call, const Value& body) {
  SY_ASSIGN_OR_RETURN(std::string named, optional_text(body, "reviewer"));
  if (named.empty()) return call.caller.name;
  if (named != call.caller.name && !call.caller.may(Permission::kReviewsManage)) {
    return make_error(ErrorKind::kPermissionDenied, "review.not_yourself",
                      "only an operator may act for another reviewer; leave 'reviewer' out", "reviewer");
  }
  return named;
}

void list_reviews(Call&& call, const Services& services) {
  partition::ReviewFilter filter;
  filter.queue = call.request.query_value("queue").value_or("");
  filter.assigned_to = call.request.query_value("assigned_to").value_or("");
  filter.unclaimed_only = call.request.query_value("unclaimed").value_or("false") == "true";
  const auto limit = query_integer(call.request, "limit", 50, 1, partition::kMaxListLimit);
  if (!limit.ok()) return call.fail(limit.error());
  filter.limit = static_cast<size_t>(*limit);
  auto shared = std::make_shared<Call>(std::move(call));
  services.engine->list_reviews(filter, [shared, &services](Result<std::vector<review::Item>> items) {
    if (!items.ok()) return shared->fail(items.error());
    std::string json = "{\"reviews\":[";
    for (const auto& item : *items) {
      if (json.back() != '[') json += ',';
      append_review(item, services.clock->now_us(), false, json);
    }
    shared->answer_json(200, json + "]}");
  });
}

void get_review(Call&& call, const Services& services) {
  const auto id = path_id(call.request);
  if (!id.ok()) return call.fail(id.error());
  auto shared = std::make_shared<Call>(std::move(call));
  services.engine->get_review(*id, answer_with_item(shared, services));
}

/// Reads id, body and reviewer; `make` sends the command.
void change(Call&& call, const Services& services, std::initializer_list<std::string_view> members,
            const std::function<Status(const RunId&, const Document& body, std::string who, Reply)>& make) {
  const auto id = path_id(call.request);
  if (!id.ok()) return call.fail(id.error());
  const auto body = object_body(call);
  if (!body.ok()) return call.fail(body.error());
  if (const Status known = only_members(body->root(), members); !known.ok()) return call.fail(known.error());
  auto who = reviewer_of(call, body->root());
  if (!who.ok()) return call.fail(who.error());
  auto shared = std::make_shared<Call>(std::move(call));
  const Status sent = make(*id, *body, std::move(*who), answer_with_item(shared, services));
  if (!sent.ok()) shared->fail(sent.error());
}

void claim_review(Call&& call, const Services& services) {
  change(std::move(call), services, {"reviewer", "lease_seconds"},
         [&](const RunId& id, const Document& body, std::string who, Reply reply) -> Status {
           SY_ASSIGN_OR_RETURN(const int64_t seconds, optional_integer(body.root(), "lease_seconds",
                                                                       review::kDefaultLeaseUs / 1'000'000));
           if (seconds < 1 || seconds > review::kMaxLeaseUs / 1'000'000) {
             return make_error(ErrorKind::kInvalidArgument, "review.bad_lease",
                               "a claim may last from 1 second to 8 hours", "lease_seconds");
           }
           services.engine->claim_review({id, std::move(who), seconds * 1'000'000}, std::move(reply));
           return {};
         });
}

void release_review(Call&& call, const Services& services) {
  const bool is_operator = call.caller.may(Permission::kReviewsManage);
  change(std::move(call), services, {"reviewer"},
         [&](const RunId& id, const Document&, std::string who, Reply reply) -> Status {
           services.engine->release_review({id, std::move(who), is_operator}, std::move(reply));
           return {};
         });
}

void answer_review(Call&& call, const Services& services) {
  change(std::move(call), services, {"reviewer", "answer"},
         [&](const RunId& id, const Document& body, std::string who, Reply reply) -> Status {
           const Value* answer = body->find("answer");
           if (answer == nullptr)
             return make_error(ErrorKind::kInvalidArgument, "request.missing",
                               "the member 'answer' is missing", "answer");
           services.engine->answer_review({id, std::move(who), Document(body.arena(), *answer)},
                                          std::move(reply));
           return {};
         });
}

void comment_review(Call&& call, const Services& services) {
  change(std::move(call), services, {"reviewer", "text"},
         [&](const RunId& id, const Document& body, std::string who, Reply reply) -> Status {
           SY_ASSIGN_OR_RETURN(std::string text, text_member(body.root(), "text"));
           services.engine->comment_review({id, std::move(who), std::move(text)}, std::move(reply));
           return {};
         });
}

void escalate_review(Call&& call, const Services& services) {
  change(std::move(call), services, {"queue", "why"},
         [&](const RunId& id, const Document& body, std::string who, Reply reply) -> Status {
           SY_ASSIGN_OR_RETURN(std::string queue, text_member(body.root(), "queue"));
           SY_ASSIGN_OR_RETURN(std::string why, optional_text(body.root(), "why"));
           services.engine->escalate_review({id, std::move(who), std::move(queue), std::move(why)},
                                            std::move(reply));
           return {};
         });
}

void reassign_review(Call&& call, const Services& services) {
  change(std::move(call), services, {"to"},
         [&](const RunId& id, const Document& body, std::string who, Reply reply) -> Status {
           SY_ASSIGN_OR_RETURN(std::string to, optional_text(body.root(), "to"));
           services.engine->reassign_review({id, std::move(who), std::move(to)}, std::move(reply));
           return {};
         });
}

}  // namespace

void add_reviews(Gateway& gateway, const Services& services) {
  const Operations on(gateway, services);
  on("GET /api/v1/reviews", "list_reviews", Permission::kReviewsRead, list_reviews);
  on("GET /api/v1/reviews/{id}", "get_review", Permission::kReviewsRead, get_review);
  on("POST /api/v1/reviews/{id}/claim", "claim_review", Permission::kReviewsAnswer, claim_review);
  on("POST /api/v1/reviews/{id}/release", "release_review", Permission::kReviewsAnswer, release_review);
  on("POST /api/v1/reviews/{id}/answer", "answer_review", Permission::kReviewsAnswer, answer_review);
  on("POST /api/v1/reviews/{id}/comment", "comment_review", Permission::kReviewsAnswer, comment_review);
  on("POST /api/v1/reviews/{id}/escalate", "escalate_review", Permission::kReviewsManage, escalate_review);
  on("POST /api/v1/reviews/{id}/reassign", "reassign_review", Permission::kReviewsManage, reassign_review);
}

}  // namespace switchyard::gateway
