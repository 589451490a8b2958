
#include <gtest/gtest.h>

#include "switchyard/models/tensors.h"
#include "tests/models_test_support.h"

namespace switchyard::models {
namespace {

using testing::Answers;
using testing::ask;
using testing::data_path;
using testing::Gate;
using testing::json;
using testing::manifest_of;
using testing::raw;
using testing::RunningService;

const char* const kMixed = R"(
model: mixed@1.0.0
backend: onnx
file: mixed.onnx
input:
  tensors:
    numbers: { fields: [a, b, c] }
    count: { field: n, type: int64 }
    flag: { field: f, type: bool }
    text: { field: t, type: string }
    grid: { field: g, type: double }
    small: { field: s, type: int32 }
output: { total: total, echo: "echo[0]" }
batch: { max: 4 }
)";

/// The tensors of `rows` rows, each filled with its number.
struct MixedRequest {
  std::shared_ptr<Arena> arena = std::make_shared<Arena>();
  std::vector<TensorView> tensors;

  explicit MixedRequest(uint32_t rows) {
    std::string numbers, counts, flags, grid, small;
    Value* texts = arena->allocate<Value>(rows);
    for (uint32_t row = 0; row < rows; ++row) {
      const auto f = static_cast<float>(row);
      numbers += raw<float>({f, 1, 2});
      counts += raw<int64_t>({row});
      flags += static_cast<char>(row % 2);
      grid += raw<double>({double(row), 1, 2, 3});
      small += raw<int32_t>({-static_cast<int32_t>(row)});
      texts[row] = Value::string(arena->copy("row " + std::to_string(row)));
    }
    const int64_t n = rows;
    add("numbers", ElementType::kFloat, {n, 3}, numbers);
    add("count", ElementType::kInt64, {n, 1}, counts);
    add("flag", ElementType::kBool, {n}, flags);
    add("grid", ElementType::kDouble, {n, 2, 2}, grid);
    add("small", ElementType::kInt32, {n}, small);
    add("text", ElementType::kString, {n, 1}, {});
    tensors.back().strings = {texts, rows};
  }
  void add(std::string_view name, ElementType type, std::vector<int64_t> shape, const std::string& bytes) {
    tensors.push_back({name, type, std::move(shape), arena->copy(bytes), {}});
  }
  Document document(std::vector<std::string_view> wanted = {}) const {
    return make_tensor_document("inputs", tensors, wanted, arena);
  }
};

std::vector<TensorView> outputs_of(const Result<ModelAnswer>& answer, Arena& arena) {
  EXPECT_TRUE(answer.ok()) << answer.error().to_string();
  if (!answer.ok()) return {};
  auto outputs = read_tensors(*answer->output, "outputs", arena);
  EXPECT_TRUE(outputs.ok()) << outputs.error().to_string();
  return outputs.ok() ? *outputs : std::vector<TensorView>{};
}

void load_mixed(ModelService& service, std::string_view manifest = kMixed) {
  const auto status = service.load(manifest_of(manifest), data_path("mixed.onnx"));
  ASSERT_TRUE(status.ok()) << status.error().to_string();
}

TEST(TensorRequest, GivesTheModelsOwnTensorsOfEveryType) {
  RunningService running;
  load_mixed(running.service);
  Arena arena;
  const auto answer = ask(running.service, "mixed", MixedRequest(3).document());
  const auto outputs = outputs_of(answer, arena);
  ASSERT_EQ(outputs.size(), 7u);
  EXPECT_EQ(outputs[0].name, "total");
  EXPECT_EQ(outputs[0].shape, std::vector<int64_t>{3});
  EXPECT_EQ(outputs[0].bytes, raw<float>({3, 4, 5}));
  EXPECT_EQ(outputs[1].bytes, raw<int64_t>({0, 2, 4}));
  EXPECT_EQ(outputs[2].bytes, raw<uint8_t>({1, 0, 1}));
  ASSERT_EQ(outputs[3].strings.size(), 3u);
  EXPECT_EQ(outputs[3].strings[2].as_string(), "row 2");
  EXPECT_EQ(outputs[4].name, "grid/flat:0");
  EXPECT_EQ(outputs[4].shape, (std::vector<int64_t>{3, 4}));
  EXPECT_EQ(outputs[5].shape, (std::vector<int64_t>{3, 2, 2}));
  EXPECT_EQ(outputs[6].bytes, raw<int32_t>({0, -1, -2}));
  EXPECT_EQ(answer->place.bucket, 4u) << "three rows are padded to four";
  EXPECT_EQ(answer->batch_size, 3u);
}

TEST(TensorRequest, GivesTheOutputsThatAreAskedForInTheirOrder) {
  RunningService running;
  load_mixed(running.service);
  Arena arena;
  const auto answer = ask(running.service, "mixed", MixedRequest(1).document({"small_out", "total"}));
  const auto outputs = outputs_of(answer, arena);
  ASSERT_EQ(outputs.size(), 2u);
  EXPECT_EQ(outputs[0].name, "small_out");
  EXPECT_EQ(outputs[1].name, "total");
  const auto wrong = ask(running.service, "mixed", MixedRequest(1).document({"nothing"}));
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().code, "models.bad_input");
  EXPECT_EQ(wrong.error().field, "nothing");
}

