#include "switchyard/http/url.h"

#include <algorithm>
#include <charconv>

namespace switchyard::http {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

Error bad_url(std::string_view text, std::string_view why) {
  return make_error(
      ErrorKind::kInvalidArgument, "http.bad_url",
      "'" + std::string(text.substr(0, 200)) + "' is no URL to call: " + std::string(why) + ".");
}

/// The host of `authority` and, in `port`, what stands behind its colon.
std::string_view split_authority(std::string_view authority, std::string_view& port) {
  if (authority.starts_with('[')) {
    const size_t end = authority.find(']');
    if (end == authority.npos) return {};
    const std::string_view rest = authority.substr(end + 1);
    if (!rest.empty() && rest[0] != ':') return {};
    port = rest.empty() ? rest : rest.substr(1);
    return authority.substr(1, end - 1);
  }
  const size_t colon = authority.find(':');
  if (colon == authority.npos) return authority;
  port = authority.substr(colon + 1);
  return authority.substr(0, colon);
}

}  // namespace

std::string Url::authority() const {
  std::string text = host.find(':') == host.npos ? host : "[" + host + "]";
  if (port != (tls ? 443 : 80)) text += ":" + std::to_string(port);
  return text;
}

std::string Url::origin() const {
  const std::string_view scheme = http2 ? (tls ? "grpcs://" : "grpc://") : tls ? "https://" : "http://";
  return std::string(scheme) + (host.find(':') == host.npos ? host : "[" + host + "]") + ":" +
         std::to_string(port);
}

Result<Url> parse_url(std::string_view text, Schemes schemes) {
  if (std::any_of(text.begin(), text.end(),
                  [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 127; }))
    return bad_url("<with control characters>", "blanks and control characters must be percent-encoded");
  const std::string_view whole = text;
  text = text.substr(0, text.find('#'));
  Url url;
  const size_t scheme_end = text.find("://");
  const std::string_view scheme = text.substr(0, std::min(scheme_end, text.size()));
  const bool any = schemes == Schemes::kHttpAndGrpc;
  url.http2 = any && (header_name_equal(scheme, "grpc") || header_name_equal(scheme, "grpcs"));
  if (scheme_end == text.npos ||
      !(url.http2 || header_name_equal(scheme, "http") || header_name_equal(scheme, "https")))
    return bad_url(whole, any ? "it must begin with http://, https://, grpc:// or grpcs://"
                              : "it must begin with http:// or https://");
  url.tls = scheme.back() == 's' || scheme.back() == 'S';
  text.remove_prefix(scheme_end + 3);
  const size_t authority_end = std::min(text.find_first_of("/?"), text.size());
  const std::string_view authority = text.substr(0, authority_end);
  if (authority.find('@') != authority.npos)
    return bad_url("<with credentials>", "credentials belong in a header, not in the URL");
  std::string_view port;
  const std::string_view host = split_authority(authority, port);
  if (host.empty() || host.size() > 253) return bad_url(whole, "the host is missing or malformed");
  for (const char c : host) {
    if (!is_alphanumeric(c) && c != '.' && c != '-' && c != '_' && c != ':')
      return bad_url(whole, "the host has a character that no host name has");
    url.host.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  }
  url.port = url.tls ? 443 : 80;
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (error != std::errc() || end != port.data() + port.size() || url.port == 0)
      return bad_url(whole, "the port must be a number from 1 to 65535");
  }
  url.target = text.substr(authority_end);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  return url;
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_blank) {
      out.push_back(' ');
    } else if (text[i] == '%') {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
      if (low < 0) return std::nullopt;
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return out;
}

}  // namespace switchyard::http
