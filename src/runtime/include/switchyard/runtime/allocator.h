#pragma once

namespace switchyard::runtime {

/// Makes the C library give large freed blocks back to the system at once, and keep few arenas: a server
/// whose state passes through memory in bursts would otherwise keep the largest burst for ever. Call once,
/// first thing in main(). Does nothing where the C library is not glibc.
void limit_retained_memory();

/// Gives what lies free in the heap back to the system; takes some milliseconds. Any thread.
void trim_memory();

}  // namespace switchyard::runtime
