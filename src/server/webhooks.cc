#include "webhooks.h"

#include <cstdlib>

#include "switchyard/events/cloud_event.h"
#include "switchyard/events/signature.h"
#include "switchyard/http/retry_after.h"
#include "switchyard/http/url.h"
#include "switchyard/runtime/disk.h"
#include "switchyard/telemetry/secret.h"

namespace switchyard::server {
namespace {

using events::Webhook;

constexpr size_t kMaxSecretFileBytes = 4096;
constexpr size_t kMaxAnswerBytes = 64u << 10;  // what a receiver says is not looked at

Result<telemetry::Secret> read_secret(const Webhook& webhook) {
  const auto& [from, name] = webhook.secret;
  std::string text;
  if (from == Webhook::Secret::From::kEnvironment) {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr)
      return make_error(ErrorKind::kUnprocessable, "webhook.no_secret",
                        "the environment variable " + name + " with the signing secret of webhook " +
                            webhook.name + " is not set; set it and restart the server");
    text = value;
  } else {
    auto read = runtime::read_file(runtime::posix_disk(), name, kMaxSecretFileBytes);
    if (!read.ok())
      return make_error(ErrorKind::kUnprocessable, "webhook.no_secret",
                        "the file with the signing secret of webhook " + webhook.name +
                            " cannot be read: " + read.error().message);
    text = std::move(*read);
  }
  SY_ASSIGN_OR_RETURN(std::string bytes, events::decode_secret(text));
  return telemetry::Secret(std::move(bytes));
}

void fill_body(const partition::WebhookRequest& request, http::ClientRequest& outgoing) {
  const Webhook& webhook = *request.webhook;
  if (webhook.mode == Webhook::Mode::kBinary) {
    auto message = events::to_binary(request.events.front().root());
    for (auto& [name, value] : message.headers)
      outgoing.headers.push_back({std::move(name), std::move(value)});
    outgoing.body = std::move(message.body);
  } else if (webhook.mode == Webhook::Mode::kStructured) {
    outgoing.headers.push_back({"Content-Type", "application/cloudevents+json; charset=utf-8"});
    events::append_structured(request.events.front().root(), outgoing.body);
  } else {
    outgoing.headers.push_back({"Content-Type", "application/cloudevents-batch+json; charset=utf-8"});
    outgoing.body = "[";
    for (const Document& event : request.events) {
      if (outgoing.body.size() > 1) outgoing.body += ',';
      events::append_structured(event.root(), outgoing.body);
    }
    outgoing.body += ']';
  }
}

partition::WebhookOutcome outcome_of(const http::ClientResult& result, const Webhook& webhook,
                                     int64_t now_us) {
  partition::WebhookOutcome outcome;
  if (!result.response.ok()) {
    outcome.status = result.response.error();
    return outcome;
  }
  const int status = result.response->status;
  outcome.http_status = static_cast<uint16_t>(status);
  if (status >= 200 && status < 300) return outcome;
  outcome.gone = status == 410;
  outcome.retry_after_us = http::retry_after_us(result.response->header("Retry-After"), now_us);
  outcome.status = make_error(ErrorKind::kUnavailable, "webhook.refused",
                              webhook.url + " answered with status " + std::to_string(status));
  return outcome;
}

}  // namespace

void Webhooks::send(const partition::WebhookRequest& request,
                    std::function<void(partition::WebhookOutcome)> done) {
  const Webhook& webhook = *request.webhook;
  if (const auto url = http::parse_url(webhook.url); url.ok()) {
    if (Status allowed = egress_.check(*url); !allowed.ok()) {
      partition::WebhookOutcome outcome;
      outcome.status = std::move(allowed);
      return done(std::move(outcome));
    }
  }
  http::ClientRequest outgoing;
  outgoing.method = http::Method::kPost;
  outgoing.url = webhook.url;
  for (const auto& [name, value] : webhook.headers) outgoing.headers.push_back({name, value});
  fill_body(request, outgoing);
  const int64_t timestamp_s = clock_.now_us() / 1'000'000;
  outgoing.headers.push_back({"webhook-id", request.id});
  outgoing.headers.push_back({"webhook-timestamp", std::to_string(timestamp_s)});
  if (webhook.secret.from != Webhook::Secret::From::kNone) {
    const auto secret = read_secret(webhook);
    if (!secret.ok()) {
      partition::WebhookOutcome outcome;
      outcome.status = secret.error();
      return done(std::move(outcome));
    }
    outgoing.headers.push_back(
        {"webhook-signature", events::sign(secret->reveal(), request.id, timestamp_s, outgoing.body)});
  }
  outgoing.timeout_ms = webhook.timeout_us / 1000;
  outgoing.max_response_bytes = kMaxAnswerBytes;
  // The receiver knows a repetition by its webhook-id.
  outgoing.idempotent = true;
  client_.request(std::move(outgoing),
                  [this, hook = request.webhook, done = std::move(done)](http::ClientResult result) {
                    done(outcome_of(result, *hook, clock_.now_us()));
                  });
}

}  // namespace switchyard::server
