#include "http_load.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>

#include "connection.h"

namespace switchyard::bench {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr size_t kSampleBytes = 400;

uint64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * kSecond + static_cast<uint64_t>(now.tv_nsec);
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + time.tv_usec / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::vector<std::string> form_requests(const LoadOptions& options) {
  std::string head = options.method + " " + options.path + " HTTP/1.1\r\nHost: " + options.address + ":" +
                     std::to_string(options.port) + "\r\n";
  for (const auto& [name, value] : options.headers) head += name + ": " + value + "\r\n";
  if (options.bodies.empty()) return {head + "\r\n"};
  std::vector<std::string> requests;
  for (const std::string& body : options.bodies)
    requests.push_back(head + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  return requests;
}

/// The run: a loop over epoll on one thread.
class Load {
 public:
  explicit Load(const LoadOptions& options) : options_(options), requests_(form_requests(options)) {}
  ~Load() {
    if (epoll_ >= 0) ::close(epoll_);
  }

  Status prepare();
  LoadReport run();

 private:
  bool is_open_loop() const { return options_.rate > 0; }
  uint64_t due_ns(uint64_t number) const {
    return began_ns_ + static_cast<uint64_t>(static_cast<double>(number) * (1e9 / options_.rate));
  }
  void watch(size_t index, bool writing);
  void issue(size_t index, uint64_t since_ns);
  void issue_due(uint64_t now);
  timespec until_next(uint64_t now) const;
  void on_event(const epoll_event& event, uint64_t now);
  void on_answer(size_t index, const LoadConnection::Answer& answer, uint64_t now);
  void next(size_t index);
  void reconnect(size_t index);

  const LoadOptions& options_;
  const std::vector<std::string> requests_;
  std::vector<std::unique_ptr<LoadConnection>> connections_;
  std::vector<size_t> idle_;         // open loop: connections without a request
  std::deque<uint64_t> overdue_ns_;  // open loop: due, and no connection was free
  int epoll_ = -1;
  uint64_t began_ns_ = 0, count_from_ns_ = 0, stop_ns_ = 0;
  uint64_t issued_ = 0;  // open loop: requests that have become due
  size_t next_request_ = 0;
  size_t busy_ = 0;
  bool stopping_ = false;
  LoadReport report_;
};

Status Load::prepare() {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  for (int i = 0; i < options_.connections; ++i) {
    auto& connection = connections_.emplace_back(std::make_unique<LoadConnection>());
    if (!connection->open(options_.address, options_.port))
      return make_error(ErrorKind::kUnavailable, "load.connect_failed",
                        "Connection " + std::to_string(i + 1) + " to " + options_.address + ":" +
                            std::to_string(options_.port) + " failed (" + std::strerror(errno) +
                            "); is the server running?");
    epoll_event readable{EPOLLIN, {.u64 = static_cast<uint64_t>(i)}};
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection->fd(), &readable);
  }
  return {};
}

void Load::watch(size_t index, bool writing) {
  epoll_event event{EPOLLIN | (writing ? EPOLLOUT : 0u), {.u64 = index}};
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, connections_[index]->fd(), &event);
}

void Load::issue(size_t index, uint64_t since_ns) {
  LoadConnection& connection = *connections_[index];
  ++busy_;
  const std::string& request = requests_[next_request_];
  next_request_ = next_request_ + 1 == requests_.size() ? 0 : next_request_ + 1;
  if (!connection.send(request, since_ns)) return reconnect(index);
  if (connection.wants_to_send()) watch(index, true);
}

/// Everything whose time has come goes out, on free connections as far as there are some.
void Load::issue_due(uint64_t now) {
  while (!stopping_ && due_ns(issued_) <= now && due_ns(issued_) < stop_ns_)
    overdue_ns_.push_back(due_ns(issued_++));
  const auto patience = static_cast<uint64_t>(options_.give_up_seconds * 1e9);
  while (patience != 0 && !overdue_ns_.empty() && overdue_ns_.front() + patience < now) {
    if (overdue_ns_.front() >= count_from_ns_) ++report_.given_up;
    overdue_ns_.pop_front();
  }
  while (!overdue_ns_.empty() && !idle_.empty()) {
    const size_t index = idle_.back();
    idle_.pop_back();
    const uint64_t since = overdue_ns_.front();
    overdue_ns_.pop_front();
    issue(index, since);
  }
}

timespec Load::until_next(uint64_t now) const {
  const uint64_t at = is_open_loop() && !stopping_ ? std::min(due_ns(issued_), stop_ns_) : stop_ns_;
  const uint64_t left = at > now ? at - now : 0;
  return {static_cast<time_t>(left / kSecond), static_cast<long>(left % kSecond)};
}

void Load::reconnect(size_t index) {
  LoadConnection& connection = *connections_[index];
  if (connection.is_busy()) {
    ++report_.broken;
    --busy_;
  }
  if (!connection.open(options_.address, options_.port)) return;  // one connection fewer
  epoll_event event{EPOLLIN, {.u64 = index}};
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd(), &event);
  next(index);
}

/// The connection is free.
void Load::next(size_t index) {
  if (is_open_loop()) {
    idle_.push_back(index);
  } else if (!stopping_) {
    issue(index, now_ns());
  }
}

