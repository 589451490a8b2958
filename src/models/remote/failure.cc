#include "failure.h"

#include <algorithm>
#include <charconv>

#include "chat.h"
#include "switchyard/http/retry_after.h"
#include "switchyard/types/json.h"

namespace switchyard::models {
namespace {

constexpr int64_t kLongestWaitUs = 3'600'000'000;
constexpr size_t kMaxQuotedBytes = 500;

double number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value > 0 ? value : 0;
}

/// The server's own words, from the usual places of an error body.
struct Words {
  std::string message, code;
};
Words words_of(const http::ClientResponse& response) {
  Words words;
  auto parsed = parse_json_document(response.body);
  if (parsed.ok() && (*parsed)->is(Kind::kMap)) {
    const Value* error = (*parsed)->find("error");
    const Value& from = error != nullptr && error->is(Kind::kMap) ? *error : parsed->root();
    words.message =
        error != nullptr && error->is(Kind::kString) ? error->as_string() : text_of(from, "message");
    if (words.message.empty()) words.message = text_of(from, "detail");
    words.code = text_of(from, "code");
    if (words.code.empty()) words.code = text_of(from, "type");
  } else {
    words.message = response.body;
  }
  if (words.message.size() > kMaxQuotedBytes) {
    size_t cut = kMaxQuotedBytes;
    while (cut > 0 && (static_cast<unsigned char>(words.message[cut]) & 0xC0) == 0x80) --cut;
    words.message.resize(cut);
  }
  return words;
}

}  // namespace

int64_t retry_after_us(const http::ClientResponse& response, int64_t now_us) {
  if (const double ms = number(response.header("retry-after-ms")); ms > 0)
    return std::min(kLongestWaitUs, static_cast<int64_t>(std::min(ms, 1e9) * 1000));
  return std::min(kLongestWaitUs, http::retry_after_us(response.header("retry-after"), now_us));
}

CallOutcome refused(const ModelName& model, const std::string& origin, const http::ClientResponse& response,
                    int64_t now_us) {
  const Words words = words_of(response);
  const int status = response.status;
  const std::string what = origin + " answered the call of " + model.to_string() + " with status " +
                           std::to_string(status) + (words.message.empty() ? "" : ": " + words.message);
  // Some vendors say "no credit" with 429 and a code.
  const bool broke = status == 402 || words.code == "insufficient_quota" || words.code == "billing_error";
  const auto fault = [&](ErrorKind kind, const char* code) { return make_error(kind, code, what); };
  Error error = broke                            ? fault(ErrorKind::kUnavailable, "models.out_of_credit")
                : status == 401 || status == 403 ? fault(ErrorKind::kUnavailable, "models.bad_credentials")
                : status == 404                  ? fault(ErrorKind::kUnavailable, "models.remote_missing")
                : status == 408 || status == 504
                    ? fault(ErrorKind::kDeadlineExceeded, "models.remote_timeout")
                : status == 413                 ? fault(ErrorKind::kTooLarge, "models.input_too_large")
                : status == 429                 ? fault(ErrorKind::kResourceExhausted, "models.rate_limited")
                : status >= 400 && status < 500 ? fault(ErrorKind::kInvalidArgument, "models.refused")
                                                : fault(ErrorKind::kUnavailable, "models.server_error");
  CallOutcome outcome{std::move(error)};
  outcome.status = status;
  outcome.retry_after_us = retry_after_us(response, now_us);
  // A refusal before the model ran; a failing server may have got far.
  outcome.may_have_run = status >= 500 || status == 408;
  return outcome;
}

bool is_illness(const CallOutcome& outcome) {
  if (outcome.answer.ok()) return false;
  if (outcome.status >= 500) return true;
  const Error& error = outcome.answer.error();
  return outcome.status == 0 &&
         (error.code.starts_with("http.") || error.code == "models.truncated" ||
          error.code == "models.bad_answer") &&
         error.kind != ErrorKind::kCancelled && error.code != "http.queue_full";
}

}  // namespace switchyard::models
