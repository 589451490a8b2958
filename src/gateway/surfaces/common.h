#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "switchyard/base/result.h"
#include "switchyard/gateway/surfaces.h"
#include "switchyard/types/json.h"

// What several surfaces need: reading parameters, writing JSON.
namespace switchyard::gateway::surfaces {

inline constexpr size_t kMaxRequestBytes = 1u << 20;  ///< of a request other than a deployment

/// A required text member of an object. kInvalidArgument "request.missing" or "request.bad_type", naming it.
Result<std::string> text_member(const Value& object, std::string_view name);
/// The same, empty when absent.
Result<std::string> optional_text(const Value& object, std::string_view name);
Result<bool> optional_bool(const Value& object, std::string_view name, bool otherwise);
Result<int64_t> optional_integer(const Value& object, std::string_view name, int64_t otherwise);
/// kInvalidArgument "request.unknown_member" when the object has a member that is none of `known`.
Status only_members(const Value& object, std::initializer_list<std::string_view> known);

/// The body as an object in `arena`: for whoever keeps it there. Told as Call::json_body() tells it.
Result<Value> object_body(const Call& call, Arena& arena, const JsonLimits& limits = {});
/// "name" and "version" of "name@version"; without a version the second is empty.
std::pair<std::string, std::string> split_reference(const std::string& reference);
/// The request's body as an object of at most kMaxRequestBytes; an empty body is an empty object.
Result<Document> object_body(const Call& call);

/// kInvalidArgument "request.unknown_parameter" when the query has one that is none of `known`, in which
/// "search.<attribute>" stands for all that begin with "search.".
Status only_parameters(const http::Request& request, std::initializer_list<std::string_view> known);
/// kInvalidArgument "request.bad_cursor".
Error bad_cursor();
/// A whole number in a query parameter.
Result<int64_t> query_integer(const http::Request& request, std::string_view name, int64_t otherwise,
                              int64_t least, int64_t most);
/// RFC 3339, or a duration that counts back from now: "2026-11-23T10:00:00Z", "15m". Microseconds since the
/// epoch; 0 when absent.
Result<int64_t> query_time(const http::Request& request, std::string_view name, int64_t now_us);
/// "500ms", "5s", "2m", or seconds as a plain number.
Result<int64_t> parse_wait(std::string_view text, std::string_view field);
Result<RunId> path_id(const http::Request& request);

std::string time_text(int64_t us);  ///< RFC 3339 in UTC with microseconds

/// Writes an object member by member: `JsonObject(out).text("id", id)...close()`.
class JsonObject {
 public:
  explicit JsonObject(std::string& out) : out_(out) { out_ += '{'; }
  JsonObject& text(std::string_view key, std::string_view value) {
    return name(key), append_json_string(value, out_), *this;
  }
  JsonObject& number(std::string_view key, int64_t value) {
    return name(key), out_ += std::to_string(value), *this;
  }
  JsonObject& real(std::string_view key, double value) {
    return name(key), append_json(Value::real(value), out_), *this;
  }
  JsonObject& boolean(std::string_view key, bool value) {
    return name(key), out_ += value ? "true" : "false", *this;
  }
  JsonObject& value(std::string_view key, const Value& v) { return name(key), append_json(v, out_), *this; }
  JsonObject& time(std::string_view key, int64_t us) { return us == 0 ? *this : text(key, time_text(us)); }
  /// For what the caller appends itself.
  std::string& raw(std::string_view key) { return name(key), out_; }
  void close() { out_ += '}'; }

 private:
  void name(std::string_view key) {
    if (!first_) out_ += ',';
    first_ = false;
    append_json_string(key, out_);
    out_ += ':';
  }
  std::string& out_;
  bool first_ = true;
};

void append_error(const workflow::RunError& error, std::string& out);
void append_diagnostics(const Diagnostics& diagnostics, std::string& out);
void append_decision(const partition::RunView& view, std::string& out);
void append_review(const review::Item& item, int64_t now_us, bool whole, std::string& out);

/// Reads the output of a finished run from the log when the view lacks it; on the pool's threads.
Status fill_output(const partition::Engine& engine, partition::RunView& view);

/// Adds a surface's operations to the gateway; both must outlive it.
class Operations {
 public:
  Operations(Gateway& gateway, const Services& services) : gateway_(gateway), services_(services) {}
  void operator()(std::string_view route, const char* id, Permission permission,
                  void (*operation)(Call&&, const Services&)) const {
    gateway_.on(route, id, permission,
                [operation, &services = services_](Call&& call) { operation(std::move(call), services); });
  }

 private:
  Gateway& gateway_;
  const Services& services_;
};

/// Runs `work` on the pool; answers 503 when the pool is full.
void on_pool(const Services& services, Call&& call, std::function<void(Call&)> work);

}  // namespace switchyard::gateway::surfaces