void Load::on_answer(size_t index, const LoadConnection::Answer& answer, uint64_t now) {
  --busy_;
  const uint64_t since = connections_[index]->since_ns();
  if (since >= count_from_ns_) {
    ++report_.answers;
    ++report_.by_status[answer.status];
    report_.latency.record(now - since);
    const bool is_2xx = answer.status / 100 == 2;
    const bool right = !options_.check || options_.check(answer.status, answer.body);
    if (is_2xx) report_.latency_2xx.record(now - since);
    if (!is_2xx) ++report_.non_2xx;
    if (!right) ++report_.wrong;
    if ((!is_2xx || !right) && report_.sample_problem.empty())
      report_.sample_problem =
          std::to_string(answer.status) + " " + std::string(answer.body.substr(0, kSampleBytes));
  }
  if (answer.closes) return reconnect(index);
  next(index);
}

void Load::on_event(const epoll_event& event, uint64_t now) {
  const size_t index = event.data.u64;
  LoadConnection& connection = *connections_[index];
  if (!connection.is_open()) return;
  if ((event.events & EPOLLOUT) != 0) {
    if (!connection.send_rest()) return reconnect(index);
    if (!connection.wants_to_send()) watch(index, false);
  }
  if ((event.events & ~static_cast<uint32_t>(EPOLLOUT)) == 0) return;
  LoadConnection::Answer answer;
  switch (connection.read(&answer, &report_.bytes_received)) {
    case LoadConnection::Read::kNothing: return;
    case LoadConnection::Read::kAnswer: return on_answer(index, answer, now);
    case LoadConnection::Read::kBroken:
      if (!connection.is_busy()) std::erase(idle_, index);
      return reconnect(index);
  }
}

LoadReport Load::run() {
  const auto nanoseconds = [](double seconds) { return static_cast<uint64_t>(seconds * 1e9); };
  began_ns_ = now_ns();
  count_from_ns_ = began_ns_ + nanoseconds(options_.warm_up_seconds);
  const uint64_t end_ns = count_from_ns_ + nanoseconds(options_.seconds);
  stop_ns_ = end_ns;
  const double cpu_before = cpu_seconds();
  for (size_t i = 0; i < connections_.size(); ++i) next(i);
  std::vector<epoll_event> events(256);
  while (true) {
    uint64_t now = now_ns();
    if (is_open_loop()) issue_due(now);
    if (now >= stop_ns_) {
      if (stopping_) break;
      stopping_ = true;
      stop_ns_ = end_ns + kSecond;  // for the answers still on their way
    }
    if (stopping_ && busy_ == 0 && overdue_ns_.empty()) break;
    const timespec left = until_next(now_ns());
    const int count = ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &left, nullptr);
    now = now_ns();
    for (int i = 0; i < count; ++i) on_event(events[static_cast<size_t>(i)], now);
  }
  report_.seconds = static_cast<double>(std::max(now_ns(), end_ns) - count_from_ns_) / 1e9;
  if (!is_open_loop() || report_.seconds - options_.seconds < 0.05) report_.seconds = options_.seconds;
  report_.unanswered = busy_ + overdue_ns_.size();
  report_.generator_cpu_seconds = cpu_seconds() - cpu_before;
  return std::move(report_);
}

}  // namespace

Result<LoadReport> run_load(const LoadOptions& options) {
  if (options.connections < 1 || options.seconds <= 0 || options.rate < 0)
    return make_error(ErrorKind::kInvalidArgument, "load.bad_options",
                      "A load needs at least one connection, a duration above zero, and no negative rate.");
  Load load(options);
  SY_RETURN_IF_ERROR(load.prepare());
  return load.run();
}

std::string LoadReport::to_string() const {
  char text[400];
  std::snprintf(
      text, sizeof text,
      "%.0f requests/s (%llu answers in %.2f s), %llu not 2xx, %llu wrong, %llu broken, %llu unanswered\n"
      "latency %s\ngenerator used %.2f s of CPU, received %.1f MB\n",
      per_second(), static_cast<unsigned long long>(answers), seconds,
      static_cast<unsigned long long>(non_2xx), static_cast<unsigned long long>(wrong),
      static_cast<unsigned long long>(broken), static_cast<unsigned long long>(unanswered),
      latency.summary().c_str(), generator_cpu_seconds, static_cast<double>(bytes_received) / 1e6);
  std::string all = text;
  for (const auto& [status, count] : by_status)
    all += "status " + std::to_string(status) + ": " + std::to_string(count) + "\n";
  if (!sample_problem.empty()) all += "first problem: " + sample_problem + "\n";
  return all;
}

std::string LoadReport::to_json() const {
  char text[800];
  std::snprintf(
      text, sizeof text,
      "{\"requests_per_second\":%.1f,\"answers\":%llu,\"seconds\":%.3f,\"non_2xx\":%llu,\"wrong\":%llu,"
      "\"broken\":%llu,\"given_up\":%llu,\"unanswered\":%llu,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,"
      "\"p99_9_us\":%.1f,\"max_us\":%.1f,\"p50_2xx_us\":%.1f,\"p99_2xx_us\":%.1f,"
      "\"generator_cpu_seconds\":%.3f}",
      per_second(), static_cast<unsigned long long>(answers), seconds,
      static_cast<unsigned long long>(non_2xx), static_cast<unsigned long long>(wrong),
      static_cast<unsigned long long>(broken), static_cast<unsigned long long>(given_up),
      static_cast<unsigned long long>(unanswered), static_cast<double>(latency.percentile(50)) / 1e3,
      static_cast<double>(latency.percentile(90)) / 1e3, static_cast<double>(latency.percentile(99)) / 1e3,
      static_cast<double>(latency.percentile(99.9)) / 1e3, static_cast<double>(latency.max()) / 1e3,
      static_cast<double>(latency_2xx.percentile(50)) / 1e3,
      static_cast<double>(latency_2xx.percentile(99)) / 1e3, generator_cpu_seconds);
  return text;
}

}  // namespace switchyard::bench
