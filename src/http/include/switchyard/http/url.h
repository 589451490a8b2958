#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/http/message.h"

namespace switchyard::http {

/// The parts of an absolute URL.
struct Url {
  bool tls = false;
  bool http2 = false;  ///< of scheme grpc or grpcs: HTTP/2, over TCP without asking first
  std::string host;    ///< lower-case name or address; an IPv6 address without its brackets
  uint16_t port = 0;   ///< 80 or 443 when the URL names none
  std::string target;  ///< path and query, beginning with '/', as written

  /// "host" or "host:port" when the port is not the scheme's own, IPv6 in brackets: the Host header.
  std::string authority() const;
  /// "https://host:port", "grpc://host:port": what connections are pooled by.
  std::string origin() const;
};

enum class Schemes : uint8_t { kHttp, kHttpAndGrpc };

/// Parses an absolute URL of scheme http or https, or of grpc or grpcs (HTTP/2) where that is wanted.
/// Fragments are dropped; user names and passwords, blanks and control characters are refused.
/// kInvalidArgument "http.bad_url".
Result<Url> parse_url(std::string_view text, Schemes schemes = Schemes::kHttp);

/// Replaces %XX; '+' becomes a blank where `plus_is_blank`. nullopt for a broken escape.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank);
/// Escapes all but RFC 3986's unreserved characters.
std::string percent_encode(std::string_view text);

}  // namespace switchyard::http
