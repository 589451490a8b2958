#include <atomic>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "tests/models_test_support.h"

namespace switchyard::models {
namespace {

using testing::Answers;
using testing::ask;
using testing::data_path;
using testing::example_manifest;
using testing::example_path;
using testing::Gate;
using testing::json;
using testing::manifest_of;
using testing::mistakes_of;
using testing::RunningService;
using testing::transaction;

/// fraud-light, one request a run.
ModelManifest one_by_one(uint32_t instances) {
  auto manifest = example_manifest("fraud-light");
  manifest.max_batch = 1;
  manifest.buckets = {1};
  manifest.run.instances = instances;
  return manifest;
}

Status load_light(ModelService& service, const ModelManifest& manifest) {
  return service.load(manifest, example_path("fraud-light.onnx"));
}

TEST(Instances, AreTheMostRunsOfAVersionAtOnce) {
  RunningService running(3);
  ASSERT_TRUE(load_light(running.service, one_by_one(2)).ok());
  ASSERT_TRUE(running.service.load(example_manifest("fraud-heavy"), example_path("fraud-heavy.onnx")).ok());
  Gate first, second;
  running.service.infer({"fraud-light", "", transaction(0), INT64_MAX, first.blocker()});
  running.service.infer({"fraud-light", "", transaction(1), INT64_MAX, second.blocker()});
  first.wait_until_reached();
  second.wait_until_reached();
  Answers third;
  running.service.infer({"fraud-light", "", transaction(2), INT64_MAX, third.next()});
  // The worker that is free is so for other models.
  EXPECT_TRUE(ask(running.service, "fraud-heavy", transaction(0)).ok());
  EXPECT_EQ(third.come(), 0u);
  const auto light = running.service.list().at(1);
  EXPECT_EQ(light.model.name, "fraud-light");
  EXPECT_EQ(light.info->manifest.run.instances, 2u);
  EXPECT_EQ(light.running, 2u);
  EXPECT_EQ(light.waiting, 1u);
  first.release();
  EXPECT_TRUE(third.wait().front().ok()) << "the instance that became idle took it";
  second.release();
}

TEST(Instances, BringTheWorkersThatTheyLack) {
  RunningService running(1);
  ASSERT_TRUE(load_light(running.service, one_by_one(3)).ok());
  EXPECT_EQ(running.service.stats().workers, 3u);
  Gate gates[3];
  for (size_t i = 0; i < 3; ++i)
    running.service.infer({"fraud-light", "", transaction(i), INT64_MAX, gates[i].blocker()});
  for (Gate& gate : gates) gate.wait_until_reached();
  EXPECT_EQ(running.service.stats().busy_workers, 3u);
  for (Gate& gate : gates) gate.release();
}

TEST(Instances, AreAsManyAsTheWorkersWhereTheManifestSaysNothing) {
  RunningService running(2);
  ASSERT_TRUE(load_light(running.service, one_by_one(5)).ok());
  ASSERT_TRUE(running.service.load(example_manifest("fraud-heavy"), example_path("fraud-heavy.onnx")).ok());
  EXPECT_EQ(running.service.find("fraud-heavy")->manifest.run.instances, 2u)
      << "what other models asked for is not counted";
}

TEST(Instances, WithThreadsOfTheirOwnGiveTheSameAnswersAndTheSameBitsAgain) {
  RunningService running(2);
  auto manifest = example_manifest("fraud-heavy");
  ASSERT_TRUE(running.service.load(manifest, example_path("fraud-heavy.onnx")).ok());
  manifest.model.name = "threaded";
  manifest.run = {.instances = 3, .intra_op_threads = 2, .inter_op_threads = 2};
  ASSERT_TRUE(running.service.load(manifest, example_path("fraud-heavy.onnx")).ok());
  EXPECT_EQ(running.service.find("fraud-heavy")->warm_ups, 12u);
  EXPECT_EQ(running.service.find("threaded")->warm_ups, 36u) << "each instance is a session, and is warmed";
  Answers answers;
  for (size_t i = 0; i < 100; ++i)
    running.service.infer({"threaded", "", transaction(i), INT64_MAX, answers.next()});
  const auto all = answers.wait();
  for (size_t i = 0; i < all.size(); ++i) {
    ASSERT_TRUE(all[i].ok()) << all[i].error().to_string();
    const auto alone = ask(running.service, "fraud-heavy", transaction(i));
    EXPECT_NEAR(all[i]->output->find("score")->as_double(), alone->output->find("score")->as_double(), 1e-6);
    const auto again = running.service.run_at("threaded", "", transaction(i), all[i]->place);
    EXPECT_TRUE(identical(*all[i]->output, *again->output)) << "row " << i;
  }
}

TEST(Instances, AnswerManyThreadsWhileVersionsComeAndGo) {
  RunningService running(2);
  auto& service = running.service;
  auto manifest = example_manifest("fraud-light");
  manifest.run = {.instances = 3, .intra_op_threads = 2};
  ASSERT_TRUE(load_light(service, manifest).ok());
  const double expected = ask(service, "fraud-light", transaction(7))->output->find("score")->as_double();
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      while (!stop) {
        const auto answer = ask(service, "fraud-light", transaction(7));
        ASSERT_TRUE(answer.ok()) << answer.error().to_string();
        EXPECT_NEAR(answer->output->find("score")->as_double(), expected, 1e-6);
      }
    });
  }
  threads.emplace_back([&] {
    while (!stop) {
      const auto answer = service.run_at("fraud-light", "", transaction(7), {8, 3});
      ASSERT_TRUE(answer.ok() || answer.error().code == "models.unknown") << answer.error().to_string();
    }
  });
  for (int version = 1; version <= 4; ++version) {
    manifest.model.version = "1." + std::to_string(version) + ".0";
    manifest.run.instances = static_cast<uint32_t>(version);
    ASSERT_TRUE(load_light(service, manifest).ok());
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(service.find("fraud-light")->version(), "1.4.0");
}

