#include "request_parser.h"

#include <algorithm>
#include <functional>

#include "switchyard/http/limits.h"

namespace switchyard::http {
namespace {

namespace beast = boost::beast;
using beast::http::error;
using beast::http::field;

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

RequestParser::RequestParser(size_t max_header_bytes, size_t max_body_bytes)
    : max_header_bytes_(max_header_bytes), max_body_bytes_(max_body_bytes) {
  header_limit(static_cast<uint32_t>(max_header_bytes));
  body_limit(max_body_bytes);
  eager(true);
  request_.headers_.reserve(16);
}

RequestParser::Outcome RequestParser::feed(const char* message, size_t from, size_t size, size_t* consumed) {
  message_ = message;
  message_size_ = size;
  Code code;
  *consumed = put({message + from, size - from}, code);
  if (refused_) return Outcome::kRefused;
  if (code && code != error::need_more) {
    refuse_by(code);
    return Outcome::kRefused;
  }
  if (is_done()) {
    // The parser holds only what is unread to its limit, not the sum of a head that trickles in.
    return head_end_ > max_header_bytes_ ? refuse_too_long() : Outcome::kDone;
  }
  const size_t unread = head_done_ ? size - from - *consumed : size;
  return unread >= max_header_bytes_ ? refuse_too_long() : Outcome::kNeedMore;
}

RequestParser::Outcome RequestParser::refuse_too_long() {
  Code ignored;
  refuse(ignored, 431, "http.header_too_large",
         "The request's line and header fields exceed the limit max_header_bytes = " +
             std::to_string(max_header_bytes_) + "; send fewer or shorter fields.");
  return Outcome::kRefused;
}

Request::Slice RequestParser::slice(Text text) const {
  return {static_cast<uint32_t>(text.data() - message_), static_cast<uint32_t>(text.size())};
}

void RequestParser::refuse(Code& code, int status, std::string error_code, std::string message) {
  code = error::bad_value;
  refused_ = true;
  const ErrorKind kind = status == 413 || status == 431 ? ErrorKind::kTooLarge : ErrorKind::kInvalidArgument;
  refusal_ = {status, make_error(kind, std::move(error_code), std::move(message))};
}

void RequestParser::refuse_by(const Code& code) {
  Code ignored;
  if (code == error::header_limit) {
    refuse_too_long();
  } else if (code == error::body_limit) {
    refuse(ignored, 413, "http.body_too_large",
           "The request's body exceeds the limit max_body_bytes = " + std::to_string(max_body_bytes_) +
               "; send less in one request.");
  } else if (code == error::bad_version) {
    refuse(ignored, 505, "http.bad_version", "The protocol version is not HTTP/1.0 or HTTP/1.1.");
  } else if (code == error::bad_content_length || code == error::multiple_content_length ||
             code == error::bad_transfer_encoding) {
    refuse(ignored, 400, "http.ambiguous_length",
           "The request's length is not stated once and plainly; send one Content-Length or "
           "'Transfer-Encoding: chunked', not both.");
  } else if (code == error::bad_chunk || code == error::bad_chunk_extension) {
    refuse(ignored, 400, "http.bad_chunk", "The chunked body is malformed.");
  } else {
    refuse(ignored, 400, "http.bad_request", "The request is not well-formed HTTP: " + code.message() + ".");
  }
}

void RequestParser::on_request_impl(beast::http::verb, Text method, Text target, int version, Code&) {
  version_ = version;
  request_.method_ = method_from(view(method));
  request_.method_text_ = slice(method);
  request_.target_ = slice(target);
  head_end_ = request_.target_.offset + request_.target_.size;
}

void RequestParser::on_field_impl(field name, Text name_text, Text value, Code& code) {
  if (head_done_) return;  // trailers say nothing that anybody here reads
  // Beast unfolds: the value then lies in a buffer of its own, or line ends stand between it and its name.
  const std::less<const char*> before;
  const char* name_end = name_text.data() + name_text.size();
  if (before(value.data(), name_end) || before(message_ + message_size_, value.data()) ||
      std::find(name_end, value.data(), '\n') != value.data())
    return refuse(code, 400, "http.folded_header",
                  "A header field is folded over several lines; send it in one.");
  if (request_.headers_.size() == kMaxHeaderFields)
    return refuse(code, 431, "http.too_many_headers",
                  "The request has more than " + std::to_string(kMaxHeaderFields) + " header fields.");
  const auto ambiguous = [&] {
    refuse(code, 400, "http.ambiguous_length",
           "The request's length is not stated once and plainly; send one Content-Length or "
           "'Transfer-Encoding: chunked', not both.");
  };
  switch (name) {
    case field::content_length:
      if (has_length_ || has_coding_ || !all_digits(view(value))) return ambiguous();
      has_length_ = true;
      break;
    case field::transfer_encoding:
      if (has_length_ || has_coding_ || version_ == 10 || !header_name_equal(view(value), "chunked"))
        return ambiguous();
      has_coding_ = true;
      break;
    case field::host:
      if (has_host_)
        return refuse(code, 400, "http.bad_host", "The request has several Host fields; send one.");
      has_host_ = true;
      break;
    case field::expect:
      if (header_name_equal(view(value), "100-continue")) {
        expects_continue_ = version_ >= 11;
      } else {
        return refuse(code, 417, "http.bad_expectation", "The only expectation known is 100-continue.");
      }
      break;
    default: break;
  }
  const Request::Field place{slice(name_text), slice(value)};
  head_end_ = std::max(head_end_, place.value.offset + place.value.size);
  request_.headers_.push_back(place);
}

void RequestParser::on_header_impl(Code& code) {
  head_done_ = true;
  if (version_ >= 11 && !has_host_)
    return refuse(code, 400, "http.bad_host", "The request has no Host field, which HTTP/1.1 asks for.");
  request_.head_.assign(message_, head_end_);
  if (!request_.split_target())
    refuse(code, 400, "http.bad_target",
           "The request target is no path, or has a broken percent escape or more than " +
               std::to_string(kMaxQueryParameters) + " parameters.");
}

void RequestParser::on_body_init_impl(const boost::optional<std::uint64_t>& length, Code&) {
  if (length) request_.body_.reserve(std::min<uint64_t>(*length, kBodyReserveBytes));
}

std::size_t RequestParser::on_body_impl(Text body, Code&) {
  request_.body_.append(body.data(), body.size());
  return body.size();
}

std::size_t RequestParser::on_chunk_body_impl(std::uint64_t, Text body, Code&) {
  request_.body_.append(body.data(), body.size());
  return body.size();
}

}  // namespace switchyard::http
