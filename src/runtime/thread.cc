#include "switchyard/runtime/thread.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

namespace switchyard::runtime {

void name_this_thread(const std::string& name) {
  ::pthread_setname_np(::pthread_self(), name.substr(0, 15).c_str());
}

void yield_to_foreground() {
#ifdef __linux__
  // On Linux a priority belongs to a thread, and its id is what setpriority takes. 10 levels are a tenth of
  // the weight: little while others want the processor, all of it while they do not.
  constexpr int kBackgroundNice = 10;
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), kBackgroundNice);
#endif
}

std::thread start_thread(std::string name, std::function<void()> body) {
  return std::thread([name = std::move(name), body = std::move(body)] {
    name_this_thread(name);
    body();
  });
}

}  // namespace switchyard::runtime
