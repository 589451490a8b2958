// The Open Inference Protocol's messages, and the backend that speaks it over gRPC.
#include <gtest/gtest.h>

#include <cmath>
#include <future>

#include "remote/protocol.h"
#include "switchyard/document/document.h"
#include "switchyard/http/coding.h"
#include "switchyard/http/grpc.h"
#include "switchyard/http/server.h"
#include "switchyard/models/oip_messages.h"
#include "switchyard/models/remote.h"
#include "switchyard/types/json.h"
#include "tests/models_test_support.h"

namespace switchyard::models {
namespace {

using testing::json;
using testing::manifest_of;
using testing::raw;

auto& add_input(inference::ModelInferRequest& request, const std::string& name, const std::string& datatype,
                std::initializer_list<int64_t> shape) {
  auto& input = *request.add_inputs();
  input.set_name(name);
  input.set_datatype(datatype);
  for (const int64_t size : shape) input.add_shape(size);
  return *input.mutable_contents();
}

TEST(OipMessages, WhatIsWrittenIsReadAgain) {
  const Value texts[] = {Value::string("grün"), Value::string("")};
  const std::string numbers = raw<double>({1e300, 0.1});
  const std::vector<TensorView> tensors{{"d", ElementType::kDouble, {2}, numbers, {}},
                                        {"s", ElementType::kString, {2, 1}, {}, texts}};
  inference::ModelInferResponse response;
  oip::write_outputs(tensors, response);
  response.mutable_outputs(0)->mutable_contents();  // MLServer does so
  Arena arena;
  const auto again = oip::read_outputs(response, oip::Others::kRefuse, arena);
  ASSERT_TRUE(again.ok()) << again.error().to_string();
  EXPECT_EQ((*again)[0].bytes, numbers);
  EXPECT_EQ((*again)[1].shape, (std::vector<int64_t>{2, 1}));
  EXPECT_EQ((*again)[1].strings[0].as_bytes(), "grün");
}

TEST(OipMessages, TypedContentsAreReadLikeRawOnes) {
  inference::ModelInferRequest request;
  add_input(request, "f", "FP32", {1}).add_fp32_contents(1.5F);
  add_input(request, "b", "BOOL", {2, 1}).mutable_bool_contents()->Add(true);
  request.mutable_inputs(1)->mutable_contents()->add_bool_contents(false);
  add_input(request, "i8", "INT8", {1}).add_int_contents(-7);
  add_input(request, "u16", "UINT16", {1}).add_uint_contents(65535);
  add_input(request, "u64", "UINT64", {1}).add_uint64_contents(9);
  add_input(request, "t", "BYTES", {1}).add_bytes_contents("x");
  Arena arena;
  EXPECT_EQ(oip::read_inputs(request, oip::Others::kRefuse, arena).error().code, "oip.unknown_datatype");
  const auto tensors = oip::read_inputs(request, oip::Others::kWiden, arena);
  ASSERT_TRUE(tensors.ok()) << tensors.error().to_string();
  EXPECT_EQ((*tensors)[0].bytes, raw<float>({1.5F}));
  EXPECT_EQ((*tensors)[1].bytes, raw<uint8_t>({1, 0}));
  EXPECT_EQ((*tensors)[2].bytes, raw<int32_t>({-7}));
  EXPECT_EQ((*tensors)[3].bytes, raw<int32_t>({65535}));
  EXPECT_EQ((*tensors)[4].bytes, raw<int64_t>({9}));
  EXPECT_EQ((*tensors)[5].strings[0].as_bytes(), "x");
}

TEST(OipMessages, WhatDoesNotAddUpIsRefused) {
  const auto refuses = [](const std::function<void(inference::ModelInferRequest&)>& spoil) {
    inference::ModelInferRequest request;
    add_input(request, "x", "INT8", {2}).add_int_contents(1);
    request.mutable_inputs(0)->mutable_contents()->add_int_contents(2);
    spoil(request);
    Arena arena;
    return oip::read_inputs(request, oip::Others::kWiden, arena).ok() ? "" : "refused";
  };
  EXPECT_STREQ(refuses([](auto&) {}), "");
  EXPECT_STREQ(refuses([](auto& one) { one.clear_inputs(); }), "refused");
  EXPECT_STREQ(refuses([](auto& one) { one.mutable_inputs(0)->set_shape(0, 3); }), "refused");
  EXPECT_STREQ(refuses([](auto& one) { one.mutable_inputs(0)->set_shape(0, -2); }), "refused");
  EXPECT_STREQ(refuses([](auto& one) { one.mutable_inputs(0)->set_shape(0, int64_t{1} << 60); }), "refused");
  EXPECT_STREQ(
      refuses([](auto& one) { one.mutable_inputs(0)->mutable_contents()->set_int_contents(0, 128); }),
      "refused");
  EXPECT_STREQ(refuses([](auto& one) { one.add_raw_input_contents("ab"); }), "refused");
  EXPECT_STREQ(refuses([](auto& one) {
                 (*one.mutable_inputs(0)->mutable_parameters())["shared_memory_region"].set_string_param("r");
               }),
               "refused");
}

const char* const kRemote = R"(
model: iris@1.0.0
backend: mlserver
remote: { model: iris-sklearn }
input: { tensors: { features: { fields: [a, b], type: double } } }
output: { label: predict }
)";

/// A server of the protocol over gRPC whose answers a test decides, and a model of it.
class GrpcBackend : public ::testing::Test {
 protected:
  GrpcBackend()
      : server_(
            [] {
              http::ServerOptions options;
              options.drain_timeout_ms = 100;
              return options;
            }(),
            [this](http::Request&& request, http::Responder responder) {
              path_ = request.path();
              for (const char* name : {"content-type", "te", "grpc-timeout", "grpc-accept-encoding"})
                fields_.push_back(std::string(request.header(name).value_or("")));
              std::string unpacked;
              const auto bytes = http::grpc::unframe(request.body(), "identity", 1u << 20, unpacked);
              ASSERT_TRUE(bytes.ok());
              ASSERT_TRUE(asked_.ParseFromString(std::string(*bytes)));
              responder.send(answer_);
            }),
        client_({}) {
    server_.start().value();
    client_.start().value();
    Diagnostics mistakes;
    Arena arena;
    const auto document = document::parse("backend: there@1.0.0\nprotocol: oip-grpc\nurl: grpc://127.0.0.1:" +
                                          std::to_string(server_.port()));
    const auto spec = parse_backend(document::to_value(*document.root, arena), mistakes);
    EXPECT_TRUE(mistakes.empty());
    model_ = make_http_model(manifest_of(kRemote), spec, {&client_, &runtime::system_clock(), {}}).value();
  }
  ~GrpcBackend() override {
    client_.stop();
    server_.stop();
  }

