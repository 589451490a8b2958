// The base protocol: headers and contents.
#include <charconv>

#include "switchyard/authoring/language_server.h"
#include "switchyard/authoring/limits.h"

namespace switchyard::authoring {
namespace {

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  for (size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

/// The length that a header says; false when it says none that is one.
bool read_length(std::string_view header, size_t& length) {
  bool found = false;
  while (!header.empty()) {
    const size_t end = std::min(header.find("\r\n"), header.size());
    const std::string_view line = header.substr(0, end);
    header.remove_prefix(std::min(end + 2, header.size()));
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return false;
    if (!equals_ignoring_case(line.substr(0, colon), "Content-Length")) continue;
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    while (value.ends_with(' ')) value.remove_suffix(1);
    const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), length);
    if (found || error != std::errc() || stop != value.data() + value.size() || value.empty()) return false;
    found = true;
  }
  return found;
}

}  // namespace

MessageReader::Next MessageReader::next() {
  if (skip_ > 0) {
    const size_t count = std::min(skip_, buffer_.size());
    buffer_.erase(0, count);
    skip_ -= count;
    if (skip_ > 0) return {};
  }
  const size_t end = buffer_.find("\r\n\r\n");
  if (end == std::string::npos || end > kMaxHeaderBytes) {
    if (buffer_.size() <= kMaxHeaderBytes) return {};
    return {Next::Kind::kBroken, "a header has more than " + std::to_string(kMaxHeaderBytes) +
                                     " bytes; messages begin with Content-Length: and an empty line"};
  }
  size_t length = 0;
  if (!read_length(std::string_view(buffer_).substr(0, end), length)) {
    buffer_.erase(0, end + 4);
    return {Next::Kind::kRefused, "a header without a Content-Length"};
  }
  if (length > kMaxMessageBytes) {
    buffer_.erase(0, end + 4);
    skip_ = length;
    return {Next::Kind::kRefused, "a message of " + std::to_string(length) + " bytes; the limit is " +
                                      std::to_string(kMaxMessageBytes)};
  }
  if (buffer_.size() < end + 4 + length) return {};
  std::string content = buffer_.substr(end + 4, length);
  buffer_.erase(0, end + 4 + length);
  return {Next::Kind::kMessage, std::move(content)};
}

std::string with_header(std::string_view content) {
  return "Content-Length: " + std::to_string(content.size()) + "\r\n\r\n" + std::string(content);
}

}  // namespace switchyard::authoring
