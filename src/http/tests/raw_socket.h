#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::http::testing {

/// One answer as it came over the wire.
struct RawAnswer {
  int status = 0;
  std::string head;
  std::string body;
  bool whole = false;  ///< false: the connection ended before the announced length

  /// The value of a header, "" when it is not there.
  std::string header(std::string_view name) const;
};

/// A plain blocking TCP client that sends exactly the bytes it is told to: for malformed and odd input.
class RawSocket {
 public:
  explicit RawSocket(uint16_t port);
  ~RawSocket();
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;

  void send(std::string_view bytes);
  /// Reads one answer with Content-Length, chunked or none; waits at most 10 s.
  RawAnswer read_answer(bool is_head = false);
  /// What comes next, at least one byte of it; empty when nothing does within 10 s, or at the end.
  std::string read_some();
  /// Everything until the peer closes (or 10 s).
  std::string read_to_end();
  /// True when the peer closed and nothing is left to read.
  bool at_end();
  void shut_down_sending();
  /// Closes with a reset instead of a normal end.
  void reset();

 private:
  bool fill();
  int fd_ = -1;
  std::string buffer_;
};

}  // namespace switchyard::http::testing
