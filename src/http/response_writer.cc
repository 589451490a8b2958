#include "response_writer.h"

#include <algorithm>
#include <charconv>
#include <ctime>

namespace switchyard::http {
namespace {

void append_number(uint64_t value, std::string& out, int base = 10) {
  char text[24];
  const auto end = std::to_chars(text, text + sizeof text, value, base).ptr;
  out.append(text, end);
}

void append_field(std::string_view name, std::string_view value, std::string& out) {
  out += name;
  out += ": ";
  const size_t start = out.size();
  out += value;
  std::replace_if(
      out.begin() + static_cast<std::ptrdiff_t>(start), out.end(),
      [](char c) { return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 127; }, ' ');
  out += "\r\n";
}

bool is_field_name(std::string_view name) {
  return !name.empty() && std::none_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 127 || c == ':';
  });
}

bool sets(const Response& response, std::string_view name) {
  if (!response.content_type.empty() && header_name_equal(name, "Content-Type")) return true;
  return std::any_of(response.headers.begin(), response.headers.end(),
                     [&](const Header& header) { return header_name_equal(header.name, name); });
}

}  // namespace

void append_response_head(const Response& response, const HeadFacts& facts, std::string& out) {
  if (response.status == 200) {
    out += "HTTP/1.1 200 OK\r\n";
  } else {
    out += "HTTP/1.1 ";
    append_number(static_cast<uint64_t>(std::clamp(response.status, 100, 999)), out);
    out += ' ';
    out += reason_phrase(response.status);
    out += "\r\n";
  }
  if (!response.content_type.empty()) append_field("Content-Type", response.content_type, out);
  if (facts.chunked) {
    out += "Transfer-Encoding: chunked\r\n";
  } else if (!is_bodyless(response.status)) {
    out += "Content-Length: ";
    append_number(response.body.size(), out);
    out += "\r\n";
  }
  out += "Date: ";
  out += facts.date;
  out += "\r\n";
  if (!facts.keep_alive) {
    out += "Connection: close\r\n";
  } else if (facts.http10) {
    out += "Connection: keep-alive\r\n";
  }
  for (const Header& header : response.headers)
    if (is_field_name(header.name)) append_field(header.name, header.value, out);
  if (facts.default_headers != nullptr)
    for (const Header& header : *facts.default_headers)
      if (!sets(response, header.name)) append_field(header.name, header.value, out);
  out += "\r\n";
}

void append_chunk(std::string_view data, std::string& out) {
  append_number(data.size(), out, 16);
  out += "\r\n";
  out += data;
  out += "\r\n";
}

std::string http_date(int64_t unix_seconds) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto seconds = static_cast<time_t>(unix_seconds);
  tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  // Not strftime: its names follow the locale.
  const int size = std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT",
                                 kDays[parts.tm_wday], parts.tm_mday, kMonths[parts.tm_mon],
                                 parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
  return {text, static_cast<size_t>(size)};
}

}  // namespace switchyard::http
