#include "response_parser.h"

#include <algorithm>

#include "switchyard/http/limits.h"

namespace switchyard::http {

namespace beast = boost::beast;
using beast::http::error;

ResponseParser::ResponseParser(size_t max_body_bytes, bool is_head) : max_body_bytes_(max_body_bytes) {
  header_limit(static_cast<uint32_t>(kMaxResponseHeaderBytes));
  body_limit(max_body_bytes);
  eager(true);
  skip(is_head);
}

ResponseParser::Outcome ResponseParser::feed(std::string_view data, size_t* consumed) {
  started_ = started_ || !data.empty();
  Code code;
  *consumed = put({data.data(), data.size()}, code);
  if (code == error::body_limit)
    return fail(ErrorKind::kTooLarge, "http.response_too_large",
                "The response's body exceeds the limit max_response_bytes = " +
                    std::to_string(max_body_bytes_) + ".");
  if (code && code != error::need_more)
    return fail(ErrorKind::kUnavailable, "http.bad_response",
                "The peer's response is not well-formed HTTP: " + code.message() + ".");
  if (is_done()) return Outcome::kDone;
  if (data.size() - *consumed >= kMaxResponseHeaderBytes)
    return fail(ErrorKind::kUnavailable, "http.bad_response",
                "The peer's response has too long a head or chunk header.");
  return Outcome::kNeedMore;
}

ResponseParser::Outcome ResponseParser::end_of_input() {
  if (!started_)
    return fail(ErrorKind::kUnavailable, "http.connection_lost",
                "The peer closed the connection without an answer.");
  Code code;
  put_eof(code);
  if (!code && is_done()) return Outcome::kDone;
  return fail(ErrorKind::kUnavailable, "http.truncated",
              "The peer closed the connection in the middle of its answer.");
}

void ResponseParser::on_field_impl(beast::http::field name, Text name_text, Text value, Code& code) {
  if (head_done_) return;  // trailers
  const std::string_view text(value.data(), value.size());
  // A coding that this client does not undo would make the body something else than it seems.
  if (response_.headers.size() == kMaxHeaderFields ||
      (name == beast::http::field::transfer_encoding && !header_name_equal(text, "chunked"))) {
    code = error::bad_value;
    return;
  }
  response_.headers.push_back({std::string(name_text.data(), name_text.size()), std::string(text)});
}

void ResponseParser::on_body_init_impl(const boost::optional<std::uint64_t>& length, Code&) {
  if (length) response_.body.reserve(std::min<uint64_t>(*length, kBodyReserveBytes));
}

std::size_t ResponseParser::append(Text body, Code&) {
  response_.body.append(body.data(), body.size());
  return body.size();
}

ResponseParser::Outcome ResponseParser::fail(ErrorKind kind, std::string code, std::string message) {
  error_ = make_error(kind, std::move(code), std::move(message));
  return Outcome::kFailed;
}

}  // namespace switchyard::http