TEST(WarmUp, AsksEveryRecordedInputBeforeTheFirstCall) {
  RunningService running;
  auto manifest = one_by_one(0);
  manifest.max_batch = 4;
  manifest.buckets = {1, 4};
  manifest.warm_up.runs = 3;
  for (size_t i = 0; i < 7; ++i) manifest.warm_up.inputs.push_back(transaction(i));
  ASSERT_TRUE(load_light(running.service, manifest).ok());
  const auto info = running.service.find("fraud-light");
  EXPECT_EQ(info->warm_ups, 7u + 2 * 3) << "each input alone, then each bucket three times";
  EXPECT_LE(info->warm_up_us, info->load_us);
  const auto stats = running.service.stats();
  EXPECT_EQ(stats.models.at(0).warm_ups, 13u);
  EXPECT_EQ(stats.models.at(0).warm_up_us, info->warm_up_us);
  EXPECT_EQ(stats.models.at(0).answered, 0u) << "nobody asked for these";
}

TEST(WarmUp, TakesTensorsAsTheyWereRecorded) {
  RunningService running;
  const std::string table =
      "{model: table@1.0.0, backend: onnx, file: f, input: {tensors: {index: {fields: [i], type: int64}}}, "
      "output: {entry: entry}, batch: {max: 2}, warmup: {inputs: [{i: 3}, {$tensors: {inputs: [{name: index, "
      "type: int64, shape: [2], data: ";
  // 1 and 2, little-endian.
  ASSERT_TRUE(
      running.service.load(manifest_of(table + "'AQAAAAAAAAACAAAAAAAAAA=='}]}}]}}"), data_path("table.onnx"))
          .ok());
  EXPECT_EQ(running.service.find("table")->warm_ups, 3u + 2);
  auto wrong = manifest_of(table + "'AQAAAAAAAAAJAAAAAAAAAA=='}]}}]}}");  // 1 and 9: there are 4 entries
  wrong.model.version = "2.0.0";
  const auto status = running.service.load(wrong, data_path("table.onnx"));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().field, "warmup.inputs[1]") << status.error().message;
}

