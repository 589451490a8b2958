#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace switchyard::bench {

/// One connection with at most one request on it. Reads no more of HTTP than the load needs: a status, a
/// length.
class LoadConnection {
 public:
  LoadConnection() = default;
  ~LoadConnection() { close(); }
  LoadConnection(const LoadConnection&) = delete;
  LoadConnection& operator=(const LoadConnection&) = delete;

  /// Connects (waiting) and turns non-blocking. False with errno set.
  bool open(const std::string& address, uint16_t port);
  void close();
  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }

  /// Sends the request, which must live until the answer came. False when the connection broke.
  bool send(std::string_view request, uint64_t since_ns);
  /// Sends what did not fit before.
  bool send_rest();
  bool wants_to_send() const { return !unsent_.empty(); }
  bool is_busy() const { return busy_; }
  /// Where the latency of the request on it counts from.
  uint64_t since_ns() const { return since_ns_; }

  struct Answer {
    int status = 0;
    std::string_view body;  ///< valid until the next call
    bool closes = false;    ///< the server will close the connection
  };
  enum class Read : uint8_t { kNothing, kAnswer, kBroken };
  /// Reads what is there; kAnswer ends the request.
  Read read(Answer* answer, uint64_t* bytes);

 private:
  Read parse(std::string_view data, Answer* answer);

  int fd_ = -1;
  bool busy_ = false;
  uint64_t since_ns_ = 0;
  std::string_view unsent_;
  std::string part_;    // of an answer that did not come in one read
  std::string answer_;  // backs Answer::body when it came in parts
};

}  // namespace switchyard::bench
