#include "switchyard/http/router.h"

#include <algorithm>
#include <map>
#include <set>

#include "switchyard/base/check.h"
#include "switchyard/http/problem.h"
#include "switchyard/http/url.h"

namespace switchyard::http {
namespace {

constexpr size_t kMethods = static_cast<size_t>(Method::kOther);

/// One segment's place in the tree of paths.
struct Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> fixed;
  std::unique_ptr<Node> parameter;
  std::unique_ptr<Node> rest;
  const Route* routes[kMethods] = {};

  bool has_routes() const {
    return std::any_of(std::begin(routes), std::end(routes),
                       [](const Route* route) { return route != nullptr; });
  }
};

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> segments;
  path.remove_prefix(1);
  for (size_t at = 0; !path.empty(); path.remove_prefix(std::min(at + 1, path.size()))) {
    at = path.find('/');
    segments.push_back(path.substr(0, at));
    if (at == path.npos) break;
    if (at + 1 == path.size()) segments.emplace_back();  // a trailing slash is a segment, empty
  }
  return segments;
}

bool is_parameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}
bool is_rest(std::string_view segment) { return is_parameter(segment) && segment[segment.size() - 2] == '*'; }

/// Walks the tree for the decoded segments of a request; prefers fixed segments, steps back when they lead
/// nowhere.
const Node* find(const Node* node, const std::vector<std::string>& segments, size_t at) {
  if (at == segments.size()) return node->has_routes() ? node : nullptr;
  if (const auto fixed = node->fixed.find(segments[at]); fixed != node->fixed.end())
    if (const Node* found = find(fixed->second.get(), segments, at + 1)) return found;
  if (node->parameter && !segments[at].empty())
    if (const Node* found = find(node->parameter.get(), segments, at + 1)) return found;
  return node->rest ? node->rest.get() : nullptr;
}

std::vector<Parameter> path_parameters(const Route& route, const std::vector<std::string>& segments) {
  std::vector<Parameter> parameters;
  const auto pattern = split_path(route.path);
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (!is_parameter(pattern[i])) continue;
    if (!is_rest(pattern[i])) {
      parameters.push_back({std::string(pattern[i].substr(1, pattern[i].size() - 2)), segments[i]});
      continue;
    }
    std::string rest;
    for (size_t k = i; k < segments.size(); ++k) rest += (k > i ? "/" : "") + segments[k];
    parameters.push_back({std::string(pattern[i].substr(1, pattern[i].size() - 3)), std::move(rest)});
  }
  return parameters;
}

std::string allowed_methods(const Node& node) {
  std::string allow;
  for (size_t i = 0; i < kMethods; ++i) {
    const auto method = static_cast<Method>(i);
    const bool by_get = method == Method::kHead && node.routes[static_cast<size_t>(Method::kGet)] != nullptr;
    if (node.routes[i] == nullptr && !by_get) continue;
    allow += (allow.empty() ? "" : ", ") + std::string(method_name(method));
  }
  return allow;
}

Error bad_route(const Route& route, std::string_view why) {
  return make_error(ErrorKind::kInvalidArgument, "http.bad_route",
                    "Route '" + route.path + "' cannot be added: " + std::string(why) + ".");
}

}  // namespace

struct Router::Impl {
  Node root;
  std::vector<std::unique_ptr<Route>> routes;
  std::set<std::string> operations;
};

