#pragma once

#include <cstddef>
#include <cstdint>

/// Every limit of the module. An error that refuses something because of one names it.
namespace switchyard::models {

inline constexpr size_t kMaxModelBytes = size_t{2} << 30;  ///< one model file
inline constexpr uint32_t kMaxLoadedModels = 256;          ///< versions in memory at once
inline constexpr uint32_t kMaxBatch = 1024;                ///< rows of one run
inline constexpr uint32_t kMaxBuckets = 16;                ///< batch sizes that are warmed
inline constexpr uint32_t kMaxInstances = 64;              ///< runs of one version at once
inline constexpr uint32_t kMaxInstanceThreads = 64;        ///< of each kind, of one instance
inline constexpr uint32_t kMaxWarmUpRows = 1000;           ///< of the recorded inputs of one model
inline constexpr uint32_t kMaxTensors = 64;                ///< inputs, and outputs, of one model
inline constexpr uint32_t kMaxFieldsPerTensor = 4096;      ///< fields joined into one row
inline constexpr uint32_t kMaxRowElements = 1u << 20;      ///< elements of one tensor's row
inline constexpr uint32_t kMaxTensorDimensions = 16;       ///< of one tensor of a tensor request
inline constexpr uint32_t kMaxTensorRows = 16'384;         ///< of a tensor request
inline constexpr uint64_t kMaxTensorElements = 1u << 28;   ///< of one tensor of a tensor request
inline constexpr uint32_t kMaxOutputs = 64;                ///< named results of one model
inline constexpr uint32_t kDefaultQueueLimit = 1024;       ///< requests waiting for one model
inline constexpr uint32_t kDefaultTimeoutMs = 1000;        ///< when neither manifest nor request gives one
inline constexpr uint32_t kMaxTimeoutMs = 600'000;
inline constexpr uint64_t kOutputExpressionCost = 100'000;  ///< CEL cost of one output of one row

inline constexpr uint32_t kMaxReplicas = 64;  ///< URLs of one backend
inline constexpr uint32_t kDefaultRemoteTimeoutMs = 60'000;
inline constexpr uint32_t kDefaultRemoteConcurrent = 1024;  ///< calls of one backend under way at once
inline constexpr uint32_t kMaxRemoteConcurrent = 1u << 16;
inline constexpr size_t kMaxRemoteAnswerBytes = size_t{32} << 20;
inline constexpr size_t kMaxStreamEventBytes = size_t{4} << 20;  ///< one server-sent event

static_assert(kDefaultQueueLimit >= 32, "one full default batch fits into the default queue");

}  // namespace switchyard::models
