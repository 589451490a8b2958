#include "cli/operation.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "cli/print.h"

namespace switchyard::server::cli {

Status add_search(const std::vector<std::string>& pairs, MapBuilder& filter, Arena& arena) {
  if (pairs.empty()) return {};
  MapBuilder search(arena);
  for (const std::string& each : pairs) {
    const size_t equals = each.find('=');
    if (equals == std::string::npos || equals == 0) {
      return make_error(ErrorKind::kInvalidArgument, "cli.bad_search",
                        "--search takes attribute=value, and got '" + each + "'", "--search");
    }
    search.add(Value::string(arena.copy(each.substr(0, equals))),
               Value::string(arena.copy(each.substr(equals + 1))));
  }
  filter.add("search", search.build());
  return {};
}

std::string count_text(const Value& operation, std::string_view name) {
  return std::to_string(integer_of(operation, name));
}

Result<Document> run_operation(const Connection& connection, const std::string& path, const std::string& body,
                               const char* counter) {
  SY_ASSIGN_OR_RETURN(const auto client, ApiClient::connect(connection));
  auto answer = client->post(path, body);
  const bool terminal = isatty(STDERR_FILENO) != 0;
  while (answer.ok() && text_of(answer->root(), "status") == "running") {
    if (terminal)
      std::fprintf(stderr, "\r  %s matched, %s %s", count_text(answer->root(), "matched").c_str(),
                   count_text(answer->root(), counter).c_str(), counter);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    answer = client->get(path + "/" + text_of(answer->root(), "id"));
  }
  if (terminal) std::fprintf(stderr, "\n");
  return answer;
}

}  // namespace switchyard::server::cli
