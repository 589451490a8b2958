#include <gtest/gtest.h>

#include "tests/models_test_support.h"

namespace switchyard::models {
namespace {

using testing::ask;
using testing::data_path;
using testing::json;
using testing::manifest_of;
using testing::RunningService;

constexpr const char* kMixed = R"(
model: mixed@1.0.0
backend: onnx
file: mixed.onnx
input:
  tensors:
    numbers: { fields: [a, b.c, b.d] }
    count: { field: count, type: int64 }
    flag: { fields: [flag], type: bool }
    text: { field: text, type: string }
    grid: { field: grid, type: double }
    small: { field: small, type: int32 }
output:
  total: total
  doubled: doubled[0]
  negated: negated
  echo: echo[0]
  flat: "tensors['grid/flat:0']"
  corner: same[1][0]
  small: small_out
batch: { max: 4 }
)";

constexpr const char* kMixedInput =
    R"({"a": 1, "b": {"c": 2.5, "d": true}, "count": 21, "flag": false, "text": "grüße",
        "grid": [[1, 2], [3, 4]], "small": -7})";

TEST(Mapping, CarriesEveryElementTypeAndRowShapeThereAndBack) {
  RunningService running;
  const auto loaded = running.service.load(manifest_of(kMixed), data_path("mixed.onnx"));
  ASSERT_TRUE(loaded.ok()) << loaded.error().to_string();
  const auto answer = ask(running.service, "mixed", json(kMixedInput));
  ASSERT_TRUE(answer.ok()) << answer.error().to_string();
  EXPECT_EQ(to_json(*answer->output), R"({"total":4.5,"doubled":42,"negated":true,"echo":"grüße",)"
                                      R"("flat":[1.0,2.0,3.0,4.0],"corner":3.0,"small":-7})");
  const auto info = answer->model;
  EXPECT_EQ(
      info->output_type.to_string(),
      "{total: double, doubled: int, negated: bool, echo: string, flat: dyn, corner: double, small: int}");
  EXPECT_EQ(to_json(*info->output_schema->at_pointer("/properties/doubled")), R"({"type":"integer"})");
}

TEST(Mapping, NamesFieldAndTensorOfBadInput) {
  RunningService running;
  ASSERT_TRUE(running.service.load(manifest_of(kMixed), data_path("mixed.onnx")).ok());
  const std::string good = kMixedInput;
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  const std::vector<std::pair<std::string, std::vector<const char*>>> cases = {
      {with("\"a\": 1,", ""), {"'a'", "'numbers'", "missing"}},
      {with("\"c\": 2.5", "\"c\": null"), {"'b.c'", "'numbers'", "null"}},
      {with("\"c\": 2.5", "\"c\": \"2.5\""), {"'b.c'", "'numbers'", "'2.5'"}},
      {with("\"c\": 2.5", "\"c\": 1e300"), {"'b.c'", "range of float"}},
      {with("21", "21.5"), {"'count'", "(int64)", "21.5"}},
      {with("21", "9223372036854775808"), {"'count'", "64 bits"}},
      {with("-7", "2147483648"), {"'small'", "32 bits"}},
      {with("false", "0"), {"'flag'", "true or false"}},
      {with("\"grüße\"", "5"), {"'text'", "must be text"}},
      {with("\"grüße\"", "\"a\\u0000b\""), {"'text'", "zero bytes"}},
      {with("[3, 4]]", "[3]]"), {"'grid'", "[2, 2]", "a list of 1"}},
      {with("[[1, 2], [3, 4]]", "5"), {"'grid'", "[2, 2]"}},
  };
  for (const auto& [input, named] : cases) {
    const auto answer = ask(running.service, "mixed", json(input));
    ASSERT_FALSE(answer.ok()) << input;
    EXPECT_EQ(answer.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_EQ(answer.error().code, "models.bad_input");
    for (const char* word : named)
      EXPECT_NE(answer.error().message.find(word), std::string::npos)
          << word << " in " << answer.error().message;
  }
}

TEST(Mapping, ChecksTheInputAgainstTheSchema) {
  RunningService running;
  ASSERT_TRUE(running.service
                  .load(testing::example_manifest("fraud-light"), testing::example_path("fraud-light.onnx"))
                  .ok());
  auto text = to_json(*testing::transaction(0));
  const size_t at = text.find("\"amount\":");
  text = text.substr(0, at) + "\"amount\":-5}";
  const auto answer = ask(running.service, "fraud-light", json(text));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, "models.bad_input");
  EXPECT_EQ(answer.error().field, "/amount");
}

TEST(Mapping, RefusesAnOutputThatIsNoFiniteNumber) {
  RunningService running;
  const auto manifest = manifest_of(
      "{model: logarithm@1.0.0, backend: onnx, file: f, input: {tensors: {x: {fields: "
      "[x]}}}, output: {y: 'y[0]'}, batch: {max: 1}}");
  ASSERT_TRUE(running.service.load(manifest, data_path("logarithm.onnx")).ok());
  EXPECT_TRUE(ask(running.service, "logarithm", json(R"({"x": 1})")).ok());
  for (const char* input : {R"({"x": -1})", R"({"x": 0})"}) {
    const auto answer = ask(running.service, "logarithm", json(input));
    ASSERT_FALSE(answer.ok()) << input;
    EXPECT_EQ(answer.error().code, "models.bad_output");
    EXPECT_EQ(answer.error().field, "y");
  }
}

