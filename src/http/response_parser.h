#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <string>

#include "switchyard/http/client.h"

namespace switchyard::http {

/// Reads one response. Beast does the grammar; this class collects the parts and keeps to the limits.
class ResponseParser final : private boost::beast::http::basic_parser<false> {
 public:
  ResponseParser(size_t max_body_bytes, bool is_head);

  enum class Outcome : uint8_t { kNeedMore, kDone, kFailed };
  /// Takes bytes from the front of `data`; `*consumed` of them are used up, the rest must be given again.
  Outcome feed(std::string_view data, size_t* consumed);
  /// The peer ended its side: kDone when the body was to last until then.
  Outcome end_of_input();

  bool started() const { return started_; }
  bool keeps_alive() const { return keep_alive(); }
  /// After kDone; a 1xx response is to be thrown away.
  ClientResponse& response() { return response_; }
  const Error& error() const { return error_; }

 private:
  using Text = boost::beast::string_view;
  using Code = boost::beast::error_code;
  void on_request_impl(boost::beast::http::verb, Text, Text, int, Code&) override {}
  void on_response_impl(int status, Text, int, Code&) override { response_.status = status; }
  void on_field_impl(boost::beast::http::field, Text name, Text value, Code&) override;
  void on_header_impl(Code&) override { head_done_ = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Code&) override;
  std::size_t on_body_impl(Text body, Code& code) override { return append(body, code); }
  void on_chunk_header_impl(std::uint64_t, Text, Code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text body, Code& code) override { return append(body, code); }
  void on_finish_impl(Code&) override {}

  std::size_t append(Text body, Code& code);
  Outcome fail(ErrorKind kind, std::string code, std::string message);

  const size_t max_body_bytes_;
  ClientResponse response_;
  Error error_;
  bool started_ = false;
  bool head_done_ = false;
};

}  // namespace switchyard::http
