#include "raw_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "switchyard/base/check.h"

namespace switchyard::http::testing {

RawSocket::RawSocket(uint16_t port) {
  fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
  SY_CHECK(fd_ >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  SY_CHECK(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  const timeval limit{10, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

RawSocket::~RawSocket() {
  if (fd_ >= 0) ::close(fd_);
}

void RawSocket::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // the peer closed: the answer, if any, tells why
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
}

bool RawSocket::fill() {
  char chunk[16384];
  const ssize_t got = ::recv(fd_, chunk, sizeof chunk, 0);
  if (got <= 0) return false;
  buffer_.append(chunk, static_cast<size_t>(got));
  return true;
}

RawAnswer RawSocket::read_answer(bool is_head) {
  RawAnswer answer;
  size_t end;
  while ((end = buffer_.find("\r\n\r\n")) == buffer_.npos)
    if (!fill()) return answer;
  answer.head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  answer.status = std::atoi(answer.head.c_str() + std::string_view("HTTP/1.1 ").size());
  if (is_head || answer.status == 204 || answer.status / 100 == 1) {
    answer.whole = true;
    return answer;
  }
  if (answer.header("Transfer-Encoding") == "chunked") {
    while (true) {
      size_t line;
      while ((line = buffer_.find("\r\n")) == buffer_.npos)
        if (!fill()) return answer;
      const size_t size = std::strtoul(buffer_.c_str(), nullptr, 16);
      while (buffer_.size() < line + 2 + size + 2)
        if (!fill()) return answer;
      answer.body += buffer_.substr(line + 2, size);
      buffer_.erase(0, line + 2 + size + 2);
      if (size == 0) break;
    }
    answer.whole = true;
    return answer;
  }
  const size_t size = std::strtoul(answer.header("Content-Length").c_str(), nullptr, 10);
  while (buffer_.size() < size)
    if (!fill()) return answer;
  answer.body = buffer_.substr(0, size);
  buffer_.erase(0, size);
  answer.whole = true;
  return answer;
}

std::string RawSocket::read_some() {
  if (buffer_.empty()) fill();
  return std::exchange(buffer_, {});
}

std::string RawSocket::read_to_end() {
  while (fill()) {
  }
  return std::exchange(buffer_, {});
}

bool RawSocket::at_end() { return buffer_.empty() && !fill() && buffer_.empty(); }

void RawSocket::shut_down_sending() { ::shutdown(fd_, SHUT_WR); }

void RawSocket::reset() {
  const linger now{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(fd_);
  fd_ = -1;
}

std::string RawAnswer::header(std::string_view name) const {
  size_t at = head.find("\r\n");
  while (at != head.npos && at + 2 < head.size()) {
    at += 2;
    const size_t end = head.find("\r\n", at);
    const std::string_view line = std::string_view(head).substr(at, end - at);
    const size_t colon = line.find(':');
    if (colon == name.size() && ::strncasecmp(line.data(), name.data(), colon) == 0)
      return std::string(line.substr(colon + 2));
    at = end;
  }
  return {};
}

}  // namespace switchyard::http::testing
