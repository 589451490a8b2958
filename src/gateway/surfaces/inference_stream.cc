#include "surfaces/inference_stream.h"

#include <google/protobuf/io/coded_stream.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <utility>

#include "surfaces/grpc.h"
#include "surfaces/inference_call.h"
#include "switchyard/http/grpc.h"
#include "switchyard/models/oip_messages.h"

namespace switchyard::gateway::surfaces {
namespace {

constexpr std::string_view kMessagePath = "/inference.GRPCInferenceService/ModelInfer";

/// Fields of the stream's request that are not those of each message's: they say how the stream is sent, or
/// are set anew.
constexpr std::string_view kOwnFields[] = {
    "content-length",        "expect",       "grpc-accept-encoding",
    "grpc-timeout",          "te",           "traceparent",
    "x-request-deadline-ms", "x-request-id", "x-stainless-read-timeout",
    "x-stainless-timeout"};

bool is_own(std::string_view name) {
  return std::any_of(std::begin(kOwnFields), std::end(kOwnFields),
                     [name](std::string_view own) { return http::header_name_equal(own, name); });
}

std::string_view value_of(const std::vector<http::Header>& fields, std::string_view name) {
  for (const http::Header& field : fields)
    if (http::header_name_equal(field.name, name)) return field.value;
  return {};
}

/// The id of a ModelInferRequest, found without reading its tensors; empty where there is none, or where the
/// message is compressed.
std::string id_in(std::string_view framed) {
  if (framed[0] != 0) return {};
  const std::string_view message = framed.substr(http::grpc::kPrefixBytes);
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(message.data()),
                                            static_cast<int>(message.size()));
  std::string id;
  while (const uint32_t tag = in.ReadTag()) {
    uint64_t number = 0;
    uint32_t size = 0;
    switch (tag & 7) {
      case 0:
        if (!in.ReadVarint64(&number)) return {};
        break;
      case 1:
        if (!in.Skip(8)) return {};
        break;
      case 2:
        if (!in.ReadVarint32(&size) || size > message.size()) return {};
        if (tag >> 3 == inference::ModelInferRequest::kIdFieldNumber
                ? !in.ReadString(&id, static_cast<int>(size))
                : !in.Skip(static_cast<int>(size)))
          return {};
        break;
      case 5:
        if (!in.Skip(4)) return {};
        break;
      default: return {};
    }
  }
  return id.substr(0, kMaxInferenceNameBytes);
}

/// The message of an answer of ModelInfer as one of ModelStreamInfer, with what only that says. Messages of
/// protobuf that stand one behind the other are merged by who reads them, so the tensors are not read here.
std::string wrap(std::string_view answer, std::string_view decision) {
  inference::ModelInferResponse more;
  (*more.mutable_parameters())["triton_final_response"].set_bool_param(true);
  (*more.mutable_parameters())["switchyard_decision"].set_string_param(std::string(decision));
  const std::string tail = more.SerializeAsString();
  using google::protobuf::io::CodedOutputStream;
  constexpr uint32_t kTag = inference::ModelStreamInferResponse::kInferResponseFieldNumber << 3 | 2;
  uint8_t head[16];
  uint8_t* end = CodedOutputStream::WriteVarint32ToArray(kTag, head);
  end = CodedOutputStream::WriteVarint32ToArray(static_cast<uint32_t>(answer.size() + tail.size()), end);
  std::string message;
  message.reserve(sizeof head + answer.size() + tail.size());
  message.append(reinterpret_cast<const char*>(head), static_cast<size_t>(end - head));
  return message.append(answer).append(tail);
}

/// What the door or the call answered to a message, as the stream's client shall have it.
std::string message_of(const http::Response& response, const std::string& id) {
  if (value_of(response.headers, "grpc-status").empty() && response.content_type == http::grpc::kMediaType)
    return wrap(std::string_view(response.body).substr(http::grpc::kPrefixBytes),
                value_of(response.headers, "x-switchyard-decision"));
  inference::ModelStreamInferResponse refusal;
  const std::string text = http::grpc::decode_text(value_of(response.headers, "grpc-message"));
  refusal.set_error_message(text.empty() ? "the message was given up without an answer" : text);
  auto& answer = *refusal.mutable_infer_response();
  answer.set_id(id);
  (*answer.mutable_parameters())["triton_final_response"].set_bool_param(true);
  if (const auto wait = value_of(response.headers, kGrpcPushback); !wait.empty())
    (*answer.mutable_parameters())["switchyard_retry_after_ms"].set_int64_param(
        std::stoll(std::string(wait)));
  return refusal.SerializeAsString();
}

/// A caller that may have so much at once is not refused what the stream would ask at once.
size_t most_at_once(const Call& call) {
  static const LimitRules kNone;
  const auto subjects =
      limit_subjects(call.limit_rules == nullptr ? kNone : *call.limit_rules, call.caller.key_id,
                     call.caller.policy == nullptr ? RateLimits{} : call.caller.policy->limits,
                     call.caller.tenant, "grpc_model_infer");
  size_t most = kMaxStreamMessages;
  for (const LimitSubject& subject : subjects)
    if (subject.limits.concurrent != 0) most = std::min<size_t>(most, subject.limits.concurrent);
  return most;
}

/// One call of ModelStreamInfer. Held by what is under way: the read it waits for, the messages that are
/// worked on, the answers that wait for the client. On its connection's thread once it has begun.
class InferenceStream final : public std::enable_shared_from_this<InferenceStream> {
 public:
  InferenceStream(Gateway& gateway, const Services& services, Call&& call)
      : gateway_(gateway),
        services_(services),
        call_(std::move(call)),
        body_(call_.request.body_stream()),
        packs_(packs_grpc(call_.request)),
        most_(most_at_once(call_)) {
    for (size_t i = 0; i < call_.request.header_count(); ++i) {
      const auto [name, value] = call_.request.header_at(i);
      if (!is_own(name)) fields_.push_back({std::string(name), std::string(value)});
    }
    fields_.push_back({"x-request-id", call_.request_id});
    fields_.push_back({"traceparent", call_.trace.traceparent});
  }

