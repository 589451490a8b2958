#include <cstdlib>
#include <fstream>
#include <mutex>
#include <sstream>

#include "../output_plan.h"
#include "call_limit.h"
#include "endpoints.h"
#include "failure.h"
#include "protocol.h"
#include "switchyard/base/check.h"
#include "switchyard/models/limits.h"
#include "switchyard/models/remote.h"

namespace switchyard::models {
namespace {

Error cancelled() { return make_error(ErrorKind::kCancelled, "models.cancelled", "the call was cancelled"); }

Result<std::string> read_secret(const BackendSpec& backend) {
  const SecretSource& from = backend.secret;
  std::string secret;
  if (!from.environment.empty()) {
    if (const char* value = std::getenv(from.environment.c_str())) secret = value;
  } else {
    std::ifstream file(from.file);
    std::ostringstream text;
    text << file.rdbuf();
    secret = text.str();
  }
  while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r' || secret.back() == ' '))
    secret.pop_back();
  if (!secret.empty()) return secret;
  return make_error(
      ErrorKind::kNotFound, "models.no_secret",
      "the secret of backend " + backend.name.to_string() + " is not there: " +
          (from.environment.empty() ? "put it into the file " + from.file
                                    : "set " + from.environment + " in the server's environment"),
      "auth");
}

class HttpModel final : public RemoteModel, public std::enable_shared_from_this<HttpModel> {
 public:
  HttpModel(const ModelManifest& manifest, const BackendSpec& backend, const RemoteSurroundings& surroundings,
            std::unique_ptr<Protocol> protocol, std::vector<http::Header> headers)
      : model_(manifest.model),
        input_schema_(manifest.input_schema),
        surroundings_(surroundings),
        protocol_(std::move(protocol)),
        headers_(std::move(headers)),
        timeout_us_(int64_t{1000} * (manifest.timeout_ms > 0  ? manifest.timeout_ms
                                     : backend.timeout_ms > 0 ? backend.timeout_ms
                                                              : kDefaultRemoteTimeoutMs)),
        max_concurrent_(backend.max_concurrent > 0 ? backend.max_concurrent : kDefaultRemoteConcurrent),
        limit_(max_concurrent_, backend.max_waiting),
        endpoints_(backend) {}

  std::function<void()> call(CallRequest request, Caller::Done done) override;
  expression::Type output_type() const override { return protocol_->output_type(); }
  std::vector<Replica> replicas() const override {
    std::vector<Replica> all;
    for (const auto& state : endpoints_.states(surroundings_.clock->monotonic_us()))
      all.push_back({state.url, state.under_way, state.ejected});
    return all;
  }

 private:
  /// One call on its way; kept alive by the client's callbacks.
  struct Exchange {
    Caller::Done done;
    std::function<bool(const Document&)> on_part;
    AnswerForm wanted = AnswerForm::kDocument;
    std::unique_ptr<StreamReader> stream;
    Status stream_fault;  // why the reading of the stream was given up
    std::string origin;
    size_t endpoint = 0;
    int64_t asked_us = 0, deadline_us = 0;
    int64_t begun_us = 0;  // it waited from asked_us to then
    int64_t first_part_us = 0;
    uint32_t parts = 0;

    std::mutex mutex;
    bool cancelled = false;       // guarded by mutex
    http::Client::Handle handle;  // guarded by mutex
  };
  using ExchangePtr = std::shared_ptr<Exchange>;  // shared by the client's callbacks and who may cancel
  /// Requires the exchange's stream, if it is to have one; tells it what answer is wanted.
  Result<http::ClientRequest> form(const CallRequest& request, Exchange& exchange) const;
  /// False: it is over before it began.
  bool begin(const ExchangePtr& exchange, http::ClientRequest outgoing);
  void cancel(const ExchangePtr& exchange, QueueOrder order);
  void take_piece(Exchange& exchange, std::string_view piece, bool* go_on);
  void finish(Exchange& exchange, http::ClientResult result);
  CallOutcome outcome_of(Exchange& exchange, http::ClientResult& result);
  CallOutcome answered(Exchange& exchange, const http::ClientResponse& response);