/// A manifest for a model of one input x and one output y.
std::string manifest_for(const std::string& model, const std::string& tensors,
                         const std::string& output = "y: 'y[0]'", const std::string& batch = "max: 4") {
  return "{model: " + model + "@1.0.0, backend: onnx, file: f, input: {tensors: {" + tensors +
         "}}, output: {" + output + "}, batch: {" + batch + "}}";
}

std::string load_error(const std::string& manifest, const std::string& file) {
  RunningService running;
  const auto status = running.service.load(manifest_of(manifest), data_path(file));
  EXPECT_FALSE(status.ok()) << manifest;
  EXPECT_TRUE(running.service.list().empty()) << "a failed load leaves nothing";
  return status.ok() ? "" : status.error().message + " [" + status.error().code + "]";
}

void expect_words(const std::string& message, const std::vector<std::string>& words) {
  for (const auto& word : words)
    EXPECT_NE(message.find(word), std::string::npos) << word << " in " << message;
}

TEST(LoadChecks, NameTheTensorWhatWasExpectedAndWhatCame) {
  expect_words(load_error(manifest_for("fixed", "x: {fields: [a, b, c], type: double}", "y: 'y[0]'",
                                       "max: 4, buckets: [4]"),
                          "fixed.onnx"),
               {"'x'", "float[4, 2]", "double", "3 fields", "models.tensor_mismatch"});
  expect_words(load_error(manifest_for("fixed", "x: {fields: [a, b]}"), "fixed.onnx"),
               {"'x'", "float[4, 2]", "always 4", "buckets: [4]"});
  expect_words(load_error(manifest_for("logarithm", "z: {fields: [a]}"), "logarithm.onnx"),
               {"no input 'z'", "'x' float[N, 1]", "is not filled"});
  expect_words(load_error(manifest_for("whole", "x: {fields: [a, b]}"), "whole.onnx"),
               {"output 'y'", "scalar", "batch"});
  expect_words(load_error(manifest_for("half", "x: {fields: [a, b]}"), "half.onnx"),
               {"output 'y'", "element type 10", "models.unsupported_tensor"});
  expect_words(load_error(manifest_for("sequence", "x: {fields: [a, b]}"), "sequence.onnx"),
               {"output 'y'", "sequence", "zipmap", "models.unsupported_tensor"});
}

TEST(LoadChecks, NameTheOutputWhoseExpressionDoesNotFitTheTensors) {
  expect_words(load_error(manifest_for("logarithm", "x: {fields: [a]}", "one: 'z[0]', two: 'y + 1'"),
                          "logarithm.onnx"),
               {"'one'", "'two'", "y float[N, 1]", "models.bad_output_expression"});
}

TEST(LoadChecks, RefuseBytesThatAreNoModelAndHashesThatDiffer) {
  RunningService running;
  auto manifest = manifest_of(manifest_for("logarithm", "x: {fields: [a]}"));
  auto status = running.service.load_bytes(manifest, "this is no model");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, "models.bad_model");
  manifest.sha256 = std::string(64, '0');
  status = running.service.load(manifest, data_path("logarithm.onnx"));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, "models.sha256_mismatch");
  EXPECT_EQ(running.service.load(manifest, "/nowhere/model.onnx").error().code, "models.file_missing");
  manifest.backend = "abacus";
  EXPECT_EQ(running.service.load(manifest, data_path("logarithm.onnx")).error().code,
            "models.unknown_backend");
}

TEST(LoadChecks, AModelOfFixedBatchRunsPadded) {
  RunningService running;
  ASSERT_TRUE(
      running.service
          .load(manifest_of(manifest_for("fixed", "x: {fields: [a, b]}", "y: y", "max: 4, buckets: [4]")),
                data_path("fixed.onnx"))
          .ok());
  const auto answer = ask(running.service, "fixed", json(R"({"a": 1, "b": -2})"));
  ASSERT_TRUE(answer.ok()) << answer.error().to_string();
  EXPECT_EQ(to_json(*answer->output), R"({"y":[-1.0,2.0]})");
  EXPECT_EQ(answer->place.bucket, 4u);
  EXPECT_EQ(answer->batch_size, 1u);
}

TEST(LoadChecks, WithoutTheRuntimeTheServiceStartsAndLoadingSaysWhatIsMissing) {
  ModelService::Options options;
  options.backends.push_back(make_onnx_backend({{"/nowhere"}, false}));
  RunningService running(1, std::move(options));
  const auto status = running.service.load(testing::example_manifest("fraud-light"),
                                           testing::example_path("fraud-light.onnx"));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, "models.runtime_missing");
}

}  // namespace
}  // namespace switchyard::models
