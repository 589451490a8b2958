#include <cmath>

#include <gtest/gtest.h>

#include "remote/protocol.h"
#include "switchyard/models/oip.h"
#include "tests/models_test_support.h"

namespace switchyard::models {
namespace {

using testing::json;
using testing::manifest_of;
using testing::raw;

Result<std::vector<TensorView>> read(const Document& list, std::string_view binary, Arena& arena,
                                     oip::Others others = oip::Others::kRefuse) {
  return oip::read_wire_tensors(*list, binary, others, arena);
}

TEST(OipWire, EveryDatatypeGoesAndComesInBothForms) {
  const Value texts[] = {Value::string("grün"), Value::string("")};
  const std::vector<TensorView> tensors{
      {"f", ElementType::kFloat, {2, 1}, raw<float>({1.5F, -0.1F}), {}},
      {"d", ElementType::kDouble, {2}, raw<double>({1e300, 0.1}), {}},
      {"i", ElementType::kInt32, {2}, raw<int32_t>({INT32_MIN, INT32_MAX}), {}},
      {"l", ElementType::kInt64, {2}, raw<int64_t>({INT64_MIN, INT64_MAX}), {}},
      {"b", ElementType::kBool, {2}, raw<uint8_t>({1, 0}), {}},
      {"s", ElementType::kString, {2, 1}, {}, texts},
  };
  // Views into temporaries would dangle: the bytes are kept here.
  std::vector<std::string> kept{raw<float>({1.5F, -0.1F}),
                                raw<double>({1e300, 0.1}),
                                raw<int32_t>({INT32_MIN, INT32_MAX}),
                                raw<int64_t>({INT64_MIN, INT64_MAX}),
                                raw<uint8_t>({1, 0}),
                                {}};
  for (const bool binary : {false, true}) {
    std::string text = "[", behind;
    for (size_t i = 0; i < tensors.size(); ++i) {
      TensorView tensor = tensors[i];
      tensor.bytes = kept[i];
      if (i > 0) text += ',';
      ASSERT_TRUE(oip::append_wire_tensor(tensor, binary, text, behind).ok());
    }
    text += ']';
    EXPECT_EQ(behind.empty(), !binary);
    Arena arena;
    const Document list = json(text);
    const auto again = read(list, behind, arena);
    ASSERT_TRUE(again.ok()) << again.error().to_string();
    ASSERT_EQ(again->size(), tensors.size());
    for (size_t i = 0; i < tensors.size(); ++i) {
      EXPECT_EQ((*again)[i].name, tensors[i].name);
      EXPECT_EQ((*again)[i].type, tensors[i].type);
      EXPECT_EQ((*again)[i].shape, tensors[i].shape);
      EXPECT_EQ((*again)[i].bytes, kept[i]) << tensors[i].name;
    }
    ASSERT_EQ((*again)[5].strings.size(), 2u);
    const Value& first = (*again)[5].strings[0];
    EXPECT_EQ(first.is(Kind::kBytes) ? first.as_bytes() : first.as_string(), "grün");
  }
}

TEST(OipWire, OtherDatatypesAreWidenedWhereThatIsAskedFor) {
  const Document list = json(R"([
    {"name": "i8", "datatype": "INT8", "shape": [2], "parameters": {"binary_data_size": 2}},
    {"name": "u8", "datatype": "UINT8", "shape": [1], "parameters": {"binary_data_size": 1}},
    {"name": "u32", "datatype": "UINT32", "shape": [1], "parameters": {"binary_data_size": 4}},
    {"name": "u64", "datatype": "UINT64", "shape": [1], "parameters": {"binary_data_size": 8}},
    {"name": "half", "datatype": "FP16", "shape": [4], "parameters": {"binary_data_size": 8}},
    {"name": "brain", "datatype": "BF16", "shape": [1], "parameters": {"binary_data_size": 2}},
    {"name": "j", "datatype": "UINT16", "shape": [1], "data": [65535]}])");
  const std::string binary = raw<int8_t>({-1, 127}) + raw<uint8_t>({255}) + raw<uint32_t>({4'000'000'000u}) +
                             raw<uint64_t>({7}) + raw<uint16_t>({0x3C00, 0xC000, 0x7C00, 0x0001}) +
                             raw<uint16_t>({0x3FC0});
  Arena arena;
  EXPECT_EQ(read(list, binary, arena).error().code, "oip.unknown_datatype");
  const auto tensors = read(list, binary, arena, oip::Others::kWiden);
  ASSERT_TRUE(tensors.ok()) << tensors.error().to_string();
  EXPECT_EQ((*tensors)[0].bytes, raw<int32_t>({-1, 127}));
  EXPECT_EQ((*tensors)[1].bytes, raw<int32_t>({255}));
  EXPECT_EQ((*tensors)[2].bytes, raw<int64_t>({4'000'000'000}));
  EXPECT_EQ((*tensors)[3].bytes, raw<int64_t>({7}));
  EXPECT_EQ((*tensors)[4].bytes, raw<float>({1, -2, INFINITY, std::ldexp(1.0F, -24)}));
  EXPECT_EQ((*tensors)[5].bytes, raw<float>({1.5F}));
  EXPECT_EQ((*tensors)[6].bytes, raw<int32_t>({65535}));
  const Document large =
      json(R"([{"name": "u", "datatype": "UINT64", "shape": [1], "parameters": {"binary_data_size": 8}}])");
  EXPECT_EQ(read(large, raw<uint64_t>({UINT64_MAX}), arena, oip::Others::kWiden).error().field, "u");
}

TEST(OipWire, WhatDoesNotAddUpIsRefused) {
  for (const char* text : {
           R"([])", R"([1])", R"([{"name": "x"}])", R"([{"name": "x", "datatype": "FP32"}])",
           R"([{"name": "x", "datatype": "FP32", "shape": [1]}])",
           R"([{"name": "x", "datatype": "FP32", "shape": [2], "data": [1]}])",
           R"([{"name": "x", "datatype": "FP32", "shape": [1], "data": ["1"]}])",
           R"([{"name": "x", "datatype": "INT32", "shape": [1], "data": [2147483648]}])",
           R"([{"name": "x", "datatype": "INT64", "shape": [1], "data": [1.5]}])",
           R"([{"name": "x", "datatype": "BOOL", "shape": [1], "data": [2]}])",
           R"([{"name": "x", "datatype": "FP32", "shape": [-1], "data": [1]}])",
           R"([{"name": "x", "datatype": "FP32", "shape": [1000000000000], "data": [1]}])",
           R"([{"name": "x", "datatype": "BYTES", "shape": [200000000], "data": ["a"]}])",
           R"([{"name": "x", "datatype": "FP32", "shape": [1], "parameters": {"binary_data_size": 5}}])",
           R"([{"name": "x", "datatype": "FP32", "shape": [1], "parameters": {"binary_data_size": 3}}])",
           R"([{"name": "x", "datatype": "FP32", "shape": [1], "parameters": {"binary_data_size": -4}}])",
           R"([{"name": "x", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": 4}}])",
           R"([{"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}])",  // four bytes too many
       }) {
    Arena arena;
    const auto tensors = read(json(text), raw<uint8_t>({9, 9, 9, 9}), arena);
    ASSERT_FALSE(tensors.ok()) << text;
    EXPECT_EQ(tensors.error().kind, ErrorKind::kInvalidArgument) << text;
  }
}

