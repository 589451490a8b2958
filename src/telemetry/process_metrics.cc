#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

#include "switchyard/telemetry/metrics.h"

namespace switchyard::telemetry {
namespace {

/// Field `number` (from 1, proc(5)) of /proc/self/stat, 0 when it cannot be read.
double stat_field(int number) {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  // The second field is the program's name in brackets and may hold anything; the third begins behind the
  // last one.
  const size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(line.substr(name_end + 1));
  std::string field;
  for (int i = 3; i <= number && fields >> field; ++i) {
  }
  return fields ? std::strtod(field.c_str(), nullptr) : 0;
}

double resident_bytes() { return stat_field(24) * static_cast<double>(sysconf(_SC_PAGESIZE)); }
double virtual_bytes() { return stat_field(23); }
double threads() { return stat_field(20); }

double cpu_seconds() {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double open_fds() {
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  int count = -1;  // not the one of the folder itself
  while (const dirent* entry = readdir(folder))
    if (entry->d_name[0] != '.') ++count;
  closedir(folder);
  return count;
}

double max_fds() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return static_cast<double>(limit.rlim_cur);
}

double boot_time() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("btime ")) return std::strtod(line.c_str() + 6, nullptr);
  return 0;
}

double start_time() { return boot_time() + stat_field(22) / static_cast<double>(sysconf(_SC_CLK_TCK)); }

}  // namespace

std::vector<CallbackHandle> add_process_metrics(Registry& registry, std::string_view version) {
  std::vector<CallbackHandle> handles;
  const auto add = [&](std::string_view name, std::string_view help, double (*read)()) {
    handles.push_back(registry.callback(name, help, {}, read));
  };
  add("process_resident_memory_bytes", "Memory of the process that is in RAM.", resident_bytes);
  add("process_virtual_memory_bytes", "Address space of the process.", virtual_bytes);
  add("process_cpu_seconds_total", "User and system time of all threads.", cpu_seconds);
  add("process_open_fds", "Open file descriptors.", open_fds);
  add("process_max_fds", "File descriptors the process may open.", max_fds);
  add("process_threads", "Threads of the process.", threads);
  const double started = start_time();
  handles.push_back(registry.callback("process_start_time_seconds",
                                      "When the process started, since the epoch.", {},
                                      [started] { return started; }));
  handles.push_back(registry.callback("switchyard_build_info", "Always 1; its labels say what runs.",
                                      {{"version", std::string(version)}}, [] { return 1.0; }));
  return handles;
}

}  // namespace switchyard::telemetry
