#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/workflow/interpreter.h"
#include "switchyard/workflow/limits.h"
#include "switchyard/workflow/run.h"

// Signals: what people and programs tell one run, by name. A run keeps what no step has taken yet; each is
// taken once, by the first step that listens to its name and wants it.
namespace switchyard::workflow {

/// What `payload` is as the pipeline's signal of that name has it. kUnprocessable "signal.unknown" names
/// those that the pipeline listens to, "signal.bad_payload" the member that does not fit (`field`:
/// "payload/amount").
Result<Value> check_signal(const Pipeline& pipeline, std::string_view name, const Value& payload,
                           Arena& arena);

/// Whether the run has room for one more. kResourceExhausted "signal.too_many", kTooLarge "signal.too_large".
Status signal_fits(const RunState& run, const Value& payload);

/// Records the signal and gives it to a step that waits for it. `signal.payload` is as check_signal() gave it
/// and lives in the run's arena. False: it is over the log's payload limit, and nothing happened. Requires:
/// the run is not final.
bool receive_signal(RunState& run, const SignalReceived& signal, Host& host, int64_t now_us);

/// Lets steps that wait take what waits for them; nothing while the run is paused. False: nothing was taken.
/// Only after a log that broke off is there something to take when neither a signal came nor the run went on.
bool offer_signals(RunState& run, Host& host, int64_t now_us);

}  // namespace switchyard::workflow