TEST(OipWire, WhatJsonLacksGoesInBinaryFormOnly) {
  const std::string bytes = raw<float>({NAN});
  const TensorView tensor{"x", ElementType::kFloat, {1}, bytes, {}};
  std::string text, behind;
  EXPECT_TRUE(oip::append_wire_tensor(tensor, true, text, behind).ok());
  EXPECT_EQ(oip::append_wire_tensor(tensor, false, text, behind).error().code, "oip.not_json");
}

const char* const kRemote = R"(
model: iris@1.0.0
backend: mlserver
remote: { model: iris-sklearn, format: binary }
input:
  tensors:
    features: { fields: [a, b.c], type: double }
    grid: { field: g, type: int64, shape: [2, 2] }
    name: { field: n, type: string }
output:
  label: predict
  sure: math.greatest(scores) > 0.5
  all: size(tensors)
)";

std::unique_ptr<Protocol> protocol_of(std::string_view manifest) {
  auto protocol = make_protocol("oip", manifest_of(manifest));
  EXPECT_TRUE(protocol.ok()) << protocol.error().to_string();
  return protocol.ok() ? std::move(protocol).value() : nullptr;
}

http::ClientResponse answer(std::string json_text, const std::string& behind = {}) {
  http::ClientResponse response;
  response.status = 200;
  if (!behind.empty())
    response.headers.push_back({std::string(oip::kHeaderLength), std::to_string(json_text.size())});
  response.body = std::move(json_text) + behind;
  return response;
}

