#include "surfaces/operation_list.h"

namespace switchyard::gateway::surfaces {

std::string kept_state(const OperationState& operation, const std::string& told) {
  std::string json;
  JsonObject object(json);
  object.text("who", operation.who);
  object.raw("request") += operation.request;
  object.raw("told") += told;
  std::string& page = object.raw("page");
  page += '[';
  for (const PlannedRun& planned : operation.page) {
    if (page.back() != '[') page += ',';
    JsonObject(page).text("id", planned.run.to_string()).text("version", planned.version).close();
  }
  page += ']';
  if (operation.before.has_value()) object.text("before", operation.before->to_string());
  object.boolean("last", operation.last).close();
  return json;
}

bool read_kept_state(const Value& state, OperationState& operation) {
  if (!state.is(Kind::kMap)) return false;
  const Value *request = state.find("request"), *told = state.find("told"), *page = state.find("page"),
              *last = state.find("last");
  if (request == nullptr || told == nullptr || !told->is(Kind::kMap) || page == nullptr ||
      !page->is(Kind::kList) || last == nullptr || !last->is(Kind::kBool))
    return false;
  operation.who = text_of(state, "who");
  operation.request = to_json(*request);
  operation.status = text_of(*told, "status");
  operation.error = text_of(*told, "error");
  operation.matched = static_cast<uint64_t>(number_of(*told, "matched"));
  for (const Value& planned : page->items()) {
    if (!planned.is(Kind::kMap)) return false;
    const auto run = RunId::parse(text_of(planned, "id"));
    if (!run.ok()) return false;
    operation.page.push_back({*run, text_of(planned, "version")});
  }
  if (const std::string before = text_of(state, "before"); !before.empty()) {
    const auto run = RunId::parse(before);
    if (!run.ok()) return false;
    operation.before = *run;
  }
  operation.last = last->as_bool();
  return true;
}

std::string text_of(const Value& object, std::string_view name) {
  const Value* member = object.find(name);
  return member != nullptr && member->is(Kind::kString) ? std::string(member->as_string()) : std::string();
}

int64_t number_of(const Value& object, std::string_view name) {
  const Value* member = object.find(name);
  return member != nullptr && member->is(Kind::kInteger) ? member->as_integer() : 0;
}

Result<Document> operation_body(const Call& call) {
  if (call.request.body().size() > kMaxOperationBytes)
    return make_error(ErrorKind::kTooLarge, "request.too_large",
                      "the request may have at most " + std::to_string(kMaxOperationBytes) + " bytes");
  return object_body(call);
}

Status read_run_filter(const Value& wanted, partition::RunFilter& filter) {
  SY_ASSIGN_OR_RETURN(filter.key, optional_text(wanted, "key"));
  SY_ASSIGN_OR_RETURN(const std::string status, optional_text(wanted, "status"));
  if (!status.empty()) {
    SY_ASSIGN_OR_RETURN(filter.status, workflow::parse_run_status(status));
  }
  const Value* search = wanted.find("search");
  if (search == nullptr) return {};
  if (!search->is(Kind::kMap))
    return make_error(ErrorKind::kInvalidArgument, "request.bad_type", "'search' must be an object",
                      "filter.search");
  for (const Member& member : search->members()) {
    filter.search.emplace_back(member.key.as_string(), member.value.is(Kind::kString)
                                                           ? std::string(member.value.as_string())
                                                           : to_json(member.value));
  }
  return {};
}

Status check_operation_limit(int64_t limit) {
  if (limit >= 1 && limit <= kMaxBulkDecisions) return {};
  return make_error(ErrorKind::kInvalidArgument, "request.bad_number",
                    "'limit' is a number from 1 to " + std::to_string(kMaxBulkDecisions), "limit");
}

}  // namespace switchyard::gateway::surfaces
