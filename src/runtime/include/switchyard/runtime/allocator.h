#pragma once

namespace switchyard::runtime {

/// Has the heap (jemalloc) keep little of what was freed: a server whose state passes through memory in
/// bursts would otherwise keep the largest burst for ever. Call in main(). Nothing under a sanitizer, which
/// has its own heap.
void limit_retained_memory();

/// Gives what lies free in the heap back to the system; takes some milliseconds. Any thread.
void trim_memory();

}  // namespace switchyard::runtime