  const ModelName model_;
  const schema::SchemaPtr input_schema_;
  const RemoteSurroundings surroundings_;
  const std::unique_ptr<Protocol> protocol_;
  const std::vector<http::Header> headers_;
  const int64_t timeout_us_;
  const uint32_t max_concurrent_;
  CallLimit limit_;
  Endpoints endpoints_;
};

Result<http::ClientRequest> HttpModel::form(const CallRequest& request, Exchange& exchange) const {
  const bool streams = exchange.stream != nullptr;
  Arena scratch;
  SY_ASSIGN_OR_RETURN(const Value input,
                      normalized_input(model_, input_schema_, request.input.root(), scratch));
  SY_ASSIGN_OR_RETURN(Protocol::Request formed, protocol_->request(input, streams));
  exchange.wanted = formed.wanted;
  http::ClientRequest outgoing;
  outgoing.method = formed.method;
  outgoing.url = std::move(formed.path);  // completed with the replica's URL
  outgoing.headers = headers_;
  bool has_type = false, has_accept = false;
  for (auto& header : formed.headers) {
    has_type = has_type || http::header_name_equal(header.name, "Content-Type");
    has_accept = has_accept || http::header_name_equal(header.name, "Accept");
    outgoing.headers.push_back(std::move(header));
  }
  if (!has_type) outgoing.headers.push_back({"Content-Type", "application/json"});
  if (!has_accept) outgoing.headers.push_back({"Accept", streams ? "text/event-stream" : "application/json"});
  if (!request.idempotency_key.empty())
    outgoing.headers.push_back({"Idempotency-Key", request.idempotency_key});
  if (!request.trace.empty()) outgoing.headers.push_back({"traceparent", request.trace});
  outgoing.body = std::move(formed.body);
  outgoing.priority = request.priority;
  // Asking a model twice gives no harm but its price: and a dead kept connection has cost nothing.
  outgoing.idempotent = true;
  outgoing.max_response_bytes = kMaxRemoteAnswerBytes;
  return outgoing;
}

std::function<void()> HttpModel::call(CallRequest request, Caller::Done done) {
  const auto refuse = [&](Error error) {
    done(never_asked(std::move(error)));
    return [] {};
  };
  auto exchange = std::make_shared<Exchange>();
  exchange->asked_us = surroundings_.clock->monotonic_us();
  exchange->deadline_us = exchange->asked_us + timeout_us_;
  if (request.deadline_us != 0) exchange->deadline_us = std::min(exchange->deadline_us, request.deadline_us);
  if (exchange->deadline_us <= exchange->asked_us) return refuse(too_late(model_));
  if (request.on_part) exchange->stream = protocol_->stream();
  auto formed = form(request, *exchange);
  if (!formed.ok()) return refuse(std::move(formed).error());
  exchange->done = std::move(done);
  exchange->on_part = std::move(request.on_part);
  const auto outgoing =
      std::make_shared<http::ClientRequest>(std::move(*formed));  // std::function wants copies
  const auto self = shared_from_this();
  const QueueOrder order = limit_.enter(
      request.priority, [self, exchange, outgoing] { return self->begin(exchange, std::move(*outgoing)); },
      [self, exchange] {
        std::exchange(exchange->done,
                      nullptr)(never_asked(backend_busy(self->model_, self->max_concurrent_)));
      });
  return [self, exchange, order] { self->cancel(exchange, order); };
}

bool HttpModel::begin(const ExchangePtr& exchange, http::ClientRequest outgoing) {
  const auto over = [&](Error error) {
    std::exchange(exchange->done, nullptr)(never_asked(std::move(error)));
    return false;
  };
  const int64_t now_us = surroundings_.clock->monotonic_us();
  if (exchange->deadline_us <= now_us) return over(too_late(model_));
  const Endpoints::Pick pick = endpoints_.begin(now_us);
  exchange->endpoint = pick.index;
  exchange->begun_us = now_us;
  outgoing.url = *pick.url + outgoing.url;
  // Rounded up: who is given up before the deadline would be replaced by another for the rest of it.
  outgoing.timeout_ms = (exchange->deadline_us - now_us + 999) / 1000;
  protocol_->add_deadline(outgoing.timeout_ms, outgoing.headers);
  const auto url = http::parse_url(outgoing.url, http::Schemes::kHttpAndGrpc);
  exchange->origin = url.ok() ? url->origin() : *pick.url;
  if (surroundings_.may_call && url.ok()) {
    if (const Status allowed = surroundings_.may_call(*url); !allowed.ok()) {
      endpoints_.abandon(pick.index);
      return over(allowed.error());
    }
  }
  const auto self = shared_from_this();
  if (exchange->stream != nullptr) {
    outgoing.on_body = [self, exchange](const http::ClientResponse&, std::string_view piece) {
      bool go_on = true;
      self->take_piece(*exchange, piece, &go_on);
      return go_on;
    };
  }
  http::Client::Handle handle = surroundings_.client->request(
      std::move(outgoing),
      [self, exchange](http::ClientResult result) { self->finish(*exchange, std::move(result)); });
  const std::lock_guard lock(exchange->mutex);
  exchange->handle = handle;
  if (exchange->cancelled) handle.cancel();
  return true;
}

void HttpModel::cancel(const ExchangePtr& exchange, QueueOrder order) {
  if (limit_.withdraw(order)) return std::exchange(exchange->done, nullptr)(never_asked(cancelled()));
  const std::lock_guard lock(exchange->mutex);
  exchange->cancelled = true;
  exchange->handle.cancel();
}

void HttpModel::take_piece(Exchange& exchange, std::string_view piece, bool* go_on) {
  auto read = exchange.stream->take(piece, [&](const Document& part) {
    if (exchange.parts++ == 0)
      exchange.first_part_us = surroundings_.clock->monotonic_us() - exchange.begun_us;
    return exchange.on_part(part);
  });
  if (read.ok()) return;
  exchange.stream_fault = std::move(read);
  *go_on = false;
}

CallOutcome HttpModel::answered(Exchange& exchange, const http::ClientResponse& response) {
  auto reply =
      exchange.stream != nullptr ? exchange.stream->end() : protocol_->reply(response, exchange.wanted);
  if (!reply.ok()) return {std::move(reply).error()};
  ModelAnswer answer = answer_of(std::move(*reply), surroundings_.clock->monotonic_us() - exchange.begun_us);
  answer.queue_us = exchange.begun_us - exchange.asked_us;
  answer.upstream_id = response.header("x-request-id");
  if (answer.upstream_id.empty()) answer.upstream_id = response.header("request-id");
  answer.endpoint = exchange.origin;
  answer.first_part_us = exchange.first_part_us;
  return {std::move(answer)};
}

CallOutcome HttpModel::outcome_of(Exchange& exchange, http::ClientResult& result) {
  if (!exchange.stream_fault.ok()) return {exchange.stream_fault.error()};
  if (!result.response.ok()) {
    Error error = std::move(result.response).error();
    if (error.code == "http.cancelled") error = cancelled();
    CallOutcome outcome{std::move(error)};
    outcome.may_have_run = result.may_have_been_sent;
    return outcome;
  }
  protocol_->unwrap(*result.response);
  if (result.response->status / 100 != 2)
    return refused(model_, exchange.origin, *result.response, surroundings_.clock->now_us());
  CallOutcome outcome = answered(exchange, *result.response);
  outcome.status = result.response->status;
  return outcome;
}

void HttpModel::finish(Exchange& exchange, http::ClientResult result) {
  CallOutcome outcome = outcome_of(exchange, result);
  outcome.parts = exchange.parts;
  if (!outcome.answer.ok()) outcome.endpoint = exchange.origin;
  if (!outcome.answer.ok() && outcome.answer.error().kind == ErrorKind::kCancelled)
    endpoints_.abandon(exchange.endpoint);
  else
    endpoints_.end(exchange.endpoint, !is_illness(outcome), surroundings_.clock->monotonic_us());
  const auto done = std::exchange(exchange.done, nullptr);
  limit_.leave();
  done(std::move(outcome));
}

}  // namespace

Result<Value> normalized_input(const ModelName& model, const schema::SchemaPtr& schema, const Value& input,
                               Arena& arena) {
  if (schema == nullptr) return input;
  auto normal = schema->normalize(input, arena);
  if (normal.ok()) return normal;
  return make_error(
      ErrorKind::kInvalidArgument, "models.bad_input",
      "the input of " + model.to_string() + " does not fit its schema: " + normal.error().message,
      normal.error().field);
}

Error wrong_kind(const ModelManifest& manifest, std::string_view protocol, std::string_view kinds) {
  return make_error(ErrorKind::kUnprocessable, "models.wrong_kind",
                    "protocol " + std::string(protocol) + " has models of kind " + std::string(kinds) +
                        ", and " + manifest.model.to_string() + " is of kind " +
                        std::string(model_kind_name(manifest.kind)),
                    "kind");
}

Error too_late(const ModelName& model) {
  return make_error(ErrorKind::kDeadlineExceeded, "models.deadline",
                    "the deadline had passed before " + model.to_string() + " was asked");
}

Error backend_busy(const ModelName& model, uint32_t max_concurrent) {
  return make_error(ErrorKind::kResourceExhausted, "models.backend_busy",
                    "already " + std::to_string(max_concurrent) + " calls of " + model.to_string() +
                        " are under way (max_concurrent of its backend), and as many wait as may; ask again "
                        "later, or raise "
                        "it or max_waiting");
}

ModelAnswer answer_of(RemoteReply reply, int64_t run_us) {
  ModelAnswer answer;
  answer.output = std::move(reply.output);
  answer.usage = reply.usage;
  answer.served_by = std::move(reply.served_by);
  answer.run_us = run_us;
  return answer;
}

Error bad_answer(std::string why) {
  return make_error(ErrorKind::kUnavailable, "models.bad_answer",
                    "the server's answer cannot be used: " + std::move(why));
}

Error truncated(std::string why) {
  return make_error(ErrorKind::kUnavailable, "models.truncated", std::move(why));
}

Result<std::unique_ptr<Protocol>> make_protocol(std::string_view name, const ModelManifest& manifest) {
  if (name == "openai") return make_openai_protocol(manifest);
  if (name == "anthropic") return make_anthropic_protocol(manifest);
  if (name == "http") return make_http_protocol(manifest);
  if (name == "oip") return make_oip_protocol(manifest);
  if (name == "oip-grpc") return make_oip_grpc_protocol(manifest);
  if (name == "worker") return make_worker_protocol(manifest);
  return make_error(ErrorKind::kUnprocessable, "models.unknown_protocol",
                    "models of protocol '" + std::string(name) +
                        "' cannot be called; use openai, anthropic, oip, oip-grpc, http or worker",
                    "protocol");
}

Status check_secret(const BackendSpec& backend) {
  if (backend.auth_header.empty()) return {};
  auto secret = read_secret(backend);
  return secret.ok() ? Status() : Status(std::move(secret).error());
}

Result<Document> remote_output_schema(const ModelManifest& manifest, const BackendSpec& backend) {
  SY_ASSIGN_OR_RETURN(const auto protocol, make_protocol(backend.protocol, manifest));
  if (manifest.output_schema != nullptr) return make_document(manifest.output_schema->document());
  return schema_of(protocol->output_type());
}

Result<std::shared_ptr<RemoteModel>> make_http_model(const ModelManifest& manifest,
                                                     const BackendSpec& backend,
                                                     const RemoteSurroundings& surroundings) {
  SY_CHECK(surroundings.client != nullptr && surroundings.clock != nullptr);
  SY_ASSIGN_OR_RETURN(auto protocol, make_protocol(backend.protocol, manifest));
  std::vector<http::Header> headers;
  for (const auto& [name, value] : backend.headers) headers.push_back({name, value});
  if (!backend.auth_header.empty()) {
    SY_ASSIGN_OR_RETURN(const std::string secret, read_secret(backend));
    headers.push_back({backend.auth_header, backend.auth_prefix + secret});
  }
  return std::shared_ptr<RemoteModel>(
      std::make_shared<HttpModel>(manifest, backend, surroundings, std::move(protocol), std::move(headers)));
}

}  // namespace switchyard::models