TEST(TensorRequest, SharesARunWithDocuments) {
  RunningService running;
  load_mixed(running.service);
  const auto document = json(R"({"a":10,"b":1,"c":1,"n":1,"f":true,"t":"x","g":[[1,2],[3,4]],"s":1})");
  Gate gate;
  gate.hold(running.service, "mixed", document);
  Answers answers;
  running.service.infer({"mixed", "", document, INT64_MAX, answers.next()});
  running.service.infer({"mixed", "", MixedRequest(2).document(), INT64_MAX, answers.next()});
  running.service.infer({"mixed", "", document, INT64_MAX, answers.next()});
  running.service.infer({"mixed", "", MixedRequest(2).document(), INT64_MAX, answers.next()});
  gate.release();
  const auto all = answers.wait();
  for (const auto& answer : all) ASSERT_TRUE(answer.ok()) << answer.error().to_string();
  EXPECT_EQ(all[0]->batch_size, 4u);
  EXPECT_EQ(all[1]->batch_size, 4u);
  EXPECT_EQ(all[1]->place.position, 1u);
  EXPECT_EQ(all[2]->place.position, 3u);
  EXPECT_EQ(all[3]->batch_size, 2u) << "five rows and one would not have fitted";
  EXPECT_DOUBLE_EQ(all[0]->output->find("total")->as_double(), 12);
  Arena arena;
  EXPECT_EQ(outputs_of(all[1], arena)[0].bytes, raw<float>({3, 4}));
}

TEST(TensorRequest, OfMoreRowsThanOneRunTakesIsAnsweredWhole) {
  RunningService running(2);
  load_mixed(running.service);
  Arena arena;
  const auto input = MixedRequest(11).document();
  const auto answer = ask(running.service, "mixed", input);
  const auto outputs = outputs_of(answer, arena);
  ASSERT_EQ(outputs.size(), 7u);
  EXPECT_EQ(outputs[0].shape, std::vector<int64_t>{11});
  EXPECT_EQ(outputs[0].bytes, raw<float>({3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}));
  EXPECT_EQ(outputs[3].strings[10].as_string(), "row 10");
  EXPECT_EQ(answer->batch_size, 11u);

  const auto again = running.service.run_at("mixed", "", input, answer->place);
  ASSERT_TRUE(again.ok()) << again.error().to_string();
  EXPECT_TRUE(identical(*again->output, *answer->output));
}

TEST(TensorRequest, RunsAgainAtItsPlace) {
  RunningService running;
  load_mixed(running.service);
  const auto input = MixedRequest(2).document();
  const auto answer = ask(running.service, "mixed", input);
  ASSERT_TRUE(answer.ok());
  for (const BatchPlace place : {answer->place, BatchPlace{4, 2}, BatchPlace{}}) {
    const auto again = running.service.run_at("mixed", "", input, place);
    ASSERT_TRUE(again.ok()) << again.error().to_string();
    EXPECT_TRUE(identical(*again->output, *answer->output));
  }
}

TEST(TensorRequest, SurvivesJson) {
  RunningService running;
  load_mixed(running.service);
  const auto direct = ask(running.service, "mixed", MixedRequest(2).document());
  const auto through = ask(running.service, "mixed", json(to_json(*MixedRequest(2).document())));
  ASSERT_TRUE(direct.ok());
  ASSERT_TRUE(through.ok()) << through.error().to_string();
  EXPECT_TRUE(identical(*direct->output, *through->output));
}

TEST(TensorRequest, CountsItsRowsAsCalls) {
  RunningService running;
  load_mixed(running.service);
  const auto answer = ask(running.service, "mixed", MixedRequest(6).document());
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->calls, 6u);
}

TEST(TensorRequest, MoreRunsThanMayWaitAreRefusedAtOnce) {
  RunningService running;
  auto manifest = manifest_of(kMixed);
  manifest.queue_limit = 2;
  ASSERT_TRUE(running.service.load(manifest, data_path("mixed.onnx")).ok());
  EXPECT_TRUE(ask(running.service, "mixed", MixedRequest(8).document()).ok());
  const auto refused = ask(running.service, "mixed", MixedRequest(9).document());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, "models.too_many_rows");
}

TEST(TensorRequest, GivesWayAsAWhole) {
  RunningService running(1);
  auto manifest = manifest_of(kMixed);
  manifest.queue_limit = 3;
  ASSERT_TRUE(running.service.load(manifest, data_path("mixed.onnx")).ok());
  Gate gate;
  gate.hold(running.service, "mixed", MixedRequest(1).document());
  Answers answers;
  running.service.infer({"mixed", "", MixedRequest(1).document(), INT64_MAX, answers.next()});
  running.service.infer({"mixed", "", MixedRequest(8).document(), INT64_MAX, answers.next(), 25});
  EXPECT_EQ(running.service.stats().models[0].queue_depth, 3u) << "the second of them is two runs";
  running.service.infer({"mixed", "", MixedRequest(1).document(), INT64_MAX, answers.next()});
  EXPECT_EQ(running.service.stats().models[0].queue_depth, 2u);
  gate.release();
  const auto all = answers.wait();
  EXPECT_TRUE(all[0].ok());
  ASSERT_FALSE(all[1].ok());
  EXPECT_EQ(all[1].error().code, "models.queue_full");
  EXPECT_TRUE(all[2].ok());
}

