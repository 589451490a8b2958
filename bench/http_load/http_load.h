#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/telemetry/latency_recorder.h"

namespace switchyard::bench {

/// What to send, how fast, for how long.
struct LoadOptions {
  std::string address = "127.0.0.1";  ///< numeric IPv4
  uint16_t port = 0;
  int connections = 64;
  double seconds = 5;
  double warm_up_seconds = 0.5;  ///< sent before, not counted
  /// Requests per second, at even intervals, whether or not answers come (open loop); latency then counts
  /// from the moment a request was due, so that a stall is seen by all that were due in it. 0: closed loop,
  /// every connection sends its next request on the answer, and latency counts from sending.
  double rate = 0;
  /// Open loop: a request for which no connection was free for so long after its due time is not sent, as by
  /// a user who has gone. 0: it is sent however late.
  double give_up_seconds = 0;
  std::string method = "GET";
  std::string path = "/";
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<std::string> bodies;  ///< used in turn; empty: no body
  /// Says whether an answer is right. Without one every 2xx is.
  std::function<bool(int status, std::string_view body)> check;
};

struct LoadReport {
  double seconds = 0;    ///< measured
  uint64_t answers = 0;  ///< of all statuses
  uint64_t non_2xx = 0;
  uint64_t wrong = 0;       ///< refused by `check`
  uint64_t broken = 0;      ///< connections that ended with a request unanswered
  uint64_t given_up = 0;    ///< LoadOptions::give_up_seconds
  uint64_t unanswered = 0;  ///< due or sent, and not answered when time was up (and a second had passed)
  uint64_t bytes_received = 0;
  double generator_cpu_seconds = 0;
  std::map<int, uint64_t> by_status;
  std::string sample_problem;              ///< the first answer that was not 2xx or wrong
  telemetry::LatencyRecorder latency;      ///< nanoseconds
  telemetry::LatencyRecorder latency_2xx;  ///< of these answers alone: what a server under overload does well

  double per_second() const { return seconds > 0 ? static_cast<double>(answers) / seconds : 0; }
  /// Several lines for a person.
  std::string to_string() const;
  /// One JSON object.
  std::string to_json() const;
};

/// Runs the load on the calling thread. kUnavailable "load.connect_failed" when the first connections fail;
/// kInvalidArgument "load.bad_options".
Result<LoadReport> run_load(const LoadOptions& options);

}  // namespace switchyard::bench
