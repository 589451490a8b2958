#pragma once

#include <cstddef>
#include <cstdint>

namespace switchyard::partition {

inline constexpr uint32_t kMaxPartitions = 4096;    ///< 12 bits of a run id say where it lives
inline constexpr size_t kMaxKeyBytes = 256;         ///< partition keys, idempotency keys, names of people
inline constexpr size_t kMaxSearchTextBytes = 256;  ///< of one search attribute
inline constexpr size_t kMaxWhyBytes = 1024;
inline constexpr size_t kMailboxCapacity = 16'384;  ///< commands that wait for one partition thread
inline constexpr size_t kMaxHotRuns = 100'000;  ///< runs in memory, per partition; over it starts are refused
inline constexpr size_t kForgottenTimers = 1024;  ///< of runs that ended, kept until they are too many
inline constexpr size_t kMaxListLimit = 500;
inline constexpr size_t kMaxListScan = 20'000;           ///< records one page of a list may look at
inline constexpr uint64_t kCheckpointBytes = 32u << 20;  ///< of log between two checkpoints
inline constexpr size_t kCheckpointStateBytes =
    128u << 10;  ///< of changed state between two checkpoints, at least
inline constexpr size_t kStateBytesPerHotRun = 8u << 10;  ///< more of it for each run in memory
inline constexpr int64_t kCheckpointIntervalUs = 10'000'000;
inline constexpr int64_t kCheckpointRetryUs = 100'000;  ///< while the store still writes the last one
inline constexpr int64_t kFlushIntervalUs =
    60'000'000;  ///< between two checkpoints that are carried to the disk
inline constexpr int64_t kUnreadableRetryUs =
    60'000'000;                                      ///< a due run that cannot be loaded is tried again after
inline constexpr size_t kOffsetsPerChunk = 1024;     ///< of a run's events, beside its record
inline constexpr size_t kMaxHistoryEvents = 10'000;  ///< in one page of a history
/// A repeated signal is known among so many of its run's newest signals.
inline constexpr uint64_t kSignalDedupe = 4096;
inline constexpr size_t kMaxHolds = 1000;  ///< legal holds of one server
inline constexpr size_t kMaxHoldNameBytes = 128;
inline constexpr size_t kRetentionBatch = 500;  ///< runs one event compacts or deletes
inline constexpr size_t kRetentionScan = 1000;  ///< index entries one step of planning looks at
/// How long a deleted run is remembered as deleted: until then the archive drops what it has of it.
inline constexpr int64_t kTombstoneUs = int64_t{90} * 86'400'000'000;
inline constexpr size_t kTombstonesPerFold = 1000;           ///< that one deletion may expire
inline constexpr int64_t kUpkeepIntervalUs = 3'600'000'000;  ///< between two passes over log and archive
inline constexpr uint64_t kLogKeepBytes = 256u << 20;        ///< of log that stays beside the archive
inline constexpr int64_t kArchiveAfterUs = int64_t{24} * 3'600'000'000;  ///< older records leave the log
inline constexpr int64_t kPayloadRetryUs = 250'000;   ///< a full disk is asked again for large values after
inline constexpr size_t kFlushBatchBytes = 1u << 20;  ///< events nobody waits for are appended at this size
/// What was answered before it was durable (StartRun::ack_received) is appended after so long.
inline constexpr int64_t kReceivedFlushUs = 5'000;

// Whose turn it is.
inline constexpr int64_t kFairShareSteps =
    256;  ///< that one tenant's runs take before the next tenant's turn
inline constexpr uint64_t kStepsPerTurn = 20'000;  ///< that one turn begins; what is over waits for the next
inline constexpr uint64_t kMaxQueuedStarts =
    1'000'000;  ///< runs that wait for a place, per partition; over it starts are refused
inline constexpr size_t kAdmissionsPerTurn = 512;  ///< queued runs that get their place in one turn

// Events.
inline constexpr uint64_t kDedupeEvents =
    1'000'000;  ///< published events of a partition a repetition is known among
inline constexpr uint64_t kMaxQueuedEvents =
    1'000'000;  ///< in agents' queues, per partition; over it nothing more comes in
inline constexpr uint64_t kMaxOutboxEvents =
    200'000;  ///< not taken over by other partitions; over it publishing is refused
inline constexpr uint64_t kMaxMessages =
    1'000'000;  ///< to webhooks, per partition; over it publishing is refused
inline constexpr uint64_t kMaxDeadLetters = 100'000;  ///< per partition; the oldest goes
inline constexpr uint32_t kMaxListenedEvents = 256;   ///< kept for one listening step of a run
inline constexpr uint32_t kChannelWindow = 1024;      ///< events on their way to one other partition
inline constexpr int64_t kResendUs =
    2'000'000;  ///< what another partition has not taken over is sent again after
inline constexpr size_t kMaxReadyAgents = 10'000;  ///< queue entries remembered as ready to start
inline constexpr size_t kAgentStartsPerTurn = 512;
inline constexpr size_t kAgentBytesPerTurn = 4u << 20;
inline constexpr int64_t kHeldAgentsUs =
    1'000'000;                                     ///< agents that are switched off are asked for again after
inline constexpr uint32_t kWebhookRequests = 8;    ///< in flight to one webhook, per partition
inline constexpr uint32_t kMaxMissedTicks = 1000;  ///< that `missed: all` makes up for after one downtime
inline constexpr int64_t kTickGraceUs = 60'000'000;  ///< a tick this late is not missed yet

}  // namespace switchyard::partition
