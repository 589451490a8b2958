#include "connection.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

namespace switchyard::bench {
namespace {

/// The value of a header in the head, "" when it is not there.
std::string_view header(std::string_view head, std::string_view name) {
  for (size_t at = head.find("\r\n"); at != head.npos; at = head.find("\r\n", at)) {
    at += 2;
    if (head.size() - at <= name.size() || head[at + name.size()] != ':') continue;
    if (::strncasecmp(head.data() + at, name.data(), name.size()) != 0) continue;
    std::string_view value = head.substr(at + name.size() + 1);
    value = value.substr(0, value.find("\r\n"));
    while (value.starts_with(' ')) value.remove_prefix(1);
    return value;
  }
  return {};
}

}  // namespace

bool LoadConnection::open(const std::string& address, uint16_t port) {
  close();
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return false;
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  if (::inet_pton(AF_INET, address.c_str(), &to.sin_addr) != 1)
    errno = EINVAL;
  else if (::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0) {
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK);
    return true;
  }
  const int cause = errno;
  close();
  errno = cause;
  return false;
}

void LoadConnection::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  busy_ = false;
  unsent_ = {};
  part_.clear();
}

bool LoadConnection::send(std::string_view request, uint64_t since_ns) {
  busy_ = true;
  since_ns_ = since_ns;
  unsent_ = request;
  return send_rest();
}

bool LoadConnection::send_rest() {
  while (!unsent_.empty()) {
    const ssize_t sent = ::send(fd_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    unsent_.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

LoadConnection::Read LoadConnection::read(Answer* answer, uint64_t* bytes) {
  static thread_local char buffer[64 << 10];
  const ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
  if (got < 0)
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? Read::kNothing : Read::kBroken;
  if (got == 0) return Read::kBroken;
  *bytes += static_cast<uint64_t>(got);
  const std::string_view data(buffer, static_cast<size_t>(got));
  if (part_.empty()) {
    const Read read = parse(data, answer);
    if (read == Read::kNothing) part_ = data;
    return read;
  }
  part_ += data;
  const Read read = parse(part_, answer);
  if (read == Read::kAnswer) {
    const size_t at = static_cast<size_t>(answer->body.data() - part_.data());
    answer_.swap(part_);
    part_.clear();
    answer->body = std::string_view(answer_).substr(at, answer->body.size());
  }
  return read;
}

LoadConnection::Read LoadConnection::parse(std::string_view data, Answer* answer) {
  const size_t end = data.find("\r\n\r\n");
  if (end == data.npos) return Read::kNothing;
  const std::string_view head = data.substr(0, end + 2);
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  if (!busy_ || !head.starts_with("HTTP/1.") || head.size() < kVersion.size() + 3) return Read::kBroken;
  std::from_chars(head.data() + kVersion.size(), head.data() + kVersion.size() + 3, answer->status);
  size_t length = 0;
  const std::string_view text = header(head, "Content-Length");
  if (!text.empty()) {
    std::from_chars(text.data(), text.data() + text.size(), length);
  } else if (answer->status != 204 && answer->status != 304) {
    return Read::kBroken;  // a chunked answer: none of the server's short answers is one
  }
  if (data.size() < end + 4 + length) return Read::kNothing;
  answer->body = data.substr(end + 4, length);
  answer->closes = header(head, "Connection") == "close";
  busy_ = false;
  return Read::kAnswer;
}

}  // namespace switchyard::bench
