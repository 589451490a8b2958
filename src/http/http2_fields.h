#pragma once

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "switchyard/http/message.h"

namespace switchyard::http {

/// Fields of a message as nghttp2 takes them; the texts live in here until they are submitted.
class Http2Fields {
 public:
  /// Of the protocol's own, whose names begin with a colon; before all others.
  void add_own(std::string_view name, std::string value) {
    fields_.push_back({std::string(name), std::move(value)});
  }
  void add(std::string_view name, std::string_view value) {
    std::string lower(name);
    for (char& c : lower)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    // What speaks of the connection has no place in HTTP/2 (RFC 9113 section 8.2.2).
    if (lower == "connection" || lower == "transfer-encoding" || lower == "keep-alive" || lower == "upgrade")
      return;
    if (nghttp2_check_header_name(reinterpret_cast<const uint8_t*>(lower.data()), lower.size()) == 0) return;
    std::string text(value);
    for (char& c : text)
      if ((static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 127) c = ' ';
    const size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
    text.erase(0, begin);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.pop_back();
    fields_.push_back({std::move(lower), std::move(text)});
  }
  bool has(std::string_view name) const {
    return std::any_of(fields_.begin(), fields_.end(),
                       [&](const Header& field) { return header_name_equal(field.name, name); });
  }
  std::vector<nghttp2_nv> give() {
    std::vector<nghttp2_nv> all;
    all.reserve(fields_.size());
    for (Header& field : fields_) {
      nghttp2_nv one{};
      one.name = reinterpret_cast<uint8_t*>(field.name.data());
      one.namelen = field.name.size();
      one.value = reinterpret_cast<uint8_t*>(field.value.data());
      one.valuelen = field.value.size();
      // Keys and sessions shall not be guessed from how well they compress.
      if (field.name == "set-cookie" || field.name == "authorization") one.flags = NGHTTP2_NV_FLAG_NO_INDEX;
      all.push_back(one);
    }
    return all;
  }

 private:
  std::vector<Header> fields_;
};

}  // namespace switchyard::http
