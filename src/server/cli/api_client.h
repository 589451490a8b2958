#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/http/client.h"
#include "switchyard/http/url.h"
#include "switchyard/types/value.h"

namespace CLI {
class App;
}

namespace switchyard::server::cli {

/// Where the server is and who asks: --server or SWITCHYARD_SERVER, --api-key or SWITCHYARD_API_KEY, else the
/// development key of the data folder.
struct Connection {
  std::string server = "http://127.0.0.1:7070";
  std::string key;
  std::string data_directory = "switchyard-data";
};
void add_connection_options(CLI::App& command, Connection& connection);

/// The server's API from the command line. One call at a time.
class ApiClient {
 public:
  static Result<std::unique_ptr<ApiClient>> connect(const Connection& connection);
  ~ApiClient();

  struct Answer {
    int status = 0;
    Document body;  ///< null when it is no JSON
    std::string text;
  };
  /// The answer whatever its status; errors are those of the connection.
  Result<Answer> send(http::Method method, const std::string& target, const std::string& body = {},
                      const std::vector<http::Header>& headers = {});
  /// The body of a 2xx answer; other statuses become an Error from their problem details.
  Result<Document> get(const std::string& target) { return ok(send(http::Method::kGet, target)); }
  Result<Document> post(const std::string& target, const std::string& body) {
    return ok(send(http::Method::kPost, target, body));
  }

  static Result<Document> ok(Result<Answer> answer);

 private:
  ApiClient(Connection connection);
  Connection connection_;
  http::Client client_;
};

/// Percent-encodes one part of a path or query.
inline std::string encode(std::string_view text) { return http::percent_encode(text); }
/// "/path" and "name=value" pairs that are not empty.
std::string target_of(std::string path, const std::vector<std::pair<std::string, std::string>>& parameters);

/// What a person gives as data: JSON itself, a file's name, or "-" for standard input. kInvalidArgument when
/// it is none of these or no valid JSON.
Result<Document> read_data(const std::string& given, std::string_view option);

/// Connects, calls, and gives what `use` says; the exit code is the error's when the connection or the call
/// fails.
int with_answer(const Connection& connection, http::Method method, const std::string& target,
                const std::string& body, const std::function<int(const Value& root)>& use);

}  // namespace switchyard::server::cli
