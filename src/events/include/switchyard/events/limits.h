#pragma once

#include <cstddef>
#include <cstdint>

namespace switchyard::events {

inline constexpr size_t kMaxEventBytes = 256u << 10;  ///< of one event, as JSON
inline constexpr size_t kMaxBatchEvents = 1000;
inline constexpr size_t kMaxAttributeBytes = 1024;  ///< id, source, type, subject, ...
inline constexpr size_t kMaxExtensions = 32;
inline constexpr size_t kMaxExtensionNameBytes = 40;
inline constexpr size_t kMaxMistakes = 100;  ///< reported for one request
inline constexpr uint32_t kMaxHops = 16;     ///< agents between an event and its first cause

inline constexpr size_t kMaxPatterns = 100;  ///< event types one consumer names
inline constexpr uint16_t kMaxWebhookAttempts = 50;
inline constexpr uint32_t kMaxWebhookBatch = 500;  ///< events in one request
inline constexpr size_t kMaxWebhookHeaders = 32;
inline constexpr int64_t kMaxWebhookTimeoutUs = 60'000'000;
inline constexpr size_t kMinSecretBytes = 24, kMaxSecretBytes = 64;  ///< the Standard Webhooks specification

}  // namespace switchyard::events
