#pragma once

#include <string>

#include "candidate_state.h"
#include "core.h"
#include "switchyard/models/caller.h"

// Who may be asked, and what follows from an answer for the next call: of candidates, and of the models that
// caches use.
namespace switchyard::router {

/// Why the model may not be asked now: "killed: ...", "cooling", "open", "saturated". Empty: it may, and one
/// leave() with the ticket is owed.
std::string admit(Core& core, const Route& route, const Candidate& candidate, CandidateState& state,
                  int32_t priority, CircuitBreaker::Ticket* ticket);

/// How the call counts for who was asked.
CandidateState::End end_of(const models::CallOutcome& outcome);

/// Leaves a version alone that asked for it, or is out of credit.
void heed(Core& core, const models::ModelName& model, const models::CallOutcome& outcome, int64_t now_us);

}  // namespace switchyard::router
