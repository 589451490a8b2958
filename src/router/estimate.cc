#include "estimate.h"

#include <algorithm>

#include "switchyard/models/tensors.h"

namespace switchyard::router {
namespace {

/// Bytes of all text, and some for each number.
int64_t text_bytes(const Value& value) {
  int64_t sum = 0;
  switch (value.kind()) {
    case Kind::kString: return static_cast<int64_t>(value.as_string().size()) + 2;
    case Kind::kBytes: return static_cast<int64_t>(value.as_bytes().size()) * 4 / 3 + 4;
    case Kind::kList:
      for (const Value& item : value.items()) sum += text_bytes(item);
      return sum + 2;
    case Kind::kMap:
      for (const Member& member : value.members()) sum += text_bytes(member.key) + text_bytes(member.value);
      return sum + 2;
    case Kind::kOptional: return value.optional_value() == nullptr ? 0 : text_bytes(*value.optional_value());
    default: return 8;
  }
}

int64_t output_limit(const Value& input) {
  for (const std::string_view name : {"max_completion_tokens", "max_tokens"}) {
    const Value* limit = input.find(name);
    if (limit != nullptr && limit->is(Kind::kInteger) && limit->as_integer() > 0) return limit->as_integer();
  }
  return 0;
}

/// `n` answers are asked for at once.
int64_t answers_asked(const Value& input) {
  const Value* n = input.find("n");
  return n != nullptr && n->is(Kind::kInteger) ? std::clamp<int64_t>(n->as_integer(), 1, 1000) : 1;
}

}  // namespace

Usage worst_usage(const RouteCall& call, const Candidate& candidate, int64_t time_left_us) {
  Usage usage;
  usage.calls = models::rows_asked(*call.input);
  usage.run_us = std::max<int64_t>(time_left_us, 0);
  const PriceTable& prices = candidate.prices;
  const bool by_token = prices.input_tokens.nanos != 0 || prices.output_tokens.nanos != 0;
  usage.input_tokens = call.max_input_tokens;
  usage.output_tokens = call.max_output_tokens;
  // Models without a price per token do not count tokens either: a score is not a text.
  if (usage.input_tokens <= 0) usage.input_tokens = by_token ? text_bytes(*call.input) : 0;
  if (usage.output_tokens <= 0 && by_token) {
    usage.output_tokens = output_limit(*call.input);
    if (usage.output_tokens == 0) usage.output_tokens = prices.max_output_tokens;
    usage.output_tokens *= answers_asked(*call.input);
  }
  return usage;
}

Usage actual_usage(const models::CallOutcome& outcome, const Usage& worst, int64_t took_us, bool* estimated) {
  Usage usage;
  *estimated = false;
  if (outcome.answer.ok()) {
    const models::ModelAnswer& answer = *outcome.answer;
    usage.calls = answer.calls;
    usage.run_us = answer.run_us > 0 ? answer.run_us : took_us;
    usage.input_tokens = answer.usage.input_tokens;
    usage.cached_tokens = answer.usage.cached_tokens;
    usage.output_tokens = answer.usage.output_tokens;
    return usage;
  }
  // Refused, or never seen: nothing was used.
  if (!outcome.may_have_run || (outcome.status >= 400 && outcome.parts == 0)) return usage;
  *estimated = true;
  usage = worst;
  usage.run_us = took_us;
  return usage;
}

}  // namespace switchyard::router