  void begin() {
    call_.responder.on_disconnect([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->leave();
    });
    read();
  }

 private:
  struct Message {
    http::LocalClient client;
    size_t bytes = 0;
    std::optional<std::string> answer;  // framed
  };

  void read();
  void take(http::BodyPiece piece);
  void go_on();
  bool has_room() const { return in_work_ == 0 || (in_work_ < most_ && in_work_bytes_ < kMaxInferenceBytes); }
  void ask(std::string framed);
  void answered(uint64_t number, std::string framed);
  void leave();
  void end();
  int64_t left_us() const { return call_.deadline_us - services_.clock->monotonic_us(); }

  // Constant after construction.
  Gateway& gateway_;
  const Services& services_;
  Call call_;                                     // but for its responder
  const std::shared_ptr<http::BodyStream> body_;  // shared with the connection
  std::vector<http::Header> fields_;              // of each message's request
  const bool packs_;
  const size_t most_;

  // Of the connection's thread.
  http::grpc::MessageReader reader_{kMaxInferenceBytes};
  http::Stream answers_;
  bool answers_begun_ = false;
  std::deque<Message> messages_;  // asked, in their order; from the first that is not answered on
  uint64_t first_ = 0;            // the number of messages_.front()
  size_t in_work_ = 0, in_work_bytes_ = 0;
  bool reading_ = false;
  bool input_over_ = false;
  std::optional<Error> failure_;  // what the stream ends with
};

void InferenceStream::read() {
  reading_ = true;
  auto until = http::BodyStream::TimePoint::max();
  if (call_.deadline_us != 0) until = std::chrono::steady_clock::now() + std::chrono::microseconds(left_us());
  body_->read([self = shared_from_this()](http::BodyPiece piece) { self->take(std::move(piece)); }, until);
}

void InferenceStream::take(http::BodyPiece piece) {
  reading_ = false;
  reader_.append(piece.data);
  input_over_ = piece.then != http::BodyPiece::Then::kMore;
  if (piece.then == http::BodyPiece::Then::kStopping)
    failure_ = make_error(ErrorKind::kUnavailable, "gateway.stopping",
                          "the server stops; open another stream, and send again what has no answer");
  if (piece.then == http::BodyPiece::Then::kLate)
    failure_ = make_error(ErrorKind::kDeadlineExceeded, "gateway.deadline_passed",
                          "the time is over that grpc-timeout gave to the stream; allow more, or none");
  go_on();
}

/// Asks what has come, as far as there is room, and then reads on or ends.
void InferenceStream::go_on() {
  while (has_room()) {
    auto message = reader_.next();
    if (!message.ok()) {
      failure_ = message.error();
      input_over_ = true;
    }
    if (message.ok() && message->has_value()) {
      ask(std::move(**message));
      continue;
    }
    if (!input_over_) {
      if (!reading_) read();
    } else if (in_work_ == 0) {
      end();
    }
    return;
  }
}

void InferenceStream::ask(std::string framed) {
  const uint64_t number = first_ + messages_.size();
  const size_t bytes = framed.size();
  // Only pure work is done where the answer comes: the rest waits for the connection's thread.
  auto done = [self = shared_from_this(), number, id = id_in(framed)](const http::Response& response) {
    std::string answer = http::grpc::frame(message_of(response, id), self->packs_);
    self->body_->post(
        [self, number, answer = std::move(answer)]() mutable { self->answered(number, std::move(answer)); });
  };
  messages_.push_back({http::LocalClient(std::move(done)), bytes, std::nullopt});
  ++in_work_;
  in_work_bytes_ += bytes;
  auto fields = fields_;
  if (call_.deadline_us != 0)
    fields.push_back({"x-request-deadline-ms",
                      std::to_string(std::clamp<int64_t>((left_us() + 999) / 1000, 1, 99'999'999))});
  http::Request request =
      http::Request::make(http::Method::kPost, kMessagePath, fields, std::move(framed)).value();
  request.set_client_of(call_.request);
  gateway_.handle(std::move(request), messages_.back().client.responder());
}

void InferenceStream::answered(uint64_t number, std::string framed) {
  messages_[number - first_].answer = std::move(framed);
  while (!messages_.empty() && messages_.front().answer.has_value()) {
    Message message = std::move(messages_.front());
    messages_.pop_front();
    ++first_;
    if (!std::exchange(answers_begun_, true)) answers_ = call_.responder.begin_stream(grpc_head(packs_));
    // A message counts until its answer has gone: whoever does not read answers is asked nothing more.
    answers_.write(std::move(*message.answer), [self = shared_from_this(), bytes = message.bytes] {
      --self->in_work_;
      self->in_work_bytes_ -= bytes;
      self->go_on();
    });
  }
}

void InferenceStream::leave() {
  // Nobody is told their answers any more, and they would keep the stream alive.
  for (Message& message : std::exchange(messages_, {})) message.client.leave();
}

void InferenceStream::end() {
  if (!failure_ && !reader_.is_empty())
    failure_ = make_error(ErrorKind::kInvalidArgument, "grpc.bad_request",
                          "the stream ended in the middle of a message");
  auto trailers = failure_ ? grpc_status(*failure_) : std::vector<http::Header>{{"grpc-status", "0"}};
  if (answers_begun_) return answers_.end(std::move(trailers));
  if (failure_) return call_.answer(grpc_error(*failure_));
  http::Response nothing = grpc_head(packs_);
  nothing.trailers = std::move(trailers);
  call_.answer(std::move(nothing));
}

}  // namespace

void begin_inference_stream(Gateway& gateway, const Services& services, Call&& call) {
  if (const Status good = check_grpc(call.request); !good.ok()) return call.fail(good.error());
  if (call.request.body_stream() == nullptr)
    return call.fail(make_error(ErrorKind::kInvalidArgument, "grpc.bad_request",
                                "a stream needs HTTP/2; send this call over it"));
  if (call.request.header("Idempotency-Key"))
    return call.fail(make_error(ErrorKind::kInvalidArgument, "inference.unsupported",
                                "an idempotency key is one call's, and a stream makes many; leave it out, or "
                                "call ModelInfer",
                                "Idempotency-Key"));
  std::make_shared<InferenceStream>(gateway, services, std::move(call))->begin();
}

}  // namespace switchyard::gateway::surfaces
