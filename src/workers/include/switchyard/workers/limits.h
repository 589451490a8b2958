#pragma once

#include <cstddef>
#include <cstdint>

/// Every limit of the module. An error that refuses something because of one names it.
namespace switchyard::workers {

inline constexpr size_t kMaxNameBytes = 128;          ///< of a queue, a type of tasks, a worker
inline constexpr size_t kMaxQueues = 1000;            ///< known at once; one that rests gives way
inline constexpr size_t kMaxTasks = 10'000;           ///< of one queue, waiting
inline constexpr size_t kMaxInputBytes = 256u << 20;  ///< of all tasks together
inline constexpr size_t kMaxPolls = 4096;             ///< waiting at once
inline constexpr size_t kMaxTypes = 256;              ///< that one poll asks for
inline constexpr size_t kMaxTasksPerPoll = 100;
inline constexpr size_t kMaxHeld = 1000;           ///< leases that one poll says its worker holds
inline constexpr size_t kMaxWorkers = 10'000;      ///< remembered; the one silent for longest gives way
inline constexpr size_t kMaxEndedLeases = 50'000;  ///< remembered, for late and repeated answers
inline constexpr size_t kMaxProgressBytes = 16u << 10;
inline constexpr size_t kMaxMessageBytes = 4096;  ///< of a failure; more is cut off

inline constexpr int64_t kMaxWaitUs = 60'000'000;  ///< of one poll
inline constexpr int64_t kDefaultHeartbeatUs = 30'000'000;
inline constexpr int64_t kMinHeartbeatUs = 1'000'000;
inline constexpr int64_t kMaxHeartbeatUs = 3'600'000'000;
inline constexpr int64_t kMaxRetryAfterUs = int64_t{24} * 3600 * 1'000'000;
/// Workers that may fall silent with one task before it fails, where it may be repeated.
inline constexpr uint32_t kMaxLostLeases = 3;
/// A worker that was not heard of for so long is forgotten.
inline constexpr int64_t kForgetWorkerUs = 600'000'000;

}  // namespace switchyard::workers
