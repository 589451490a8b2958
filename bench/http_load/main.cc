// http_load: sends HTTP requests over kept connections and says how long the answers took.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>

#include "http_load.h"

int main(int argc, char** argv) {
  switchyard::bench::LoadOptions options;
  std::string target, bodies_file;
  std::vector<std::string> headers;
  bool json = false;

  CLI::App app(
      "Load over HTTP/1.1: closed loop, or open loop at a fixed rate with latency counted from the due time");
  app.add_option("target", target, "ADDRESS:PORT/PATH, e.g. 127.0.0.1:8080/api/v1/decisions")->required();
  app.add_option("-c,--connections", options.connections, "kept connections")->capture_default_str();
  app.add_option("-d,--seconds", options.seconds, "measured time")->capture_default_str();
  app.add_option("--warm-up", options.warm_up_seconds, "seconds before that, not counted")
      ->capture_default_str();
  app.add_option("-r,--rate", options.rate, "requests per second; 0: as fast as answers come")
      ->capture_default_str();
  app.add_option("--give-up", options.give_up_seconds,
                 "open loop: seconds after which a request that found no connection is not sent; 0: never")
      ->capture_default_str();
  app.add_option("-X,--method", options.method, "GET, or POST when there are bodies");
  app.add_option("-H,--header", headers, "'Name: value', may be repeated");
  app.add_option("-b,--bodies", bodies_file, "file with one body a line, sent in turn");
  app.add_flag("--json", json, "print one JSON object");
  CLI11_PARSE(app, argc, argv);

  const size_t slash = std::min(target.find('/'), target.size());
  const std::string authority = target.substr(0, slash);
  const size_t colon = authority.find(':');
  if (colon == authority.npos) {
    std::fprintf(stderr, "http_load: write the target as ADDRESS:PORT/PATH\n");
    return 2;
  }
  options.address = authority.substr(0, colon);
  options.port = static_cast<uint16_t>(std::atoi(authority.c_str() + colon + 1));
  options.path = slash < target.size() ? target.substr(slash) : "/";
  for (const std::string& header : headers) {
    const size_t end = header.find(": ");
    if (end == header.npos) {
      std::fprintf(stderr, "http_load: write a header as 'Name: value'\n");
      return 2;
    }
    options.headers.emplace_back(header.substr(0, end), header.substr(end + 2));
  }
  if (!bodies_file.empty()) {
    std::ifstream lines(bodies_file);
    for (std::string line; std::getline(lines, line);)
      if (!line.empty()) options.bodies.push_back(line);
    if (options.bodies.empty()) {
      std::fprintf(stderr, "http_load: no body in '%s'\n", bodies_file.c_str());
      return 2;
    }
    if (app.count("--method") == 0) options.method = "POST";
    options.headers.emplace_back("Content-Type", "application/json");
  }
  const auto report = switchyard::bench::run_load(options);
  if (!report.ok()) {
    std::fprintf(stderr, "http_load: %s\n", report.error().to_string().c_str());
    return 1;
  }
  std::printf("%s\n", json ? report->to_json().c_str() : report->to_string().c_str());
  return report->answers > 0 && report->non_2xx == 0 && report->broken == 0 ? 0 : 1;
}
