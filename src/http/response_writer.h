#pragma once

#include <string>
#include <string_view>

#include "switchyard/http/message.h"

namespace switchyard::http {

/// What a head says beside the response itself.
struct HeadFacts {
  std::string_view date;  ///< IMF-fixdate
  const std::vector<Header>* default_headers = nullptr;
  bool keep_alive = true;
  bool http10 = false;
  bool chunked = false;
};

/// Appends status line and fields with the empty line behind them. Line breaks in header values become
/// blanks, so that no text of a caller can begin a field of its own.
void append_response_head(const Response& response, const HeadFacts& facts, std::string& out);

/// True when a response of that status never has a body (RFC 9110 section 6.4.1).
inline bool is_bodyless(int status) {
  return status == 204 || status == 304 || (status >= 100 && status < 200);
}

/// One chunk of a chunked body.
void append_chunk(std::string_view data, std::string& out);

/// `unix_seconds` as "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(int64_t unix_seconds);

}  // namespace switchyard::http
