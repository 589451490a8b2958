#include <algorithm>

#include "error_answer.h"
#include "state.h"
#include "switchyard/http/coding.h"

namespace switchyard::gateway {
namespace {

http::Header* find_header(http::Response& response, std::string_view name) {
  for (http::Header& header : response.headers)
    if (http::header_name_equal(header.name, name)) return &header;
  return nullptr;
}

}  // namespace

AnswerObserver::AnswerObserver(GatewayState& gateway, const OperationMetrics& metrics,
                               const http::Route* route, const Call& call)
    : gateway_(gateway),
      metrics_(metrics),
      route_(route),
      method_(call.request.method_text().substr(0, 16)),
      path_(gateway.options.access_log == AccessLog::kOff && !gateway.options.on_answer
                ? std::string_view()
                : call.request.path().substr(0, 200)),
      remote_(call.request.remote_address()),
      request_id_(call.request_id),
      trace_(call.trace),
      accepts_gzip_(gateway.options.compress_answers &&
                    http::accepts_gzip(call.request.header("Accept-Encoding").value_or(""))),
      began_us_(gateway.clock.monotonic_us()) {}

AnswerObserver::~AnswerObserver() {
  if (streams_) tell_answered();
  if (!admitted_) return;
  gateway_.in_flight.fetch_sub(1, std::memory_order_relaxed);
  if (!refused_) gateway_.admission.completed();
}

void AnswerObserver::before_send(http::Response& response) {
  add_headers(response);
  compress(response);
  record(response);
  tell_answered();
  // Before the answer goes: whoever has it may ask again at once.
  if (allowance_ != nullptr) allowance_->free_places();
}

void AnswerObserver::before_stream(http::Response& head) {
  add_headers(head);
  record(head);
  streams_ = true;
}

void AnswerObserver::add_headers(http::Response& response) {
  response.headers.push_back({"X-Request-Id", request_id_});
  response.headers.push_back({"traceparent", trace_.traceparent});
  if (allowance_ != nullptr) add_limits(response);
}

void AnswerObserver::add_limits(http::Response& response) {
  const auto tell = [&response](std::string_view what, const Allowance::Standing& standing) {
    const std::string prefix = "x-ratelimit-", suffix = "-" + std::string(what);
    response.headers.push_back({prefix + "limit" + suffix, std::to_string(standing.limit)});
    response.headers.push_back({prefix + "remaining" + suffix, std::to_string(standing.remaining)});
    response.headers.push_back({prefix + "reset" + suffix, reset_text(standing.reset_us)});
  };
  if (const auto requests = allowance_->requests()) tell("requests", *requests);
  if (const auto tokens = allowance_->tokens()) tell("tokens", *tokens);
  if (const int64_t wait_us = allowance_->retry_after_us(); wait_us > 0 && is_limit_refusal(response))
    tell_retry_after(response, wait_us);
}

void AnswerObserver::compress(http::Response& response) const {
  if (response.body.size() < kCompressFromBytes || !http::is_compressible(response.content_type) ||
      find_header(response, "Content-Encoding") != nullptr)
    return;
  response.headers.push_back({"Vary", "Accept-Encoding"});
  if (!accepts_gzip_) return;
  auto packed = http::gzip(response.body);
  if (!packed) return;
  response.body = std::move(*packed);
  response.headers.push_back({"Content-Encoding", "gzip"});
}

std::string_view AnswerObserver::operation_id() const {
  return route_ == nullptr ? std::string_view("none") : std::string_view(route_->operation_id);
}

void AnswerObserver::tell_answered() const {
  if (!gateway_.options.on_answer) return;
  AnsweredRequest answered{.operation = operation_id(),
                           .route = route_ == nullptr ? std::string_view() : std::string_view(route_->path),
                           .method = http::method_name(http::method_from(method_)),
                           .path = path_,
                           .remote = remote_,
                           .request_id = request_id_,
                           .trace = trace_,
                           .status = status_,
                           .took_us = gateway_.clock.monotonic_us() - began_us_};
  gateway_.options.on_answer(answered);
}

void AnswerObserver::record(const http::Response& response) {
  status_ = response.status;
  const int64_t took_us = gateway_.clock.monotonic_us() - began_us_;
  metrics_.answers[static_cast<size_t>(std::clamp(response.status / 100, 1, 5) - 1)]->add();
  metrics_.seconds->observe(static_cast<double>(took_us) / 1e6);
  if (!is_logged(response.status, took_us)) return;
  gateway_.logger.log(response.status >= 500 ? telemetry::LogLevel::kWarn : telemetry::LogLevel::kInfo,
                      "request",
                      {{"request_id", request_id_},
                       {"trace", trace_.traceparent},
                       {"operation", operation_id()},
                       {"method", method_},
                       {"path", path_},
                       {"status", response.status},
                       {"duration_us", took_us},
                       {"answer_bytes", response.body.size()},
                       {"key", key_id_},
                       {"remote", remote_}});
}

bool AnswerObserver::is_logged(int status, int64_t took_us) const {
  switch (gateway_.options.access_log) {
    case AccessLog::kOff: return false;
    case AccessLog::kAll: return true;
    case AccessLog::kProblems: break;
  }
  // 404 and 409 are answers of everyday's life: a look whether something exists, an idempotent start.
  return (status >= 400 && status != 404 && status != 409) || took_us > gateway_.options.slow_us;
}

}  // namespace switchyard::gateway
