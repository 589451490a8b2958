#pragma once

#include <cstddef>
#include <cstdint>

namespace switchyard::http {

// Limits that are no option: they bound what a peer can make the process hold, whatever the configuration
// says.

/// Header fields of one message.
inline constexpr size_t kMaxHeaderFields = 100;
/// Decoded parameters of one query string.
inline constexpr size_t kMaxQueryParameters = 256;
/// Bytes that wait to be written to one connection before it stops reading further requests.
inline constexpr size_t kMaxUnsentBytes = 1u << 20;
/// Bytes a stream may have waiting for a slow client before the connection is cut.
inline constexpr size_t kMaxStreamBacklogBytes = 4u << 20;
/// Bytes read and thrown away after an error answer, so that the client can read the answer before a reset.
inline constexpr size_t kMaxLingerBytes = 16u << 20;
inline constexpr int64_t kLingerMs = 1000;
/// Bodies up to this size are copied behind their head; larger ones are written from where they are.
inline constexpr size_t kGatherFromBytes = 16u << 10;
/// First size of a connection's read buffer; it grows to the header limit and shrinks when idle.
inline constexpr size_t kReadBufferBytes = 8u << 10;
/// Memory taken ahead for a body whose length the peer announces.
inline constexpr size_t kBodyReserveBytes = 64u << 10;
/// Header bytes and fields of a response the client accepts.
inline constexpr size_t kMaxResponseHeaderBytes = 64u << 10;

static_assert(kReadBufferBytes >= 1024 && kMaxUnsentBytes > kGatherFromBytes);

}  // namespace switchyard::http
