#include "egress.h"

#include <algorithm>

namespace switchyard::server {
namespace {

Error bad_entry(const std::string& entry) {
  return make_error(
      ErrorKind::kInvalidArgument, "server.bad_http_allow",
      "--http-allow takes hosts like api.example.org, api.example.org:8443 or *.example.org, not '" + entry +
          "'",
      "http-allow");
}

}  // namespace

Result<Egress> Egress::only(const std::vector<std::string>& entries) {
  Egress egress;
  for (const std::string& text : entries) {
    Entry entry;
    entry.below = text.starts_with("*.");
    const std::string authority = entry.below ? text.substr(2) : text;
    // An entry is what stands between the scheme and the path of a URL, so the parser of URLs knows it.
    auto parsed = http::parse_url("http://" + authority);
    if (!parsed.ok() || parsed->target != "/" || authority.find_first_of("/?#*") != std::string::npos)
      return bad_entry(text);
    entry.host = parsed->host;
    const std::string bare =
        parsed->host.find(':') == std::string::npos ? parsed->host : "[" + parsed->host + "]";
    if (authority.size() > bare.size()) entry.port = parsed->port;
    egress.entries_.push_back(std::move(entry));
  }
  return egress;
}

Status Egress::check(const http::Url& url) const {
  const auto allows = [&url](const Entry& entry) {
    if (entry.port != 0 && entry.port != url.port) return false;
    if (!entry.below) return entry.host == url.host;
    return url.host.size() > entry.host.size() + 1 && url.host.ends_with("." + entry.host);
  };
  if (entries_.empty() || std::any_of(entries_.begin(), entries_.end(), allows)) return {};
  return make_error(ErrorKind::kPermissionDenied, "http.host_refused",
                    "this server does not call " + url.authority() +
                        ": it is not among the hosts of --http-allow; add it there, or change the step's url",
                    "url");
}

bool Egress::names(std::string_view host) const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [host](const Entry& entry) { return !entry.below && entry.host == host; });
}

}  // namespace switchyard::server
