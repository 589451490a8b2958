#pragma once

#include <functional>
#include <string>
#include <thread>

namespace switchyard::runtime {

/// Names the calling thread for debuggers, profilers and top; cut to 15 bytes, the kernel's limit.
void name_this_thread(const std::string& name);

/// Makes the calling thread give way to those that answer requests: what it does may take longer, and must
/// not hold a lock that they need. Where the system does not allow that, nothing changes.
void yield_to_foreground();

/// A thread that is named before `body` starts.
std::thread start_thread(std::string name, std::function<void()> body);

}  // namespace switchyard::runtime
