// Any server that takes and gives JSON over HTTP (Ray Serve, MLflow, one's own): the request's body is an
// expression over the input, the outputs are expressions over the answer.
#include <algorithm>
#include <memory>
#include <optional>

#include "protocol.h"
#include "switchyard/expression/program.h"
#include "switchyard/http/header_map.h"
#include "switchyard/models/limits.h"
#include "switchyard/types/json.h"

namespace switchyard::models {
namespace {

using expression::Type;

constexpr size_t kSlots = 3;  // body, status, headers

class HttpMapping final : public Protocol {
 public:
  static Result<std::unique_ptr<Protocol>> make(const ModelManifest& manifest) {
    auto mapping = std::unique_ptr<HttpMapping>(new HttpMapping());
    mapping->method_ = manifest.remote.method.empty() ? "POST" : manifest.remote.method;
    mapping->path_ = manifest.remote.path;
    mapping->schema_ = manifest.output_schema;
    std::string mistakes;
    const auto note = [&](const std::string& where, const expression::Compiled& compiled) {
      for (const auto& mistake : compiled.mistakes)
        mistakes += (mistakes.empty() ? "" : "; ") + where + ": " + mistake.to_string();
    };
    expression::CompileOptions options;
    options.cost_limit = kOutputExpressionCost;
    // What a server sends is known when it has come; a field that is not there fails the call.
    options.prove_members = false;
    if (!manifest.remote.body.empty()) {
      expression::Environment environment;
      environment.declare("input", Type::dyn());
      auto compiled = expression::compile(manifest.remote.body, environment, options);
      note("remote.body", compiled);
      mapping->body_ = std::move(compiled.program);
    }
    expression::Environment environment;
    environment.declare("body", Type::dyn());
    environment.declare("status", Type::integer());
    environment.declare("headers", Type::map(Type::string(), Type::string()));
    std::vector<expression::Field> fields;
    for (const auto& output : manifest.outputs) {
      auto compiled = expression::compile(output.expression, environment, options);
      note("output." + output.name, compiled);
      if (!compiled.ok()) continue;
      fields.push_back({output.name, compiled.program->result_type(), true});
      mapping->outputs_.emplace_back(output.name, *std::move(compiled.program));
    }
    if (!mistakes.empty())
      return make_error(ErrorKind::kUnprocessable, "models.bad_output_expression", mistakes, "output");
    mapping->type_ = Type::object(std::move(fields));
    return std::unique_ptr<Protocol>(std::move(mapping));
  }

  Result<Request> request(const Value& input, bool) const override {
    Request request;
    request.method = http::method_from(method_);
    request.path = path_;
    if (!body_.has_value()) {
      request.body = to_json(input);
      return request;
    }
    Arena arena;
    auto body = body_->evaluate(std::span(&input, 1), arena);
    if (!body.ok())
      return make_error(ErrorKind::kInvalidArgument, "models.bad_input",
                        "the request cannot be made of the input: " + body.error().message, "remote.body");
    request.body = to_json(*body);
    return request;
  }

  Result<RemoteReply> reply(const http::ClientResponse& response) const override {
    Arena scratch(response.body.size() + 512);
    auto body = parse_json(response.body, scratch, {kMaxRemoteAnswerBytes, 64});
    if (!body.ok()) return bad_answer("it is no JSON: " + body.error().message);
    const Value slots[kSlots] = {*body, Value::integer(response.status),
                                 http::header_map(response.headers, scratch)};
    auto arena = std::make_shared<Arena>(512);
    MapBuilder output(*arena);
    for (const auto& [name, program] : outputs_) {
      auto value = program.evaluate(slots, scratch);
      if (!value.ok())
        return bad_answer("output '" + name + "' cannot be had from it: " + value.error().message);
      output.add(Value::string(arena->copy(name)), copy_value(*value, *arena));
    }
    Value root = output.build();
    if (schema_ != nullptr) {
      auto normal = schema_->normalize(root, *arena);
      if (!normal.ok()) return bad_answer("it does not fit output.schema: " + normal.error().message);
      root = *normal;
    }
    return RemoteReply{Document(std::move(arena), root), {}, {}};
  }

  Type output_type() const override { return type_; }

 private:
  HttpMapping() = default;
  std::string method_, path_;
  std::optional<expression::Program> body_;  // none: the input as it is
  std::vector<std::pair<std::string, expression::Program>> outputs_;
  schema::SchemaPtr schema_;
  Type type_;
};

}  // namespace

Result<std::unique_ptr<Protocol>> make_http_protocol(const ModelManifest& manifest) {
  if (manifest.kind != ModelKind::kValue) return wrong_kind(manifest, "http", "value");
  return HttpMapping::make(manifest);
}

}  // namespace switchyard::models
