#pragma once

#include <span>

#include "switchyard/base/arena.h"
#include "switchyard/base/result.h"
#include "switchyard/workflow/interpreter.h"
#include "switchyard/workflow/pipeline.h"
#include "switchyard/workflow/run.h"

namespace switchyard::workflow {

/// The value of a template; keys are views of the pipeline's own text. The error's field says where in the
/// template.
Result<Value> evaluate(const Template& text, std::span<const Value> slots, Arena& arena);

/// A condition; kUnprocessable when it does not give a bool.
Result<bool> evaluate_condition(const expression::Program& program, std::span<const Value> slots,
                                Arena& arena);
Result<std::string_view> evaluate_text(const expression::Program& program, std::span<const Value> slots,
                                       Arena& arena);

/// Whether and why a person is needed. `uses_budget`: the answer consumes one review of the day's budget.
struct TriageOutcome {
  Value result;
  bool uses_budget = false;
};
Result<TriageOutcome> evaluate_triage(const RunState& run, const Frame& frame, const Step& step, Host& host,
                                      int64_t now_us);
/// The name under which a triage's budget is counted.
std::string budget_scope(const RunState& run, const Step& step);
inline int32_t day_of(int64_t time_us) { return static_cast<int32_t>(time_us / 86'400'000'000); }

/// A number in [0, 1) that depends on the run's seed, the frame's id and `purpose` alone.
double seeded_uniform(const RunState& run, const Frame& frame, std::string_view purpose, uint32_t counter);

/// A seed that depends on the run's seed, the frame's id and `purpose` alone.
uint64_t seed_of(const RunState& run, const Frame& frame, std::string_view purpose);

/// An amount of money: a number of at least 0; else kUnprocessable "workflow.bad_amount".
Result<double> evaluate_amount(const expression::Program& program, std::span<const Value> slots,
                               Arena& arena);

Result<HttpCall> prepare_http(const Frame& frame, const HttpSpec& spec);

/// A review step's first event.
Result<ReviewRequested> prepare_review(const RunState& run, const Frame& frame, const Step& step,
                                       RunId review, int64_t now_us);

/// Seconds and nanoseconds as CEL's timestamp.
inline Value timestamp_value(int64_t us) {
  return Value::timestamp(us / 1'000'000, static_cast<int32_t>(us % 1'000'000) * 1000);
}

}  // namespace switchyard::workflow
