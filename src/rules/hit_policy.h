#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::rules {

/// How many rules may hit, and what the table gives then (OMG DMN 1.4 section 8.2.10).
enum class HitPolicy { kUnique, kFirst, kPriority, kAny, kCollect };
/// What `collect` makes of the hits.
enum class Aggregation { kNone, kSum, kMin, kMax, kCount };

std::optional<HitPolicy> parse_hit_policy(std::string_view name);
std::optional<Aggregation> parse_aggregation(std::string_view name);
/// The words that the two understand.
std::vector<std::string> hit_policy_names();
std::vector<std::string> aggregation_names();

}  // namespace switchyard::rules
