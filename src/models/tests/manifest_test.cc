#include <gtest/gtest.h>

#include "tests/models_test_support.h"

namespace switchyard::models {
namespace {

using testing::manifest_of;
using testing::mistakes_of;

TEST(Manifest, ReadsEverythingTheReferenceNames) {
  const auto manifest = manifest_of(R"(
model: risk/fraud-light@1.2.0-rc.1
description: A model.
backend: onnx
file: files/light.onnx
sha256: 00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff
input:
  schema: { type: object, required: [a] }
  tensors:
    features: { fields: [a, b.c], type: double }
    text: { field: words, type: string }
output:
  score: probabilities[1]
  schema: { type: object, properties: { score: { type: number } } }
batch: { max: 6, buckets: [1, 3, 6], queue: 7 }
cost: { per_call: 0.5, currency: EUR }
timeout_ms: 250
warmup: 3
)");
  EXPECT_EQ(manifest.model.to_string(), "risk/fraud-light@1.2.0-rc.1");
  EXPECT_EQ(manifest.sha256, "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
  EXPECT_EQ(manifest.file, "files/light.onnx");
  ASSERT_EQ(manifest.inputs.size(), 2u);
  EXPECT_EQ(manifest.inputs[0].fields, (std::vector<std::string>{"a", "b.c"}));
  EXPECT_EQ(manifest.inputs[0].type, ElementType::kDouble);
  EXPECT_TRUE(manifest.inputs[1].single);
  ASSERT_EQ(manifest.outputs.size(), 1u);
  EXPECT_EQ(manifest.outputs[0].expression, "probabilities[1]");
  EXPECT_NE(manifest.input_schema, nullptr);
  EXPECT_NE(manifest.output_schema, nullptr);
  EXPECT_EQ(manifest.buckets, (std::vector<uint32_t>{1, 3, 6}));
  EXPECT_EQ(manifest.queue_limit, 7u);
  EXPECT_EQ(manifest.prices.per_call, 0.5);
  EXPECT_EQ(manifest.currency, "EUR");
  EXPECT_EQ(manifest.timeout_ms, 250u);
  EXPECT_EQ(manifest.warm_up.runs, 3u);
}

TEST(Manifest, FillsInBucketsOfPowersOfTwoUpToTheLargestBatch) {
  const auto manifest = manifest_of(
      "{model: a@1.0.0, backend: onnx, file: a.onnx, input: {tensors: {x: {fields: [a]}}}, output: {y: y}, "
      "batch: {max: 12}}");
  EXPECT_EQ(manifest.buckets, (std::vector<uint32_t>{1, 2, 4, 8, 12}));
  EXPECT_EQ(manifest.inputs[0].type, ElementType::kFloat);
}

TEST(Manifest, ReportsAllMistakesAtOnceEachWithItsPath) {
  const std::string mistakes = mistakes_of(R"(
model: Fraud
backend: 7
file: ../secret.onnx
sha256: abc
outputs: {}
input:
  schema: { type: nonsense }
  tensors:
    features: { fields: [a, a, 'b..c', 3], type: float16 }
    both: { field: a, fields: [a] }
    neither: {}
output: { score: 5 }
batch: { max: 4, buckets: [1, 2] }
cost: { per_call: -1, currency: euro }
timeout_ms: 0
warmup: many
)");
  for (const char* expected : {
           "model: ",
           "backend: ",
           "file: ",
           "sha256: ",
           "outputs: there is no 'outputs' here (did you mean 'output'?)",
           "input.schema",
           "input.tensors.features.fields[1]: 'a' is named twice",
           "fields[2]: 'b..c'",
           "input.tensors.features.fields[3]",
           "input.tensors.features.type: 'float16' is no element type",
           "input.tensors.both: 'field' and 'fields' exclude each other",
           "input.tensors.neither: ",
           "output.score: ",
           "batch.buckets: the last bucket is 2",
           "cost.per_call: ",
           "cost.currency: 'euro'",
           "timeout_ms: ",
           "warmup: ",
       }) {
    EXPECT_NE(mistakes.find(expected), std::string::npos) << expected << "\nis not in\n" << mistakes;
  }
}

TEST(Manifest, RefusesFilesOutsideItsFolder) {
  for (const char* file : {"/etc/passwd", "..", "../a", "a/../../b", "a/.."}) {
    const std::string text = std::string("{model: a@1.0.0, backend: onnx, file: '") + file +
                             "', input: {tensors: {x: {fields: [a]}}}, output: {y: y}}";
    EXPECT_NE(mistakes_of(text).find("models.file_outside"), std::string::npos) << file;
  }
}

TEST(ModelName, AcceptsNamesWithSemanticVersionsOnly) {
  for (const char* good : {"a@1.0.0", "risk/fraud-light@10.2.33", "a_b.c@1.0.0-alpha.1+build"})
    EXPECT_TRUE(ModelName::parse(good).ok()) << good;
  for (const char* bad :
       {"", "a", "a@", "@1.0.0", "a@1", "a@1.0", "a@1.0.x", "a@1.0.0.0", "a@1..0", "A@1.0.0", "a b@1.0.0",
        "a@1.0.0-", "a/@1.0.0", "a//b@1.0.0", "1a@1.0.0", "a@1.0.0 "})
    EXPECT_FALSE(ModelName::parse(bad).ok()) << bad;
}

TEST(Example, ManifestsPinTheFilesBesideThem) {
  for (const char* name : {"fraud-light", "fraud-heavy"}) {
    const auto manifest = testing::example_manifest(name);
    EXPECT_EQ(manifest.model.name, name);
    EXPECT_EQ(manifest.sha256.size(), 64u);
    EXPECT_EQ(manifest.inputs.at(0).fields.size(), 29u);
  }
}

}  // namespace
}  // namespace switchyard::models
