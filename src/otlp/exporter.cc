#include "switchyard/otlp/exporter.h"

#include <algorithm>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "encode.h"
#include "switchyard/base/check.h"
#include "switchyard/http/client.h"
#include "switchyard/http/coding.h"
#include "switchyard/http/retry_after.h"
#include "switchyard/otlp/limits.h"
#include "switchyard/runtime/random.h"
#include "switchyard/runtime/thread.h"

namespace switchyard::otlp {
namespace {

http::ClientOptions client_options(const Config& config) {
  http::ClientOptions options;
  options.connections_per_origin = 2;
  options.max_queued_per_origin = 4;
  options.max_response_bytes = kMaxAnswerBytes;
  options.ca_file = config.ca_file;
  return options;
}

/// OTLP allows no other status to be answered with a repetition.
bool may_pass(int status) { return status == 429 || status == 502 || status == 503 || status == 504; }

Source source_of(const Config& config, const std::string& version) {
  Source source{config.resource, version};
  source.resource.push_back({"service.version", version});
  source.resource.push_back({"telemetry.sdk.name", std::string("switchyard")});
  source.resource.push_back({"telemetry.sdk.language", std::string("cpp")});
  source.resource.push_back({"telemetry.sdk.version", version});
  return source;
}

}  // namespace

class Exporter::Impl {
 public:
  Impl(Config config, std::function<std::vector<Metric>()> metrics, const std::string& version,
       telemetry::Logger logger, const runtime::Clock& clock)
      : config_(std::move(config)),
        metrics_(std::move(metrics)),
        source_(source_of(config_, version)),
        logger_(std::move(logger)),
        clock_(clock),
        client_(client_options(config_)) {}
  ~Impl() { SY_CHECK(!thread_.joinable()); }

  Status start() {
    SY_RETURN_IF_ERROR(client_.start());
    start_us_ = clock_.now_us();
    thread_ = runtime::start_thread("otlp", [this] { run(); });
    return {};
  }

  void stop() {
    if (!thread_.joinable()) return;
    {
      std::unique_lock lock(mutex_);
      stopping_ = true;
      changed_.notify_all();
      changed_.wait_for(lock, std::chrono::milliseconds(kFlushMs), [this] { return finished_; });
    }
    client_.stop();  // ends what is still under way
    thread_.join();
  }

