#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "switchyard/base/check.h"
#include "switchyard/http/client.h"
#include "switchyard/http/server.h"

// What the tests of the client share: servers that behave and servers that do not.
namespace switchyard::http::testing {

class TestClient : public Client {
 public:
  explicit TestClient(ClientOptions options = {}) : Client(std::move(options)) { start().value(); }
  ~TestClient() { stop(); }
};

class TestServer {
 public:
  explicit TestServer(Handler handler, ServerOptions options = {})
      : server(impatient(std::move(options)), std::move(handler)) {
    server.start().value();
  }
  /// Does not wait long for the answers that a test never gives.
  static ServerOptions impatient(ServerOptions options) {
    options.drain_timeout_ms = 100;
    return options;
  }
  ~TestServer() { server.stop(); }
  std::string url(const std::string& target) const {
    return "http://127.0.0.1:" + std::to_string(server.port()) + target;
  }
  Server server;
};

inline void echo(Request&& request, Responder responder) {
  responder.send({200,
                  "text/plain",
                  {{"X-Method", std::string(request.method_text())}},
                  std::string(request.target()) + "\n" + std::string(request.body())});
}

/// A listener whose connections are each given to `serve` with their descriptor: peers that misbehave.
class OddPeer {
 public:
  explicit OddPeer(std::function<void(int, int)> serve) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    SY_CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    SY_CHECK(::listen(listener_, 16) == 0);
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, serve = std::move(serve)] {
      for (int count = 0;; ++count) {
        const int fd = ::accept(listener_, nullptr, nullptr);
        if (fd < 0) return;
        ++connections;
        serve(fd, count);
        ::close(fd);
      }
    });
  }
  ~OddPeer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }
  /// Reads until the head of a request is there.
  static void read_request(int fd) {
    std::string text;
    char chunk[4096];
    while (text.find("\r\n\r\n") == text.npos) {
      const ssize_t got = ::recv(fd, chunk, sizeof chunk, 0);
      if (got <= 0) return;
      text.append(chunk, static_cast<size_t>(got));
    }
  }
  static void say(int fd, std::string_view text) {
    (void)!::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
  }
  std::atomic<int> connections{0};

 private:
  int listener_;
  uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace switchyard::http::testing