TEST(OipBackend, FieldsBecomeTensorsInBinaryForm) {
  const auto protocol = protocol_of(kRemote);
  const auto request =
      protocol->request(*json(R"({"a": 1, "b": {"c": 2.5}, "g": [[1, 2], [3, 4]], "n": "x"})"), false);
  ASSERT_TRUE(request.ok()) << request.error().to_string();
  EXPECT_EQ(request->path, "/v2/models/iris-sklearn/infer");
  ASSERT_EQ(request->headers[0].name, oip::kHeaderLength);
  const size_t length = std::stoul(request->headers[0].value);
  const Document body = json(request->body.substr(0, length));
  Arena arena;
  const auto tensors = oip::read_wire_tensors(
      *body->find("inputs"), std::string_view(request->body).substr(length), oip::Others::kRefuse, arena);
  ASSERT_TRUE(tensors.ok()) << tensors.error().to_string();
  EXPECT_EQ((*tensors)[0].shape, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ((*tensors)[0].bytes, raw<double>({1, 2.5}));
  EXPECT_EQ((*tensors)[1].shape, (std::vector<int64_t>{1, 2, 2}));
  EXPECT_EQ((*tensors)[2].strings[0].as_bytes(), "x");
  EXPECT_EQ(protocol->request(*json(R"({"a": 1})"), false).error().code, "models.bad_input");
}

TEST(OipBackend, JsonIsTheFormForServersWithoutTheExtension) {
  std::string manifest = kRemote;
  manifest.replace(manifest.find(", format: binary"), 16, "");
  const auto protocol = protocol_of(manifest);
  const auto request =
      protocol->request(*json(R"({"a": 1, "b": {"c": 2.5}, "g": [[1, 2], [3, 4]], "n": "x"})"), false);
  ASSERT_TRUE(request.ok()) << request.error().to_string();
  EXPECT_TRUE(request->headers.empty());
  EXPECT_EQ(request->body, R"({"inputs":[{"name":"features","datatype":"FP64","shape":[1,2],"data":[1,2.5]},)"
                           R"({"name":"grid","datatype":"INT64","shape":[1,2,2],"data":[1,2,3,4]},)"
                           R"({"name":"name","datatype":"BYTES","shape":[1,1],"data":["x"]}]})");
}

TEST(OipBackend, TensorsBecomeResults) {
  const auto protocol = protocol_of(kRemote);
  const auto reply =
      protocol->reply(answer(R"({"model_name": "iris-sklearn", "model_version": "v1", "outputs": [
                {"name": "predict", "datatype": "INT64", "shape": [1], "data": [2]},
                {"name": "scores", "datatype": "FP32", "shape": [1, 3], "parameters": {"binary_data_size": 12}}]})",
                             raw<float>({0.1F, 0.2F, 0.7F})),
                      AnswerForm::kDocument);
  ASSERT_TRUE(reply.ok()) << reply.error().to_string();
  EXPECT_EQ(to_json(*reply->output), R"({"label":2,"sure":true,"all":2})");
  EXPECT_EQ(reply->served_by, "iris-sklearn@v1");
}

