#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "client_exchange.h"

namespace switchyard::http {

class ClientConnection;

/// The client's loop: connections per origin, exchanges that wait for one, deadlines. Everything below
/// "client's thread" is touched by it alone. Shared by the Client and its handles.
class ClientCore : public std::enable_shared_from_this<ClientCore> {
 public:
  explicit ClientCore(ClientOptions options);

  Status start();
  void stop();
  bool running() const { return thread_.joinable(); }
  bool on_this_thread() const { return thread_.get_id() == std::this_thread::get_id(); }
  /// Any thread. False when the client is stopped: nobody will call the exchange's callback.
  bool submit(std::shared_ptr<Exchange> exchange);
  void cancel(std::shared_ptr<Exchange> exchange);
  /// Any thread: runs `task` on the client's thread; false when stopped.
  bool run_soon(std::function<void()> task);

  // The client's thread.
  const ClientOptions& options() const { return options_; }
  boost::asio::io_context& io() { return io_; }
  boost::asio::ssl::context& tls() { return *tls_; }
  boost::asio::ip::tcp::resolver& resolver() { return *resolver_; }
  /// The connection has done an exchange and can serve another.
  void give_back(const std::shared_ptr<ClientConnection>& connection);
  /// The connection takes nothing new from now on; its place may be taken by another.
  void retire(const std::shared_ptr<ClientConnection>& connection);
  /// The connection is closed.
  void forget(const std::shared_ptr<ClientConnection>& connection);
  void finish(const std::shared_ptr<Exchange>& exchange, Result<ClientResponse> response, bool reused);
  /// A kept connection turned out to be dead before it gave a byte, or its peer has done nothing of the
  /// exchange: once more, on a new one where `fresh`.
  void repeat(const std::shared_ptr<Exchange>& exchange, bool fresh);
  /// Puts the exchange on a connection with room, on a new one, or in the queue, in that order; `fresh`: on a
  /// new one first.
  void place(const std::shared_ptr<Exchange>& exchange, bool fresh);

 private:
  struct Origin {
    std::vector<std::shared_ptr<ClientConnection>> usable;       // with room, or had it; the latest used last
    std::unordered_set<std::shared_ptr<ClientConnection>> open;  // those as well
    std::unordered_set<std::shared_ptr<ClientConnection>> leaving;  // retired, with exchanges on them
    std::map<QueueOrder, std::shared_ptr<Exchange>> waiting;
  };

  void begin(const std::shared_ptr<Exchange>& exchange);
  static void list(Origin& origin, const std::shared_ptr<ClientConnection>& connection);
  static void serve_on(Origin& origin, const std::shared_ptr<ClientConnection>& connection,
                       const std::shared_ptr<Exchange>& exchange);
  bool may_open(const Origin& origin, const Url& url) const;
  void place_waiting(Origin& origin);
  void place_waiting_soon(const std::string& origin);
  void end_early(const std::shared_ptr<Exchange>& exchange, Error error);
  void sweep();
  void shut_down();

  const ClientOptions options_;
  boost::asio::io_context io_{1};
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> guard_;
  std::thread thread_;

  // The client's thread.
  std::unique_ptr<boost::asio::ssl::context> tls_;
  std::unique_ptr<boost::asio::ip::tcp::resolver> resolver_;
  std::unique_ptr<boost::asio::steady_timer> sweep_timer_;
  std::unordered_map<std::string, Origin> origins_;
  std::unordered_set<std::shared_ptr<Exchange>> exchanges_;  // begun and not done
  uint64_t begun_ = 0;

  bool ended_ = false;

  std::mutex mutex_;
  bool accepting_ = false;  // guarded by mutex_
};

}  // namespace switchyard::http
