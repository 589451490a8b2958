#include "cli/api_client.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "cli/cli.h"
#include "switchyard/http/problem.h"
#include "switchyard/runtime/disk.h"
#include "switchyard/types/json.h"

namespace switchyard::server::cli {

void add_connection_options(CLI::App& command, Connection& connection) {
  command.add_option("--server", connection.server, "Base URL of the server")
      ->envname("SWITCHYARD_SERVER")
      ->capture_default_str();
  command.add_option("--api-key", connection.key, "API key; better given in the environment")
      ->envname("SWITCHYARD_API_KEY");
  command
      .add_option("--data", connection.data_directory,
                  "Data folder whose development key is used when no key is given")
      ->envname("SWITCHYARD_DATA")
      ->capture_default_str();
}

ApiClient::ApiClient(Connection connection)
    : connection_(std::move(connection)), client_(http::ClientOptions{}) {}
ApiClient::~ApiClient() { client_.stop(); }

Result<std::unique_ptr<ApiClient>> ApiClient::connect(const Connection& connection) {
  std::unique_ptr<ApiClient> client(new ApiClient(connection));
  while (client->connection_.server.ends_with('/')) client->connection_.server.pop_back();
  if (client->connection_.key.empty()) {
    auto key =
        runtime::read_file(runtime::posix_disk(), connection.data_directory + "/development-key", 4096);
    if (key.ok()) client->connection_.key = key->substr(0, key->find('\n'));
  }
  SY_RETURN_IF_ERROR(client->client_.start());
  return client;
}

Result<ApiClient::Answer> ApiClient::send(http::Method method, const std::string& target,
                                          const std::string& body, const std::vector<http::Header>& headers) {
  http::ClientRequest request;
  request.method = method;
  request.url = connection_.server + target;
  request.headers = headers;
  if (!connection_.key.empty()) request.headers.push_back({"Authorization", "Bearer " + connection_.key});
  if (!body.empty()) request.headers.push_back({"Content-Type", "application/json"});
  request.body = body;
  request.timeout_ms = 600'000;
  request.max_response_bytes = 256u << 20;
  auto result = client_.request_and_wait(std::move(request));
  if (!result.response.ok()) {
    Error error = std::move(result.response).error();
    error.message = "cannot reach " + connection_.server + ": " + error.message +
                    "; start it with 'switchyard dev', or name it with --server";
    return error;
  }
  Answer answer;
  answer.status = result.response->status;
  answer.text = std::move(result.response->body);
  if (auto parsed = parse_json_document(answer.text, {.max_bytes = 256u << 20}); parsed.ok())
    answer.body = *parsed;
  return answer;
}

Result<Document> ApiClient::ok(Result<Answer> answer) {
  if (!answer.ok()) return std::move(answer).error();
  if (answer->status >= 200 && answer->status < 300) return answer->body;
  Error error = make_error(http::kind_of(answer->status), "",
                           "the server answered with status " + std::to_string(answer->status));
  const auto text = [&](std::string_view name) {
    const Value* value = answer->body.root().find(name);
    return value != nullptr && value->is(Kind::kString) ? std::string(value->as_string()) : std::string();
  };
  if (const std::string detail = text("detail"); !detail.empty()) error.message = detail;
  error.code = text("code");
  error.field = text("field");
  return error;
}

std::string target_of(std::string path, const std::vector<std::pair<std::string, std::string>>& parameters) {
  char separator = '?';
  for (const auto& [name, value] : parameters) {
    if (value.empty()) continue;
    path += separator + encode(name) + "=" + encode(value);
    separator = '&';
  }
  return path;
}

Result<Document> read_data(const std::string& given, std::string_view option) {
  constexpr size_t kMaxDataBytes = 4u << 20;
  std::string text = given, from = std::string(option);
  std::error_code error;
  if (given == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
    from = "standard input";
  } else if (std::filesystem::is_regular_file(given, error)) {
    std::ifstream file(given, std::ios::binary);
    text.assign(std::istreambuf_iterator<char>(file), {});
    if (!file.eof() && file.fail())
      return make_error(ErrorKind::kIo, "cli.cannot_read", "cannot read " + given);
    from = given;
  } else if (given.find_first_of("{[\"") != 0) {
    return make_error(ErrorKind::kInvalidArgument, "cli.bad_data",
                      "'" + given.substr(0, 100) +
                          "' is neither a file nor a JSON object; name a file, write JSON in quotes, or - "
                          "for standard input",
                      std::string(option));
  }
  auto document = parse_json_document(text, {.max_bytes = kMaxDataBytes});
  if (document.ok()) return document;
  Error wrong = std::move(document).error();
  wrong.kind = ErrorKind::kInvalidArgument;
  wrong.message = from + " is no valid JSON: " + wrong.message;
  return wrong;
}

int with_answer(const Connection& connection, http::Method method, const std::string& target,
                const std::string& body, const std::function<int(const Value& root)>& use) {
  auto client = ApiClient::connect(connection);
  if (!client.ok()) return report(client.error());
  const auto answer = ApiClient::ok((*client)->send(method, target, body));
  if (!answer.ok()) return report(answer.error());
  return use(answer->root());
}

}  // namespace switchyard::server::cli
