#include "switchyard/runtime/thread.h"

#include <pthread.h>

#include <utility>

namespace switchyard::runtime {

void name_this_thread(const std::string& name) {
  ::pthread_setname_np(::pthread_self(), name.substr(0, 15).c_str());
}

std::thread start_thread(std::string name, std::function<void()> body) {
  return std::thread([name = std::move(name), body = std::move(body)] {
    name_this_thread(name);
    body();
  });
}

}  // namespace switchyard::runtime
