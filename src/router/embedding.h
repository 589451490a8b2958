#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cache.h"
#include "call_record.h"
#include "core.h"
#include "route_state.h"

namespace switchyard::router {

/// A call of the model that embeds texts for a route's semantic cache.
struct EmbeddingCall {
  std::shared_ptr<Core> core;
  std::shared_ptr<const RouteState> state;  ///< of a route with a semantic cache
  Document input;                           ///< embedding_input()
  Usage worst;                              ///< worst_embedding()
  int64_t deadline_us = 0;                  ///< monotonic
  std::string idempotency_key, trace;
  int32_t priority = kDefaultPriority;
  std::vector<Charge> charges;
  std::string currency;
};

struct EmbeddingEnd {
  std::shared_ptr<const UnitVector> vector;  ///< null: the record says why there is none
  EmbeddingRecord record;
};

/// `{ input: text }`.
Document embedding_input(std::string_view text);
/// The most an embedding can use.
Usage worst_embedding(const Document& input, const Candidate& embedder, int64_t time_left_us);

/// Sets the money aside, asks, settles. Calls `done` exactly once, on any thread, perhaps within this call.
/// The function returned gives the call up; it may be called at any time.
std::function<void()> ask_embedding(EmbeddingCall call, std::function<void(EmbeddingEnd)> done);

}  // namespace switchyard::router
