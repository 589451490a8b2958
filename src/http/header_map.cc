#include "switchyard/http/header_map.h"

#include <algorithm>
#include <cctype>
#include <string>

namespace switchyard::http {

Value header_map(const std::vector<Header>& headers, Arena& arena) {
  MapBuilder map(arena);
  std::vector<std::string> seen;
  for (const Header& header : headers) {
    std::string name = header.name;
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) continue;
    map.add(Value::string(arena.copy(name)), Value::string(arena.copy(header.value)));
    seen.push_back(std::move(name));
  }
  return map.build();
}

}  // namespace switchyard::http
