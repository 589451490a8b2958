// Servers of the Open Inference Protocol, version 2, over gRPC.
#include <charconv>
#include <memory>

#include "switchyard/http/grpc.h"
#include "switchyard/models/limits.h"
#include "switchyard/models/oip_messages.h"
#include "tensor_call.h"

namespace switchyard::models {
namespace {

namespace grpc = http::grpc;

/// In the trailers, or in the head of an answer that is nothing else.
std::string_view field_of(const http::ClientResponse& response, std::string_view name) {
  const std::string_view trailer = response.trailer(name);
  return trailer.empty() ? response.header(name) : trailer;
}

class OpenInferenceGrpc final : public Protocol {
 public:
  explicit OpenInferenceGrpc(std::unique_ptr<TensorCall> call) : call_(std::move(call)) {}

  Result<Request> request(const Value& input, bool) const override {
    Arena arena;
    SY_ASSIGN_OR_RETURN(const auto question, call_->ask(input, arena));
    inference::ModelInferRequest message;
    message.set_model_name(call_->model());
    oip::write_inputs(question.inputs, message);
    for (const std::string_view name : question.wanted) message.add_outputs()->set_name(std::string(name));
    Request request;
    request.wanted = question.form;
    request.path = "/inference.GRPCInferenceService/ModelInfer";
    request.headers = {{"Content-Type", std::string(grpc::kMediaType)},
                       {"Accept", std::string(grpc::kMediaType)},
                       {"TE", "trailers"},
                       {"grpc-accept-encoding", std::string(grpc::kCodings)}};
    request.body = grpc::frame(message.SerializeAsString(), false);
    return request;
  }

  void add_deadline(int64_t timeout_ms, std::vector<http::Header>& headers) const override {
    headers.push_back({"grpc-timeout", std::to_string(timeout_ms) + "m"});
  }

  void unwrap(http::ClientResponse& response) const override {
    if (response.status / 100 != 2) return;  // of a proxy that speaks plain HTTP
    const std::string_view text = field_of(response, "grpc-status");
    int status = 0;
    std::from_chars(text.data(), text.data() + text.size(), status);
    if (status == 0) return;
    response.status = grpc::http_status_of(status);
    response.body = grpc::decode_text(field_of(response, "grpc-message"));
    if (const std::string_view wait = field_of(response, "grpc-retry-pushback-ms"); !wait.empty())
      response.headers.push_back({"retry-after-ms", std::string(wait)});
  }

  Result<RemoteReply> reply(const http::ClientResponse& response, AnswerForm wanted) const override {
    if (field_of(response, "grpc-status") != "0")
      return truncated("the server's answer has no grpc-status: it is not the whole of one");
    std::string unpacked;
    const auto bytes =
        grpc::unframe(response.body, response.header("grpc-encoding"), kMaxRemoteAnswerBytes, unpacked);
    if (!bytes.ok()) return bad_answer(bytes.error().message);
    inference::ModelInferResponse message;
    if (!message.ParseFromArray(bytes->data(), static_cast<int>(bytes->size())))
      return bad_answer("it is no ModelInferResponse");
    auto arena = std::make_shared<Arena>(bytes->size() + 1024);
    auto tensors = oip::read_outputs(message, oip::Others::kWiden, *arena);
    if (!tensors.ok()) return bad_answer(tensors.error().message);
    return call_->reply(
        {wanted, message.model_name(), message.model_version(), std::move(*tensors), std::move(arena)});
  }

  expression::Type output_type() const override { return call_->output_type(); }

 private:
  const std::unique_ptr<const TensorCall> call_;
};

}  // namespace

Result<std::unique_ptr<Protocol>> make_oip_grpc_protocol(const ModelManifest& manifest) {
  SY_ASSIGN_OR_RETURN(auto call, TensorCall::make(manifest, "oip-grpc"));
  return std::unique_ptr<Protocol>(std::make_unique<OpenInferenceGrpc>(std::move(call)));
}

}  // namespace switchyard::models
