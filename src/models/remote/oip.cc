// Servers of the Open Inference Protocol, version 2 (Triton, KServe, MLServer), over REST. Tensors go and
// come in JSON, or in binary form where the manifest says that the server has that extension.
#include <charconv>
#include <memory>

#include "switchyard/http/url.h"
#include "switchyard/models/limits.h"
#include "switchyard/models/oip.h"
#include "switchyard/types/json.h"
#include "tensor_call.h"

namespace switchyard::models {
namespace {

/// A text of the answer's head; empty when it has none.
std::string_view text_in(const Value& body, std::string_view name) {
  const Value* text = body.find(name);
  return text != nullptr && text->is(Kind::kString) ? text->as_string() : std::string_view();
}

class OpenInference final : public Protocol {
 public:
  OpenInference(const ModelManifest& manifest, std::unique_ptr<TensorCall> call)
      : call_(std::move(call)),
        path_(manifest.remote.path.empty() ? "/v2/models/" + http::percent_encode(call_->model()) + "/infer"
                                           : manifest.remote.path),
        binary_(manifest.remote.binary) {}

  Result<Request> request(const Value& input, bool) const override {
    Arena arena;
    SY_ASSIGN_OR_RETURN(const auto question, call_->ask(input, arena));
    Request request;
    request.path = path_;
    request.wanted = question.form;
    std::string behind;
    request.body = "{\"inputs\":[";
    for (const TensorView& view : question.inputs) {
      if (request.body.back() != '[') request.body += ',';
      SY_RETURN_IF_ERROR(oip::append_wire_tensor(view, binary_, request.body, behind));
    }
    request.body += ']';
    for (size_t i = 0; i < question.wanted.size(); ++i) {
      request.body += i == 0 ? ",\"outputs\":[{\"name\":" : ",{\"name\":";
      append_json_string(question.wanted[i], request.body);
      request.body += binary_ ? ",\"parameters\":{\"binary_data\":true}}" : "}";
    }
    if (!question.wanted.empty()) request.body += ']';
    if (!binary_) {
      request.body += '}';
      return request;
    }
    request.body += ",\"parameters\":{\"binary_data_output\":true}}";
    request.headers = {{std::string(oip::kHeaderLength), std::to_string(request.body.size())},
                       {"Content-Type", "application/octet-stream"},
                       {"Accept", "*/*"}};
    request.body += behind;
    return request;
  }

  Result<RemoteReply> reply(const http::ClientResponse& response, AnswerForm wanted) const override {
    std::string_view json = response.body;
    std::string_view behind;
    if (const std::string_view length = response.header(oip::kHeaderLength); !length.empty()) {
      size_t size = 0;
      const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), size);
      if (error != std::errc() || end != length.data() + length.size() || size > json.size())
        return bad_answer("its " + std::string(oip::kHeaderLength) + " is not right");
      behind = json.substr(size);
      json = json.substr(0, size);
    }
    auto arena = std::make_shared<Arena>(response.body.size() + 1024);
    const auto body = parse_json(json, *arena, {kMaxRemoteAnswerBytes, 64});
    if (!body.ok()) return bad_answer("it is no JSON: " + body.error().message);
    const Value* list = body->find("outputs");
    if (list == nullptr) return bad_answer("it has no outputs");
    auto tensors = oip::read_wire_tensors(*list, behind, oip::Others::kWiden, *arena);
    if (!tensors.ok()) return bad_answer(tensors.error().message);
    return call_->reply({wanted, text_in(*body, "model_name"), text_in(*body, "model_version"),
                         std::move(*tensors), std::move(arena)});
  }

  expression::Type output_type() const override { return call_->output_type(); }

 private:
  const std::unique_ptr<const TensorCall> call_;
  const std::string path_;
  const bool binary_;
};

}  // namespace

Result<std::unique_ptr<Protocol>> make_oip_protocol(const ModelManifest& manifest) {
  SY_ASSIGN_OR_RETURN(auto call, TensorCall::make(manifest, "oip"));
  return std::unique_ptr<Protocol>(std::make_unique<OpenInference>(manifest, std::move(call)));
}

}  // namespace switchyard::models
