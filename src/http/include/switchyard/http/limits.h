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
/// Steps in which a compressed body is unpacked.
inline constexpr size_t kUnpackStepBytes = 16u << 10;
/// Header bytes and fields of a response the client accepts.
inline constexpr size_t kMaxResponseHeaderBytes = 64u << 10;

// HTTP/2.

/// Bytes of one connection that are framed and wait for the socket; the rest waits in its streams.
inline constexpr size_t kHttp2OutputBytes = 128u << 10;
/// How far a client may send ahead, per stream and per connection.
inline constexpr int32_t kHttp2StreamWindowBytes = 1 << 20;
inline constexpr int32_t kHttp2ConnectionWindowBytes = 4 << 20;
/// Bytes of streamed bodies that nobody has asked for yet, of one connection; over it no stream of the
/// connection goes on.
inline constexpr size_t kHttp2UnreadBytes = 8u << 20;
/// Requests of ours under way on one connection; the peer may allow fewer.
inline constexpr size_t kHttp2ClientStreams = 256;
/// Frames that bring no work (PING, SETTINGS, PRIORITY, RST_STREAM, empty ones) a client may send at once,
/// and each second from then on; over it the connection ends with ENHANCE_YOUR_CALM.
inline constexpr double kHttp2FrameBurst = 1000;
inline constexpr double kHttp2FramesPerSecond = 100;

static_assert(kReadBufferBytes >= 1024 && kMaxUnsentBytes > kGatherFromBytes);

}  // namespace switchyard::http
