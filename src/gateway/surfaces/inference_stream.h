#pragma once

#include <cstddef>

#include "switchyard/gateway/surfaces.h"

// The Open Inference Protocol over gRPC: ModelStreamInfer.
namespace switchyard::gateway::surfaces {

/// Messages of one stream that are being worked on, or whose answers wait for the client; further ones wait
/// unread. Of their bytes there are at most kMaxInferenceBytes, but for one message.
inline constexpr size_t kMaxStreamMessages = 64;

/// Takes the messages of the call's body as they come. Each is a ModelInfer of its own, which comes through
/// the door as if it had been sent alone; the answers go out in the order of the messages. What is wrong with
/// a message is said in its answer, and the stream goes on; it ends when the client has said that no more
/// comes, at its deadline, or when the server stops, always behind the answers to what has begun.
void begin_inference_stream(Gateway& gateway, const Services& services, Call&& call);

}  // namespace switchyard::gateway::surfaces
