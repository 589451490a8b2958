#pragma once

#include <nghttp2/nghttp2.h>

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "client_exchange.h"
#include "output.h"

namespace switchyard::http {

/// The client's side of one HTTP/2 connection (RFC 9113), as bytes in and bytes out: nghttp2 does frames,
/// header compression and flow control; this class makes streams of exchanges, and results of what comes, and
/// keeps to the limits. Lives on one thread, takes no clock and no socket.
class Http2ClientSession {
 public:
  /// How an exchange ended.
  struct End {
    std::shared_ptr<Exchange> exchange;
    Result<ClientResponse> response;
    bool reused = false;     ///< as begin() was told
    bool untouched = false;  ///< the peer has certainly done nothing of it
    bool answered = false;   ///< some of the answer came
  };
  /// What surrounds a session; outlives it.
  class Host {
   public:
    virtual ~Host() = default;
    /// Never called while nghttp2 works; may call begin() and drop().
    virtual void end(End end) = 0;
  };

  Http2ClientSession(std::string origin, Host& host);
  ~Http2ClientSession();
  Http2ClientSession(const Http2ClientSession&) = delete;
  Http2ClientSession& operator=(const Http2ClientSession&) = delete;

  /// Opens a stream for the exchange. `reused`: the connection was there before it.
  void begin(std::shared_ptr<Exchange> exchange, bool reused);
  /// Resets the exchange's stream; nothing more is said of it.
  void drop(const std::shared_ptr<Exchange>& exchange);
  /// Takes what the peer sent.
  void receive(std::string_view bytes);
  /// Appends what can be sent now, until `out` has about `most` bytes. False: that was all for now.
  bool fill(Output& out, size_t most);
  /// The peer does not keep to the protocol, or both have said that nothing more comes.
  bool is_broken() const { return broken_; }
  /// The connection is gone: ends every exchange, with "http.connection_lost" or "http.truncated", or with
  /// "http.bad_response" when the session is broken.
  void lose(const std::string& why);

  /// Takes nothing new from now on.
  void retire() { leaving_ = true; }
  /// Whether it takes nothing new, by its own or the peer's wish.
  bool is_leaving() const;
  bool has_room() const;
  /// The peer has said how many streams it takes at once, and all else that it says at the beginning.
  bool is_settled() const { return settled_; }
  /// Exchanges under way.
  size_t live() const { return live_; }
  /// Nothing is under way on the wire, dropped exchanges included.
  bool is_idle() const { return streams_.empty(); }

 private:
  struct Callbacks;  // what nghttp2 calls
  friend struct Callbacks;

  struct Stream {
    std::shared_ptr<Exchange> exchange;
    ClientResponse response;
    size_t header_bytes = 0;
    size_t body_bytes = 0;  // of the answer, handed on ones too
    size_t sent = 0;        // of the exchange's body
    uint32_t reset_code = 0;
    bool reused = false;
    bool head_done = false;  // the head of the answer is there, and is no interim one
    bool reset_by_peer = false;
    bool told = false;  // its end, or that nobody wants to know
  };
  /// What is to be done after nghttp2 has returned.
  struct News {
    enum class Kind : uint8_t { kPiece, kWhole, kFault, kClosed } kind;
    int32_t id;
    uint32_t code = 0;  // kClosed
    Error fault;        // kFault
  };

  Stream* find(int64_t id);
  void add_header(Stream& stream, int32_t id, std::string_view name, std::string_view value);
  void end_head(Stream& stream);
  void add_body(Stream& stream, int32_t id, std::string_view bytes);
  int64_t read_request(Stream& stream, uint8_t* to, size_t room, uint32_t* flags);
  void fault(int32_t id, Error error);
  void reset(int32_t id);
  void tell_news();
  void take(News& one, Stream& stream);
  void hand_on(int32_t id, Stream& stream);
  void tell(Stream& stream, Result<ClientResponse> response, bool untouched);
  void tell_closed(Stream& stream, uint32_t code);

  const std::string origin_;
  Host& host_;
  nghttp2_session* session_ = nullptr;
  std::unordered_map<int32_t, std::unique_ptr<Stream>> streams_;
  std::vector<News> news_;
  size_t live_ = 0;
  bool settled_ = false;
  bool leaving_ = false;
  bool broken_ = false;  // nghttp2 gave up
};

}  // namespace switchyard::http
