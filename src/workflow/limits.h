#pragma once

#include <cstddef>
#include <cstdint>

#include "switchyard/expression/limits.h"
#include "switchyard/workflow/pipeline.h"

namespace switchyard::workflow {

inline constexpr size_t kMaxSteps = 1000;
/// Bytes of a pipeline's name without its version, of a step's name, and of a queue's or an artefact's.
inline constexpr size_t kMaxPipelineNameBytes = 128;
inline constexpr size_t kMaxStepNameBytes = 64;
inline constexpr size_t kMaxArtefactNameBytes = 128;
inline constexpr size_t kMaxDescriptionBytes = 4096;
inline constexpr size_t kMaxSearchAttributes = 32;
inline constexpr size_t kMaxShown = 64;
inline constexpr size_t kMaxHeaders = 64;
/// Answers of one triage.
inline constexpr size_t kMaxAnswers = 32;
inline constexpr int64_t kMaxAttempts = 100;
/// Models that one ensemble or cascade asks.
inline constexpr size_t kMaxMembers = 32;
/// Ten years: the longest duration a document may name.
inline constexpr int64_t kMaxDurationUs = int64_t{3653} * 24 * 3600 * 1'000'000;
/// How long the worker of a task may be silent.
inline constexpr int64_t kDefaultHeartbeatUs = 30'000'000;
inline constexpr int64_t kMinHeartbeatUs = 1'000'000;
inline constexpr int64_t kMaxHeartbeatUs = int64_t{3600} * 1'000'000;
/// Levels of blocks within blocks.
inline constexpr size_t kMaxBlockDepth = 16;
/// Items of one for_each, rounds of one repeat, and frames of one step at a time.
inline constexpr uint32_t kMaxItems = 1'000'000;
inline constexpr int64_t kMaxRounds = 1'000'000;
inline constexpr int64_t kMaxConcurrency = 1000;
/// Runs of one key of a pipeline's `concurrency`: at once, and waiting.
inline constexpr int64_t kMaxRunsAtOnce = 1000;
inline constexpr int64_t kMaxQueuedRuns = 100'000;
inline constexpr int64_t kMaxPriority = 100;
/// Steps of one run that begin in one turn of its partition: the others get their turn, too.
inline constexpr size_t kMaxStepsPerTurn = 2000;
/// Mistakes reported for one document.
inline constexpr size_t kMaxMistakes = 200;

static_assert(kMaxSteps + kSlotSteps < expression::kMaxOperands, "every step needs a slot");

}  // namespace switchyard::workflow
