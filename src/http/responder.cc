#include <mutex>
#include <utility>

#include "switchyard/base/check.h"
#include "switchyard/http/problem.h"
#include "switchyard/http/server.h"

namespace switchyard::http {

/// Collects an answer, streamed or not, and gives it to a function.
class LocalAnswer final : public AnswerSink {
 public:
  explicit LocalAnswer(std::function<void(Response)> callback) : callback_(std::move(callback)) {}

  void answer(uint64_t, Response response) override { callback_(std::move(response)); }
  void begin_stream(uint64_t, Response head) override { streamed_ = std::move(head); }
  bool write_stream(uint64_t, std::string data) override {
    streamed_.body += data;
    return true;
  }
  void end_stream(uint64_t, bool whole, std::vector<Header> trailers) override {
    if (!whole) streamed_.close = true;
    if (!trailers.empty()) streamed_.trailers = std::move(trailers);
    callback_(std::move(streamed_));
  }
  bool is_connected() const override {
    const std::lock_guard lock(mutex_);
    return connected_;
  }
  void on_disconnect(uint64_t, std::function<void()> callback) override {
    {
      const std::lock_guard lock(mutex_);
      if (connected_) {
        on_disconnect_ = std::move(callback);
        return;
      }
    }
    callback();
  }
  void leave() {
    std::function<void()> callback;
    {
      const std::lock_guard lock(mutex_);
      connected_ = false;
      callback = std::exchange(on_disconnect_, nullptr);
    }
    if (callback) callback();
  }

 private:
  const std::function<void(Response)> callback_;
  Response streamed_;  // owned by whoever holds the Stream
  mutable std::mutex mutex_;
  bool connected_ = true;                // guarded by mutex_
  std::function<void()> on_disconnect_;  // guarded by mutex_
};

Responder& Responder::operator=(Responder&& other) noexcept {
  if (this != &other) {
    drop();
    sink_ = std::move(other.sink_);
    sequence_ = other.sequence_;
    hook_ = std::move(other.hook_);
  }
  return *this;
}

void Responder::send(Response response) {
  SY_CHECK(sink_ != nullptr);
  const auto sink = std::move(sink_);
  const auto hook = std::move(hook_);
  if (hook) hook->before_send(response);
  sink->answer(sequence_, std::move(response));
}

Stream Responder::begin_stream(Response head) {
  SY_CHECK(sink_ != nullptr);
  if (hook_) hook_->before_stream(head);
  sink_->begin_stream(sequence_, std::move(head));
  return Stream(std::move(sink_), sequence_, std::move(hook_));
}

void Responder::on_disconnect(std::function<void()> callback) {
  SY_CHECK(sink_ != nullptr);
  sink_->on_disconnect(sequence_, std::move(callback));
}

void Responder::drop() {
  if (sink_ == nullptr) return;
  send(problem(make_error(ErrorKind::kInternal, "http.dropped_unanswered",
                          "The request was given up without an answer; this is a defect of the server.")));
}

Stream& Stream::operator=(Stream&& other) noexcept {
  if (this != &other) {
    finish(false);
    sink_ = std::move(other.sink_);
    sequence_ = other.sequence_;
    hook_ = std::move(other.hook_);
  }
  return *this;
}

void Stream::finish(bool whole, std::vector<Header> trailers) {
  if (sink_ == nullptr) return;
  const auto sink = std::move(sink_);
  const auto hook = std::move(hook_);
  sink->end_stream(sequence_, whole, std::move(trailers));
}

Responder local_responder(std::function<void(Response)> callback) {
  return LocalClient(std::move(callback)).responder();
}

LocalClient::LocalClient(std::function<void(Response)> callback)
    : answer_(std::make_shared<LocalAnswer>(std::move(callback))) {}

Responder LocalClient::responder() { return Responder(answer_, 0); }

void LocalClient::leave() { answer_->leave(); }

}  // namespace switchyard::http
