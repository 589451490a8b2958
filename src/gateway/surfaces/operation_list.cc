#include "surfaces/operation_list.h"

namespace switchyard::gateway::surfaces {

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