  bool record(Span span) {
    bool full = false;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_ || !config_.exports_spans() || queue_.size() >= config_.queue_spans) {
        ++stats_.dropped_spans;
        return false;
      }
      queue_.push_back(std::move(span));
      full = queue_.size() == config_.batch_spans;
    }
    if (full) changed_.notify_all();
    return true;
  }

  ExporterStats stats() const {
    const std::lock_guard lock(mutex_);
    ExporterStats stats = stats_;
    stats.queued_spans = queue_.size();
    return stats;
  }

 private:
  void run() {
    constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
    const auto in_ms = [this](int64_t ms) { return clock_.monotonic_us() + ms * 1000; };
    int64_t spans_due_us = in_ms(config_.span_delay_ms);
    int64_t metrics_due_us = config_.exports_metrics() ? in_ms(config_.metric_interval_ms) : kNever;
    std::unique_lock lock(mutex_);
    for (bool last = false; !last;) {
      const int64_t wait_us = std::min(spans_due_us, metrics_due_us) - clock_.monotonic_us();
      changed_.wait_for(lock, std::chrono::microseconds(std::max<int64_t>(wait_us, 0)),
                        [&] { return stopping_ || queue_.size() >= config_.batch_spans; });
      last = stopping_;
      std::vector<Span> spans;
      if (last || clock_.monotonic_us() >= spans_due_us || queue_.size() >= config_.batch_spans) {
        spans.swap(queue_);
        spans_due_us = in_ms(config_.span_delay_ms);
      }
      lock.unlock();
      send_spans(spans);
      if (config_.exports_metrics() && (last || clock_.monotonic_us() >= metrics_due_us)) {
        send_metrics();
        metrics_due_us = in_ms(config_.metric_interval_ms);
      }
      lock.lock();
    }
    finished_ = true;
    changed_.notify_all();
  }

  void send_spans(std::span<const Span> spans) {
    while (!spans.empty()) {
      const auto batch = spans.first(std::min(spans.size(), config_.batch_spans));
      spans = spans.subspan(batch.size());
      const auto answer = post(config_.traces, encode_spans(source_, batch));
      const uint64_t refused = answer ? std::min<uint64_t>(answer->rejected, batch.size()) : batch.size();
      const std::lock_guard lock(mutex_);
      stats_.exported_spans += batch.size() - refused;
      stats_.dropped_spans += refused;
    }
  }

  void send_metrics() {
    const auto answer =
        post(config_.metrics, encode_metrics(source_, metrics_(), start_us_, clock_.now_us()));
    if (!answer) return;
    const std::lock_guard lock(mutex_);
    ++stats_.exported_metrics;
    stats_.rejected_points += answer->rejected;
  }

  http::ClientRequest request_of(const Signal& signal, std::string body) const {
    http::ClientRequest request;
    request.method = http::Method::kPost;
    request.url = signal.url;
    request.timeout_ms = signal.timeout_ms;
    request.headers.push_back({"Content-Type", "application/x-protobuf"});
    for (const auto& [name, value] : signal.headers) request.headers.push_back({name, value.reveal()});
    auto packed = signal.gzip ? http::gzip(body) : std::nullopt;
    if (packed) request.headers.push_back({"Content-Encoding", "gzip"});
    request.body = packed ? *std::move(packed) : std::move(body);
    return request;
  }

  /// What the collector says that took them; nullopt: it did not.
  std::optional<PartialSuccess> post(const Signal& signal, std::string body) {
    const http::ClientRequest request = request_of(signal, std::move(body));
    std::string why;
    int64_t pause_ms = kFirstRetryMs;
    for (int attempt = 1; attempt <= kMaxAttempts;
         ++attempt, pause_ms = std::min(pause_ms * 2, kMaxRetryMs)) {
      const auto result = client_.request_and_wait(request);
      if (result.response.ok() && result.response->status / 100 == 2)
        return taken(signal, result.response->body);
      int64_t wait_ms = spread(pause_ms);
      bool again = attempt < kMaxAttempts;
      if (result.response.ok()) {
        why = "status " + std::to_string(result.response->status);
        again = again && may_pass(result.response->status);
        if (const int64_t after_us =
                http::retry_after_us(result.response->header("Retry-After"), clock_.now_us()))
          wait_ms = std::min(after_us / 1000 + 1, kMaxRetryAfterMs);
      } else {
        why = result.response.error().message;
      }
      if (!count_failure_and_pause(again ? wait_ms : 0)) break;
    }
    // Once, not for each batch: the counters tell the rest.
    if (!std::exchange(failing_, true))
      logger_.warn("the collector of traces and metrics does not take them; they are dropped",
                   {{"url", signal.url}, {"error", why}});
    return std::nullopt;
  }

  PartialSuccess taken(const Signal& signal, std::string_view answer) {
    if (std::exchange(failing_, false)) logger_.info("the collector answers again", {{"url", signal.url}});
    PartialSuccess partial = partial_success(answer);
    if (partial.rejected != 0 || !partial.message.empty())
      logger_.warn("the collector does not take all of what is sent",
                   {{"url", signal.url},
                    {"rejected", static_cast<int64_t>(partial.rejected)},
                    {"error", partial.message}});
    return partial;
  }

  /// Servers that lost a collector at once do not come back to it at once.
  static int64_t spread(int64_t ms) {
    return ms / 2 + static_cast<int64_t>(runtime::system_random().next_u64() % static_cast<uint64_t>(ms / 2));
  }

  /// Whether there is another attempt: not without a pause, nor when the server stops.
  bool count_failure_and_pause(int64_t ms) {
    std::unique_lock lock(mutex_);
    ++stats_.failed_requests;
    if (ms == 0) return false;
    return !changed_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return stopping_; });
  }

  const Config config_;
  const std::function<std::vector<Metric>()> metrics_;
  const Source source_;
  telemetry::Logger logger_;
  const runtime::Clock& clock_;
  http::Client client_;
  std::thread thread_;
  int64_t start_us_ = 0;
  bool failing_ = false;  // of thread_
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::vector<Span> queue_;
  ExporterStats stats_;
  bool stopping_ = false;
  bool finished_ = false;
};

Exporter::Exporter(Config config, std::function<std::vector<Metric>()> metrics, std::string version,
                   telemetry::Logger logger, const runtime::Clock& clock)
    : impl_(
          std::make_unique<Impl>(std::move(config), std::move(metrics), version, std::move(logger), clock)) {}
Exporter::~Exporter() = default;
Status Exporter::start() { return impl_->start(); }
void Exporter::stop() { impl_->stop(); }
bool Exporter::record(Span span) { return impl_->record(std::move(span)); }
ExporterStats Exporter::stats() const { return impl_->stats(); }

}  // namespace switchyard::otlp
