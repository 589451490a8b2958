#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <string>

#include "switchyard/http/message.h"

namespace switchyard::http {

/// Why a request was not taken.
struct Refusal {
  int status = 400;
  Error error;
};

/// Reads one request from a connection's buffer. Beast does the grammar; this class keeps where the parts
/// are, and refuses what two readers could understand differently (the root of request smuggling): both or
/// several lengths, any transfer coding but one "chunked", folded lines, several Host fields. The bytes of
/// the head must stay contiguous in the buffer until head_done(); the buffer itself may move.
class RequestParser final : private boost::beast::http::basic_parser<true> {
 public:
  RequestParser(size_t max_header_bytes, size_t max_body_bytes);

  enum class Outcome : uint8_t { kNeedMore, kDone, kRefused };
  /// Takes the bytes [from, size) of the message that begins at `message`; `*consumed` of them are used up.
  Outcome feed(const char* message, size_t from, size_t size, size_t* consumed);

  bool head_done() const { return head_done_; }
  /// The client waits for "100 Continue" before it sends the body.
  bool expects_continue() const { return expects_continue_; }
  /// Of a whole request.
  bool keeps_alive() const { return keep_alive(); }
  bool is_http10() const { return version_ == 10; }
  /// After kDone; once.
  Request take() { return std::move(request_); }
  void set_origin(std::string remote_address, int64_t received_us) {
    request_.remote_address_ = std::move(remote_address);
    request_.received_us_ = received_us;
  }
  const Refusal& refusal() const { return refusal_; }

 private:
  using Text = boost::beast::string_view;
  using Code = boost::beast::error_code;
  void on_request_impl(boost::beast::http::verb, Text method, Text target, int version, Code&) override;
  void on_response_impl(int, Text, int, Code&) override {}
  void on_field_impl(boost::beast::http::field, Text name, Text value, Code&) override;
  void on_header_impl(Code&) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Code&) override;
  std::size_t on_body_impl(Text, Code&) override;
  void on_chunk_header_impl(std::uint64_t, Text, Code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text, Code&) override;
  void on_finish_impl(Code&) override {}

  Request::Slice slice(Text text) const;
  void refuse(Code&, int status, std::string code, std::string message);
  void refuse_by(const Code&);
  Outcome refuse_too_long();

  const size_t max_header_bytes_;
  const size_t max_body_bytes_;
  const char* message_ = nullptr;  // valid during feed()
  size_t message_size_ = 0;
  Request request_;
  Refusal refusal_;
  int version_ = 11;
  uint32_t head_end_ = 0;
  bool head_done_ = false;
  bool refused_ = false;
  bool expects_continue_ = false;
  bool has_host_ = false;
  bool has_length_ = false;
  bool has_coding_ = false;
};

}  // namespace switchyard::http