/// What a load says of one recorded input of `logarithm`.
Error refusal(const std::string& input) {
  RunningService running;
  const auto status = running.service.load(
      manifest_of("{model: log@1.0.0, backend: onnx, file: f, input: {tensors: {x: {fields: [x]}}}, output: "
                  "{y: \"y[0]\"}, warmup: {inputs: [{x: 1}, {x: 2}, " +
                  input + "]}}"),
      data_path("logarithm.onnx"));
  EXPECT_EQ(running.service.list().empty(), !status.ok()) << "a version that cannot be warmed is not there";
  return status.ok() ? Error{} : status.error();
}

TEST(WarmUp, RefusesAVersionThatCannotAnswerWhatWasRecorded) {
  for (const std::string input : {"{x: 0}", "{x: -1}", "{x: one}", "{}"}) {
    const Error error = refusal(input);
    EXPECT_EQ(error.kind, ErrorKind::kUnprocessable) << input;
    EXPECT_EQ(error.code, "models.bad_warm_up") << input;
    EXPECT_EQ(error.field, "warmup.inputs[2]") << input;
    EXPECT_NE(error.message.find("log@1.0.0 with its recorded input 2"), std::string::npos) << error.message;
  }
  EXPECT_EQ(refusal("{x: 3}").code, "");
}

constexpr const char* kPlain =
    "model: a@1.0.0\nbackend: onnx\nfile: a.onnx\ninput: { schema: { type: object, required: [x] }, tensors: "
    "{ x: { fields: [x] } } }\noutput: { y: y }\n";

TEST(Manifest, SaysHowManyRunsAtOnceWithHowManyThreads) {
  const auto plain = manifest_of(kPlain);
  EXPECT_EQ(plain.run.instances, 0u);
  EXPECT_EQ(plain.run.intra_op_threads, 1u);
  const auto manifest = manifest_of(std::string(kPlain) + "instances: 4\nthreads: { intra_op: 2 }\n");
  EXPECT_EQ(manifest.run.instances, 4u);
  EXPECT_EQ(manifest.run.intra_op_threads, 2u);
  EXPECT_EQ(manifest.run.inter_op_threads, 1u);
  const std::string mistakes =
      mistakes_of(std::string(kPlain) + "instances: 0\nthreads: { intra_op: 65, interop: 2 }\n");
  for (const char* expected : {"instances: 'instances' is no whole number from 1 to 64", "threads.intra_op: ",
                               "threads.interop: there is no 'interop' here (did you mean 'inter_op'?)"})
    EXPECT_NE(mistakes.find(expected), std::string::npos) << expected << "\nis not in\n" << mistakes;
}

TEST(Manifest, NamesRecordedInputsInlineOrInAFile) {
  EXPECT_EQ(manifest_of(std::string(kPlain) + "warmup: { runs: 5 }\n").warm_up.runs, 5u);
  const auto inlined = manifest_of(std::string(kPlain) + "warmup: { inputs: [{ x: 1 }, { x: 2 }] }\n");
  EXPECT_EQ(inlined.warm_up.runs, 1u);
  EXPECT_EQ(inlined.warm_up.inputs.size(), 2u);
  auto beside = manifest_of(std::string(kPlain) + "warmup: { inputs: a.warmup.json }\n");
  EXPECT_EQ(beside.warm_up.file, "a.warmup.json");
  ASSERT_TRUE(read_warm_up_file(R"([{"x": 1}])", beside).ok());
  EXPECT_EQ(beside.warm_up.inputs.size(), 1u);
  for (const char* text : {"[]", "{}", "[{\"x\": 1}", R"([{"x": 1}, {"y": 1}])"}) {
    const auto status = read_warm_up_file(text, beside);
    ASSERT_FALSE(status.ok()) << text;
    EXPECT_EQ(status.error().code, "models.bad_warm_up") << text;
  }
  const std::string mistakes =
      mistakes_of(std::string(kPlain) + "warmup: { runs: 0, inputs: [{ y: 1 }] }\n") +
      mistakes_of(std::string(kPlain) + "warmup: { inputs: ../a.json }\n");
  for (const char* expected :
       {"warmup.runs: 'runs' is no whole number from 1", "warmup.inputs[0]: recorded input 0 ",
        "warmup.inputs: '../a.json' is no file in this document's folder"})
    EXPECT_NE(mistakes.find(expected), std::string::npos) << expected << "\nis not in\n" << mistakes;
}

}  // namespace
}  // namespace switchyard::models
