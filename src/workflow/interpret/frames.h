#pragma once

#include <memory>

#include "switchyard/workflow/run.h"

// What folding and interpreting share about frames.
namespace switchyard::workflow {

/// The list (or map) a for_each goes through: evaluated once, from what its frame sees. nullptr when it
/// cannot be evaluated. Requires an open for_each.
const Value* container_items(RunState& run, StepAddress at);
uint32_t item_count(const Value& items);

/// { kind, code, message, field }: `error` of a catch clause.
Value error_value(const RunError& error, Arena& arena);
/// { status, error? }: `outcome` of the pipeline's `finally`.
Value outcome_value(const RunState& run, Arena& arena);

/// `run`: what expressions may know of the run itself. Built only for pipelines that read it.
Value run_facts(const RunState& run, Arena& arena);

/// `state`: what the agent kept under the run's key when it started.
Value pinned_state(const RunState& run);

/// An arena of a nested frame, which keeps the one of the frame around it.
std::shared_ptr<Arena> nested_arena(std::shared_ptr<Arena> outer);

/// The value under which expressions see a step of `frame`.
void set_slot(RunState& run, Frame& frame, StepIndex index);
/// Everything of a frame that is not folded: slots, open needs, ready steps.
void fill_slots(RunState& run, Frame& frame);

}  // namespace switchyard::workflow
