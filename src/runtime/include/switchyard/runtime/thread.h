#pragma once

#include <functional>
#include <string>
#include <thread>

namespace switchyard::runtime {

/// Names the calling thread for debuggers, profilers and top; cut to 15 bytes, the kernel's limit.
void name_this_thread(const std::string& name);

/// A thread that is named before `body` starts.
std::thread start_thread(std::string name, std::function<void()> body);

}  // namespace switchyard::runtime
