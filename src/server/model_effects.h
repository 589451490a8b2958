#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "switchyard/runtime/clock.h"
#include "switchyard/workflow/interpreter.h"

// How the effects of steps that ask models are carried out, whatever answers for a model.
namespace switchyard::server {

using EffectDone = std::function<void(workflow::EffectResult)>;
/// Asks the model or route of `call` about `input` until `deadline_us` of the wall clock; calls `done` once,
/// on any thread, perhaps within this call. The meta tells how the answer came about, `cost` included.
using Infer = std::function<void(const workflow::ModelCall& call, const Document& input, int64_t deadline_us,
                                 EffectDone done)>;

/// The answer to a model call. With a prompt: a chat request made of it, asked again with the fault named
/// where the prompt says so; the meta has all attempts under `prompt`, what they cost together, and how the
/// calls before the last went under `earlier_calls`.
void ask_model(const workflow::ModelCall& call, int64_t deadline_us, const Infer& infer, EffectDone done);

/// The result of an ensemble or a cascade. `clock` outlives the call.
void ask_panel(const workflow::EffectRequest& request, const runtime::Clock& clock, Infer infer,
               EffectDone done);

}  // namespace switchyard::server