TEST(TensorRequest, RefusalsNameTheTensor) {
  RunningService running;
  load_mixed(running.service);
  const auto refused = [&](const MixedRequest& request) {
    const auto answer = ask(running.service, "mixed", request.document());
    EXPECT_FALSE(answer.ok());
    return answer.ok() ? Error{} : answer.error();
  };
  MixedRequest missing(2);
  missing.tensors.erase(missing.tensors.begin());
  EXPECT_EQ(refused(missing).field, "numbers");

  MixedRequest shape(2);
  shape.tensors[0].shape = {2, 3, 1};
  EXPECT_NE(refused(shape).message.find("must be float[N, 3], but is float[2, 3, 1]"), std::string::npos);

  MixedRequest type(2);
  type.tensors[4].type = ElementType::kFloat;
  EXPECT_EQ(refused(type).field, "small");

  MixedRequest unknown(1);
  unknown.add("extra", ElementType::kBool, {1}, "x");
  EXPECT_EQ(refused(unknown).field, "extra");

  MixedRequest uneven(2);
  uneven.tensors[4].shape = {1};
  uneven.tensors[4].bytes = uneven.tensors[4].bytes.substr(0, 4);
  EXPECT_EQ(refused(uneven).field, "small");

  MixedRequest short_data(2);
  short_data.tensors[1].bytes.remove_suffix(1);
  EXPECT_EQ(refused(short_data).field, "count");

  MixedRequest twice(1);
  twice.tensors.push_back(twice.tensors[0]);
  EXPECT_EQ(refused(twice).field, "numbers");

  MixedRequest zero(1);
  const Value text = Value::string(std::string_view("a\0b", 3));
  zero.tensors[5].strings = {&text, 1};
  EXPECT_EQ(refused(zero).field, "text");

  for (
      const char* wrong :
      {R"({"$tensors": 1})", R"({"$tensors": {"inputs": []}})", R"({"$tensors": {"inputs": [{}]}})",
       R"({"$tensors": {"inputs": [{"name": "count", "type": "int64", "shape": [-1, 1], "data": ""}]}})",
       R"({"$tensors": {"inputs": [{"name": "count", "type": "int64", "shape": [4611686018427387904, 4], "data": ""}]}})",
       R"({"$tensors": {"inputs": [{"name": "count", "type": "int64", "shape": [0, 1], "data": ""}]}})",
       R"({"$tensors": {"inputs": [{"name": "count", "type": "int64", "shape": [1, 1], "data": "%"}]}})",
       R"({"$tensors": {"inputs": [{"name": "text", "type": "string", "shape": [1, 1], "data": [1]}]}})"}) {
    const auto answer = ask(running.service, "mixed", json(wrong));
    ASSERT_FALSE(answer.ok()) << wrong;
    EXPECT_EQ(answer.error().code, "models.bad_input") << wrong;
  }
}

TEST(TensorRequest, OfABadRowFailsAlone) {
  RunningService running;
  ASSERT_TRUE(running.service
                  .load(manifest_of("model: table@1.0.0\nbackend: onnx\nfile: table.onnx\n"
                                    "input: { tensors: { index: { field: i, type: int64 } } }\n"
                                    "output: { entry: entry }\n"),
                        data_path("table.onnx"))
                  .ok());
  const auto request = [](std::initializer_list<int64_t> rows) {
    auto arena = std::make_shared<Arena>();
    const TensorView view{
        "index", ElementType::kInt64, {static_cast<int64_t>(rows.size())}, arena->copy(raw(rows)), {}};
    return make_tensor_document("inputs", std::span(&view, 1), {}, arena);
  };
  Gate gate;
  gate.hold(running.service, "table", json(R"({"i": 0})"));
  Answers answers;
  running.service.infer({"table", "", request({0, 1}), INT64_MAX, answers.next()});
  running.service.infer({"table", "", request({2, 9}), INT64_MAX, answers.next()});
  running.service.infer({"table", "", json(R"({"i": 3})"), INT64_MAX, answers.next()});
  gate.release();
  const auto all = answers.wait();
  Arena arena;
  EXPECT_EQ(outputs_of(all[0], arena)[0].bytes, raw<float>({10, 11}));
  EXPECT_FALSE(all[1].ok());
  ASSERT_TRUE(all[2].ok());
  EXPECT_DOUBLE_EQ(all[2]->output->find("entry")->as_double(), 13);
}

}  // namespace
}  // namespace switchyard::models
