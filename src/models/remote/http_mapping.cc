// Any server that takes and gives JSON over HTTP (Ray Serve, MLflow, one's own): the request's body is an
// expression over the input, the outputs are expressions over the answer.
#include <memory>
#include <optional>

#include "computed_outputs.h"
#include "protocol.h"
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
    std::string mistakes;
    if (!manifest.remote.body.empty()) {
      expression::Environment environment;
      environment.declare("input", Type::dyn());
      auto compiled = expression::compile(manifest.remote.body, environment, over_an_answer());
      note_mistakes("remote.body", compiled, mistakes);
      mapping->body_ = std::move(compiled.program);
    }
    expression::Environment environment;
    environment.declare("body", Type::dyn());
    environment.declare("status", Type::integer());
    environment.declare("headers", Type::map(Type::string(), Type::string()));
    SY_ASSIGN_OR_RETURN(mapping->outputs_,
                        ComputedOutputs::compile(manifest, environment, std::move(mistakes)));
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

  Result<RemoteReply> reply(const http::ClientResponse& response, AnswerForm) const override {
    Arena scratch(response.body.size() + 512);
    auto body = parse_json(response.body, scratch, {kMaxRemoteAnswerBytes, 64});
    if (!body.ok()) return bad_answer("it is no JSON: " + body.error().message);
    const Value slots[kSlots] = {*body, Value::integer(response.status),
                                 http::header_map(response.headers, scratch)};
    SY_ASSIGN_OR_RETURN(Document output, outputs_.evaluate(slots, scratch));
    return RemoteReply{std::move(output), {}, {}};
  }

  Type output_type() const override { return outputs_.type(); }

 private:
  HttpMapping() = default;
  std::string method_, path_;
  std::optional<expression::Program> body_;  // none: the input as it is
  ComputedOutputs outputs_;
};

}  // namespace

Result<std::unique_ptr<Protocol>> make_http_protocol(const ModelManifest& manifest) {
  if (manifest.kind != ModelKind::kValue) return wrong_kind(manifest, "http", "value");
  return HttpMapping::make(manifest);
}

}  // namespace switchyard::models
