#pragma once

#include <cstddef>
#include <cstdint>

#include "switchyard/expression/limits.h"

namespace switchyard::prompts {

inline constexpr size_t kMaxDescriptionBytes = 4096;
/// Of one template.
inline constexpr size_t kMaxTemplateBytes = 256u << 10;
/// Tags of one template within tags, and entries of `messages` within entries.
inline constexpr uint32_t kMaxNesting = 16;
/// Loops within loops, those of `messages` and of a template together.
inline constexpr uint32_t kMaxLoopDepth = 8;
/// Entries of `messages`, and examples, of one document.
inline constexpr size_t kMaxEntries = 500;
/// Of the content of one message.
inline constexpr size_t kMaxParts = 32;
inline constexpr size_t kMaxStops = 16;
inline constexpr size_t kMaxStopBytes = 256;
/// As the chat interface has them.
inline constexpr size_t kMaxTools = 128;
inline constexpr size_t kMaxToolNameBytes = 64;
inline constexpr int64_t kMaxRepairs = 3;
/// Mistakes reported for one document, and for one template of it.
inline constexpr size_t kMaxMistakes = 200;
inline constexpr size_t kMaxTemplateMistakes = 50;

// --- of one rendering ---
inline constexpr size_t kMaxRenderedBytes = 1u << 20;
inline constexpr size_t kMaxMessages = 2000;
/// Conditions, values and rounds of loops: with what each may cost, a rendering ends within a second.
inline constexpr uint32_t kMaxEvaluations = 20'000;
inline constexpr uint64_t kExpressionCostLimit = 10'000;

// --- of an exchange ---
/// Of what a repair tells the model about its answer.
inline constexpr size_t kMaxFaultBytes = 2000;
/// Reasons that a repair names.
inline constexpr size_t kMaxFaults = 5;
/// Calls of tools in one answer, and in one message of a history.
inline constexpr size_t kMaxToolCalls = 128;
/// Of an answer, or of the arguments of a call, that has to be JSON.
inline constexpr size_t kMaxAnswerBytes = 1u << 20;

static_assert(kExpressionCostLimit <= expression::kDefaultCostLimit);

}  // namespace switchyard::prompts