  void answers(bool packed) {
    inference::ModelInferResponse response;
    response.set_model_name("iris-sklearn");
    response.set_model_version("v1");
    const std::string bytes = raw<int64_t>({2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
    const TensorView view{"predict", ElementType::kInt64, {1, 10}, bytes, {}};
    oip::write_outputs(std::span(&view, 1), response);
    answer_ = {200, "application/grpc", {}, http::grpc::frame(response.SerializeAsString(), packed)};
    if (packed) answer_.headers = {{"grpc-encoding", "gzip"}};
    answer_.trailers = {{"grpc-status", "0"}};
  }
  void refuses(const std::string& status, const std::string& message) {
    answer_ = {200, "application/grpc", {{"grpc-status", status}, {"grpc-message", message}}, {}};
  }
  CallOutcome call() {
    CallRequest request;
    request.input = json(R"({"a": 1, "b": 2.5})");
    request.deadline_us = runtime::system_clock().monotonic_us() + 5'000'000;
    std::promise<CallOutcome> done;
    model_->call(std::move(request), [&done](CallOutcome outcome) { done.set_value(std::move(outcome)); });
    return done.get_future().get();
  }

  http::Response answer_;
  inference::ModelInferRequest asked_;
  std::string path_;
  std::vector<std::string> fields_;
  http::Server server_;
  http::Client client_;
  std::shared_ptr<RemoteModel> model_;
};

TEST_F(GrpcBackend, FieldsBecomeTensorsAndTensorsResults) {
  for (const bool packed : {false, true}) {
    answers(packed);
    const CallOutcome outcome = call();
    ASSERT_TRUE(outcome.answer.ok()) << outcome.answer.error().to_string();
    EXPECT_EQ(to_json(*outcome.answer->output), R"({"label":[2,3,4,5,6,7,8,9,10,11]})");
    EXPECT_EQ(outcome.answer->served_by, "iris-sklearn@v1");
    EXPECT_EQ(outcome.status, 200);
  }
  EXPECT_EQ(path_, "/inference.GRPCInferenceService/ModelInfer");
  EXPECT_EQ(asked_.model_name(), "iris-sklearn");
  Arena arena;
  const auto tensors = oip::read_inputs(asked_, oip::Others::kRefuse, arena);
  ASSERT_TRUE(tensors.ok()) << tensors.error().to_string();
  EXPECT_EQ((*tensors)[0].bytes, raw<double>({1, 2.5}));
  EXPECT_EQ(fields_[0], "application/grpc");
  EXPECT_EQ(fields_[1], "trailers");
  EXPECT_TRUE(fields_[2].ends_with("m") && fields_[2].size() == 5) << fields_[2];  // below five seconds
  EXPECT_EQ(fields_[3], "identity,gzip");
}

TEST_F(GrpcBackend, StatusesAreToldAsTheOtherProtocolsTellThem) {
  const auto told = [&](const std::string& status) {
    refuses(status, "so %C3%BC it is");
    const CallOutcome outcome = call();
    if (outcome.answer.ok()) return std::string("no error");
    EXPECT_NE(outcome.answer.error().message.find("so ü it is"), std::string::npos)
        << outcome.answer.error().message;
    return outcome.answer.error().code;
  };
  EXPECT_EQ(told("3"), "models.refused");
  EXPECT_EQ(told("4"), "models.remote_timeout");
  EXPECT_EQ(told("5"), "models.remote_missing");
  EXPECT_EQ(told("8"), "models.rate_limited");
  EXPECT_EQ(told("13"), "models.server_error");
  EXPECT_EQ(told("14"), "models.server_error");
  EXPECT_EQ(told("16"), "models.bad_credentials");
  refuses("14", "later");
  answer_.headers.push_back({"grpc-retry-pushback-ms", "1500"});
  EXPECT_EQ(call().retry_after_us, 1'500'000);
  refuses("5", "no such model");
  EXPECT_FALSE(call().may_have_run);
}

TEST_F(GrpcBackend, AnswersThatAreNoneSaySo) {
  answers(false);
  answer_.trailers.clear();
  EXPECT_EQ(call().answer.error().code, "models.truncated");
  answers(false);
  answer_.body.pop_back();
  EXPECT_EQ(call().answer.error().code, "models.bad_answer");
  answers(true);
  answer_.headers.clear();
  EXPECT_EQ(call().answer.error().code, "models.bad_answer");
  answer_ = {503, "text/html", {}, "<h1>a proxy</h1>"};
  EXPECT_EQ(call().answer.error().code, "models.server_error");
}

TEST(GrpcBackendDocument, TheUrlTellsTheProtocol) {
  const auto mistakes_of = [](const std::string& protocol, const std::string& url) {
    Diagnostics mistakes;
    Arena arena;
    const auto document = document::parse("backend: b@1.0.0\nprotocol: " + protocol + "\nurl: " + url);
    parse_backend(document::to_value(*document.root, arena), mistakes);
    return mistakes.size();
  };
  EXPECT_EQ(mistakes_of("oip-grpc", "grpc://h:8001"), 0u);
  EXPECT_EQ(mistakes_of("oip-grpc", "grpcs://h"), 0u);
  EXPECT_EQ(mistakes_of("oip-grpc", "http://h:8001"), 1u);
  EXPECT_EQ(mistakes_of("oip", "grpc://h:8001"), 1u);
}

}  // namespace
}  // namespace switchyard::models