Router::Router() : impl_(std::make_unique<Impl>()) {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

Status Router::add(Route route) {
  if (!route.path.starts_with('/')) return bad_route(route, "a path begins with '/'");
  if (route.method == Method::kOther) return bad_route(route, "the method is not one of the seven known");
  if (route.operation_id.empty() || !route.handler)
    return bad_route(route, "it needs an operation id and a handler");
  const auto segments = split_path(route.path);
  Node* node = &impl_->root;
  for (size_t i = 0; i < segments.size(); ++i) {
    const std::string_view segment = segments[i];
    if (is_rest(segment) && i + 1 != segments.size())
      return bad_route(route, "'{name*}' must be the last segment");
    if (!is_parameter(segment) && segment.find_first_of("{}%") != segment.npos)
      return bad_route(route, "a parameter takes a whole segment, and fixed segments are written unescaped");
    std::unique_ptr<Node>& next = is_rest(segment)        ? node->rest
                                  : is_parameter(segment) ? node->parameter
                                                          : node->fixed[std::string(segment)];
    if (!next) next = std::make_unique<Node>();
    node = next.get();
  }
  const Route*& place = node->routes[static_cast<size_t>(route.method)];
  if (place != nullptr || impl_->operations.contains(route.operation_id))
    return make_error(ErrorKind::kConflict, "http.duplicate_route",
                      "Route '" + std::string(method_name(route.method)) + " " + route.path + "' (" +
                          route.operation_id + ") exists already; give it another path or operation id.");
  impl_->operations.insert(route.operation_id);
  impl_->routes.push_back(std::make_unique<Route>(std::move(route)));
  place = impl_->routes.back().get();
  return {};
}

void Router::on(std::string_view method_and_path, std::string operation_id, std::string permission,
                Handler handler) {
  const size_t blank = method_and_path.find(' ');
  SY_CHECK(blank != method_and_path.npos);
  add({method_from(method_and_path.substr(0, blank)), std::string(method_and_path.substr(blank + 1)),
       std::move(operation_id), std::move(permission), std::move(handler)})
      .value();
}

Result<const Route*> Router::match(Request& request, std::string* allow) const {
  const std::string_view path = request.path();
  const auto no_such_path = [&] {
    return make_error(
        ErrorKind::kNotFound, "http.no_such_path",
        "There is nothing at '" + std::string(path.substr(0, 200)) + "'; /openapi.json lists what there is.");
  };
  if (!path.starts_with('/')) return no_such_path();
  std::vector<std::string> segments;
  for (const std::string_view segment : split_path(path)) {
    auto decoded = percent_decode(segment, false);
    if (!decoded || decoded->find('\0') != decoded->npos)
      return make_error(ErrorKind::kInvalidArgument, "http.bad_path",
                        "The path has a broken percent escape; encode its segments anew.");
    segments.push_back(std::move(*decoded));
  }
  const Node* node = find(&impl_->root, segments, 0);
  if (node == nullptr) return no_such_path();
  if (request.method() != Method::kOther) {
    const Route* route = node->routes[static_cast<size_t>(request.method())];
    if (route == nullptr && request.method() == Method::kHead)
      route = node->routes[static_cast<size_t>(Method::kGet)];
    if (route != nullptr) {
      if (route->path.find('{') != route->path.npos)
        request.set_path_parameters(path_parameters(*route, segments));
      return route;
    }
  }
  const std::string methods = allowed_methods(*node);
  if (allow != nullptr) *allow = methods;
  return make_error(ErrorKind::kInvalidArgument, "http.method_not_allowed",
                    "'" + std::string(path.substr(0, 200)) + "' does not take " +
                        std::string(request.method_text().substr(0, 32)) + "; it takes " + methods + ".");
}

Response Router::refusal(const Error& error, const std::string& allow, const Request& request) {
  if (allow.empty()) return problem(error, request.path());
  Response response = problem(error, 405, request.path());
  response.headers.push_back({"Allow", allow});
  return response;
}

void Router::handle(Request&& request, Responder responder) const {
  std::string allow;
  const auto route = match(request, &allow);
  if (!route.ok()) return responder.send(refusal(route.error(), allow, request));
  (*route)->handler(std::move(request), std::move(responder));
}

std::vector<const Route*> Router::routes() const {
  std::vector<const Route*> all;
  for (const auto& route : impl_->routes) all.push_back(route.get());
  return all;
}

}  // namespace switchyard::http
