#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/http/message.h"
#include "switchyard/http/server.h"

namespace switchyard::http {

/// One operation of an API.
struct Route {
  Method method = Method::kGet;
  std::string path;          ///< "/api/v1/decisions/{id}"; a last segment "{rest*}" takes the whole rest
  std::string operation_id;  ///< unique, e.g. "get_decision": the name in metrics, logs and OpenAPI
  std::string permission;    ///< who may call it, in the words of the caller of match(); empty: anybody
  Handler handler;
};

/// Finds the operation for a request. Filled once, then read by any number of threads.
/// Fixed segments win over parameters; HEAD is answered by GET's route; a segment is decoded after splitting.
class Router {
 public:
  Router();
  ~Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;

  /// kInvalidArgument "http.bad_route" for a path that is not as above, kConflict "http.duplicate_route" for
  /// a method and path, or an operation id, that exists.
  Status add(Route route);
  /// add() for "GET /api/v1/decisions/{id}"; CHECKs that it is correct. For routes written in code.
  void on(std::string_view method_and_path, std::string operation_id, std::string permission,
          Handler handler);

  /// The route of a request, with the path's parameters set on it. Else the error: kNotFound
  /// "http.no_such_path" or kInvalidArgument "http.method_not_allowed" with `*allow` set to the Allow
  /// header's value, "http.bad_path".
  Result<const Route*> match(Request& request, std::string* allow = nullptr) const;
  /// match() and the handler, or the problem details of a 400, 404 or 405 (with Allow).
  void handle(Request&& request, Responder responder) const;
  /// The answer for a request that match() refused.
  static Response refusal(const Error& error, const std::string& allow, const Request& request);

  /// In the order they were added.
  std::vector<const Route*> routes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace switchyard::http