TEST(OipBackend, ATensorCallGetsTensors) {
  const auto protocol = protocol_of(kRemote);
  auto arena = std::make_shared<Arena>();
  const TensorView x{"x", ElementType::kFloat, {2, 1}, arena->copy(raw<float>({1, 2})), {}};
  const std::string_view wanted[] = {"predict"};
  const Document input = make_tensor_document("inputs", std::span(&x, 1), wanted, arena);
  const auto request = protocol->request(*input, false);
  ASSERT_TRUE(request.ok()) << request.error().to_string();
  const Document body = json(request->body.substr(0, std::stoul(request->headers[0].value)));
  EXPECT_EQ(body->find("outputs")->items()[0].find("name")->as_string(), "predict");
  EXPECT_EQ(request->wanted, AnswerForm::kTensors);
  // A server need not give an id back, nor keep from giving one.
  for (const char* id : {"", R"("id": "document", )"}) {
    const auto reply = protocol->reply(answer("{" + std::string(id) + R"("outputs": [
        {"name": "predict", "datatype": "INT64", "shape": [2], "data": [1, 2]}]})"),
                                       request->wanted);
    ASSERT_TRUE(reply.ok()) << reply.error().to_string();
    Arena scratch;
    const auto tensors = read_tensors(*reply->output, "outputs", scratch);
    ASSERT_TRUE(tensors.ok()) << tensors.error().to_string();
    EXPECT_EQ((*tensors)[0].bytes, raw<int64_t>({1, 2}));
  }
}

TEST(OipBackend, AnswersThatAreNoneSaySo) {
  const auto protocol = protocol_of(kRemote);
  for (const char* text :
       {"", "[]", "{}", R"({"outputs": []})",
        R"({"outputs": [{"name": "predict", "datatype": "INT64", "shape": [1], "data": [2]}]})",
        R"({"outputs": [{"name": "predict", "datatype": "INT64", "shape": [0], "data": []},
                        {"name": "scores", "datatype": "FP32", "shape": [1, 1], "data": [1]}]})"}) {
    const auto reply = protocol->reply(answer(text), AnswerForm::kDocument);
    ASSERT_FALSE(reply.ok()) << text;
    EXPECT_EQ(reply.error().code, "models.bad_answer") << text;
  }
}

TEST(OipBackend, ManifestsThatCannotBeAreRefused) {
  EXPECT_NE(testing::mistakes_of("model: m@1.0.0\nbackend: onnx\nfile: f\n"
                                 "input: { tensors: { x: { fields: [a], shape: [1] } } }\noutput: { y: y }\n")
                .find("input.tensors.x.shape"),
            std::string::npos);
  EXPECT_NE(testing::mistakes_of("model: m@1.0.0\nbackend: b\n"
                                 "input: { tensors: { x: { fields: [a], shape: [0] } } }\noutput: { y: y }\n")
                .find("input.tensors.x.shape"),
            std::string::npos);
  const auto mismatch =
      make_protocol("oip", manifest_of("model: m@1.0.0\nbackend: b\n"
                                       "input: { tensors: { x: { fields: [a], shape: [2] } } }\n"
                                       "output: { y: y }\n"));
  ASSERT_FALSE(mismatch.ok());
  EXPECT_EQ(mismatch.error().code, "models.tensor_mismatch");
  const auto chat = make_protocol("oip", manifest_of("model: m@1.0.0\nbackend: b\nkind: chat\n"));
  ASSERT_FALSE(chat.ok());
  EXPECT_EQ(chat.error().code, "models.wrong_kind");
}

}  // namespace
}  // namespace switchyard::models
