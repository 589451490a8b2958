#include "hit_policy.h"

namespace switchyard::rules {

std::optional<HitPolicy> parse_hit_policy(std::string_view name) {
  if (name == "unique") return HitPolicy::kUnique;
  if (name == "first") return HitPolicy::kFirst;
  if (name == "priority") return HitPolicy::kPriority;
  if (name == "any") return HitPolicy::kAny;
  if (name == "collect") return HitPolicy::kCollect;
  return std::nullopt;
}

std::optional<Aggregation> parse_aggregation(std::string_view name) {
  if (name == "none") return Aggregation::kNone;
  if (name == "sum") return Aggregation::kSum;
  if (name == "min") return Aggregation::kMin;
  if (name == "max") return Aggregation::kMax;
  if (name == "count") return Aggregation::kCount;
  return std::nullopt;
}

std::vector<std::string> hit_policy_names() { return {"unique", "first", "priority", "any", "collect"}; }

std::vector<std::string> aggregation_names() { return {"none", "sum", "min", "max", "count"}; }

}  // namespace switchyard::rules
