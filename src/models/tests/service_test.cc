#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "switchyard/testing/manual_clock.h"
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
using testing::RunningService;
using testing::transaction;

Status load_example(ModelService& service, const std::string& name, const std::string& version = "1.0.0",
                    Swap swap = Swap::kReplace) {
  auto manifest = example_manifest(name);
  manifest.model.version = version;
  return service.load(manifest, example_path(name + ".onnx"), swap);
}

TEST(ModelService, WarmsEveryBucketBeforeTheModelIsReady) {
  RunningService running;
  ASSERT_TRUE(load_example(running.service, "fraud-heavy").ok());
  const auto list = running.service.list();
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].state, ModelState::kReady);
  EXPECT_TRUE(list[0].current);
  EXPECT_EQ(list[0].info->warm_ups, 12u) << "6 buckets, twice each";
  EXPECT_EQ(list[0].info->sha256, list[0].info->manifest.sha256);
  EXPECT_EQ(list[0].info->runtime.rfind("onnxruntime ", 0), 0u);
}

TEST(ModelService, GivesTheAnswerOfTheTrainedModel) {
  RunningService running;
  ASSERT_TRUE(load_example(running.service, "fraud-light").ok());
  // Scored by the training script's own runtime.
  const auto answer = ask(running.service, "fraud-light", transaction(0));
  ASSERT_TRUE(answer.ok()) << answer.error().to_string();
  const double score = answer->output->find("score")->as_double();
  EXPECT_NEAR(score, 0.3559349, 1e-6);
  EXPECT_EQ(answer->output->find("fraud")->as_bool(), score >= 0.5);
  EXPECT_NEAR(answer->output->find("confidence")->as_double(), score >= 0.5 ? score : 1 - score, 1e-6);
  EXPECT_EQ(answer->model->name(), "fraud-light");
  EXPECT_EQ(answer->calls, 1u);
  EXPECT_EQ(answer->place.bucket, 1u);
}

TEST(ModelService, BatchesWhatWaitsWhenAWorkerBecomesFree) {
  RunningService running(1);
  ASSERT_TRUE(load_example(running.service, "fraud-light").ok());
  Gate gate;
  gate.hold(running.service, "fraud-light", transaction(0));
  Answers answers;
  for (size_t i = 0; i < 37; ++i)
    running.service.infer({"fraud-light", "", transaction(i), INT64_MAX, answers.next()});
  gate.release();
  const auto all = answers.wait();
  for (size_t i = 0; i < all.size(); ++i) {
    ASSERT_TRUE(all[i].ok());
    // 37 waited: a full batch of 32, then 5 padded to 8.
    EXPECT_EQ(all[i]->batch_size, i < 32 ? 32u : 5u);
    EXPECT_EQ(all[i]->place.bucket, i < 32 ? 32u : 8u);
    EXPECT_EQ(all[i]->place.position, i < 32 ? i : i - 32);
  }
}

TEST(ModelService, GivesTheSameBitsWhenRunAgainAtTheRecordedPlace) {
  RunningService running(1);
  ASSERT_TRUE(load_example(running.service, "fraud-light").ok());
  ASSERT_TRUE(load_example(running.service, "fraud-heavy").ok());
  for (const char* name : {"fraud-light", "fraud-heavy"}) {
    Gate gate;
    gate.hold(running.service, name, transaction(0));
    Answers answers;
    for (size_t i = 0; i < 100; ++i)
      running.service.infer({name, "", transaction(i), INT64_MAX, answers.next()});
    gate.release();
    const auto all = answers.wait();
    for (size_t i = 0; i < all.size(); ++i) {
      ASSERT_TRUE(all[i].ok());
      const auto again = running.service.run_at(name, "1.0.0", transaction(i), all[i]->place);
      ASSERT_TRUE(again.ok());
      EXPECT_TRUE(identical(*all[i]->output, *again->output)) << name << " row " << i;
    }
  }
}

TEST(ModelService, RefusesToRunAtAPlaceThatWasNeverWarmed) {
  RunningService running;
  ASSERT_TRUE(load_example(running.service, "fraud-light").ok());
  for (const BatchPlace place : {BatchPlace{3, 0}, BatchPlace{4, 4}, BatchPlace{64, 1}, BatchPlace{0, 0}}) {
    const auto answer = running.service.run_at("fraud-light", "", transaction(0), place);
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code, "models.bad_place");
  }
}

TEST(ModelService, AnswersManyThreadsAsItAnswersOne) {
  RunningService running(3);
  ASSERT_TRUE(load_example(running.service, "fraud-heavy").ok());
  constexpr size_t kRows = 200;
  std::vector<double> expected;
  for (size_t i = 0; i < kRows; ++i)
    expected.push_back(
        ask(running.service, "fraud-heavy", transaction(i))->output->find("score")->as_double());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      Answers answers;
      for (size_t i = 0; i < kRows; ++i)
        running.service.infer({"fraud-heavy", "", transaction(i), INT64_MAX, answers.next()});
      const auto all = answers.wait();
      for (size_t i = 0; i < kRows; ++i) {
        ASSERT_TRUE(all[i].ok()) << all[i].error().to_string();
        EXPECT_NEAR(all[i]->output->find("score")->as_double(), expected[i], 1e-6) << i;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const auto stats = running.service.stats();
  ASSERT_EQ(stats.models.size(), 1u);
  EXPECT_EQ(stats.models[0].answered, 5 * kRows);
  EXPECT_EQ(stats.models[0].rows, 5 * kRows);
  uint64_t batches = 0;
  for (const uint64_t count : stats.models[0].batch_size) batches += count;
  EXPECT_EQ(batches, stats.models[0].batches);
}

TEST(ModelService, BadInputFailsAloneAndNotItsBatch) {
  RunningService running(1);
  ASSERT_TRUE(load_example(running.service, "fraud-light").ok());
  Gate gate;
  gate.hold(running.service, "fraud-light", transaction(0));
  Answers answers;
  for (size_t i = 0; i < 9; ++i) {
    running.service.infer(
        {"fraud-light", "", i == 4 ? json(R"({"V1": "x"})") : transaction(i), INT64_MAX, answers.next()});
  }
  gate.release();
  const auto all = answers.wait();
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].ok(), i != 4) << i;
  EXPECT_EQ(all[8]->batch_size, 8u);
  EXPECT_EQ(all[8]->place.bucket, 8u) << "nine were taken, eight needed a row";
  EXPECT_EQ(all[8]->place.position, 7u);
}

TEST(ModelService, ARowThatMakesTheRunFailDoesNotFailTheOthers) {
  RunningService running(1);
  ASSERT_TRUE(
      running.service
          .load(manifest_of("{model: table@1.0.0, backend: onnx, file: f, input: {tensors: {index: {fields: "
                            "[i], type: int64}}}, output: {entry: entry}, batch: {max: 8}}"),
                data_path("table.onnx"))
          .ok());
  Gate gate;
  gate.hold(running.service, "table", json(R"({"i": 0})"));
  Answers answers;
  for (int i = 0; i < 6; ++i) {
    running.service.infer(
        {"table", "", json("{\"i\": " + std::to_string(i) + "}"), INT64_MAX, answers.next()});
  }
  gate.release();
  const auto all = answers.wait();
  for (int i = 0; i < 6; ++i) {
    const auto& answer = all[static_cast<size_t>(i)];
    ASSERT_EQ(answer.ok(), i < 4) << i;
    if (answer.ok()) {
      EXPECT_EQ(answer->output->find("entry")->as_double(), 10.0 + i);
    } else {
      EXPECT_EQ(answer.error().kind, ErrorKind::kInvalidArgument);
    }
  }
}

TEST(ModelService, RefusesOverTheQueueLimitAndNamesIt) {
  RunningService running(1);
  auto manifest = example_manifest("fraud-light");
  manifest.queue_limit = 3;
  ASSERT_TRUE(running.service.load(manifest, example_path("fraud-light.onnx")).ok());
  Gate gate;
  gate.hold(running.service, "fraud-light", transaction(0));
  Answers answers;
  for (size_t i = 0; i < 5; ++i)
    running.service.infer({"fraud-light", "", transaction(i), INT64_MAX, answers.next()});
  EXPECT_EQ(answers.come(), 2u) << "refused at once";
  EXPECT_EQ(running.service.stats().models[0].queue_depth, 3u);
  gate.release();
  const auto all = answers.wait();
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].ok(), i < 3);
  EXPECT_EQ(all[3].error().kind, ErrorKind::kResourceExhausted);
  EXPECT_EQ(all[3].error().code, "models.queue_full");
  EXPECT_NE(all[3].error().message.find("3 requests"), std::string::npos);
  EXPECT_EQ(running.service.stats().models[0].rejected, 2u);
}

TEST(ModelService, ServesTheHighestPriorityFirstAndEqualsInTheirOrder) {
  RunningService running(1);
  auto manifest = example_manifest("fraud-light");
  manifest.max_batch = 1;
  manifest.buckets = {1};
  ASSERT_TRUE(running.service.load(manifest, example_path("fraud-light.onnx")).ok());
  Gate gate;
  gate.hold(running.service, "fraud-light", transaction(0));
  Answers answers;
  std::vector<size_t> order;  // by the one worker
  const int32_t priorities[] = {25, 50, 75, 50, 75};
  for (size_t i = 0; i < std::size(priorities); ++i)
    running.service.infer({"fraud-light", "", transaction(i), INT64_MAX,
                           [&order, i, done = answers.next()](Result<ModelAnswer> answer) {
                             order.push_back(i);
                             done(std::move(answer));
                           },
                           priorities[i]});
  gate.release();
  answers.wait();
  EXPECT_EQ(order, (std::vector<size_t>{2, 4, 1, 3, 0}));
}

TEST(ModelService, AFullQueueShedsTheLowestAndOfThoseTheNewest) {
  RunningService running(1);
  auto manifest = example_manifest("fraud-light");
  manifest.queue_limit = 3;
  ASSERT_TRUE(running.service.load(manifest, example_path("fraud-light.onnx")).ok());
  Gate gate;
  gate.hold(running.service, "fraud-light", transaction(0));
  Answers answers;
  for (const int32_t priority : {25, 25, 50, 50, 25, 75})
    running.service.infer({"fraud-light", "", transaction(0), INT64_MAX, answers.next(), priority});
  EXPECT_EQ(answers.come(), 3u) << "told at once";
  gate.release();
  const auto all = answers.wait();
  const bool served[] = {false, false, true, true, false, true};
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].ok() ? "" : all[i].error().code, served[i] ? "" : "models.queue_full");
  }
  EXPECT_EQ(running.service.stats().models[0].rejected, 3u);
}

TEST(ModelService, DropsExpiredRequestsBeforeTheirRun) {
  auto clock = std::make_unique<switchyard::testing::ManualClock>();
  ModelService::Options options;
  options.clock = clock.get();
  RunningService running(1, std::move(options));
  auto manifest = example_manifest("fraud-light");
  manifest.timeout_ms = 10;
  ASSERT_TRUE(running.service.load(manifest, example_path("fraud-light.onnx")).ok());
  clock->advance_us(1'000'000);
  Gate gate;
  gate.hold(running.service, "fraud-light", transaction(0));
  Answers answers;
  const int64_t now = clock->monotonic_us();
  running.service.infer({"fraud-light", "", transaction(1), 0, answers.next()});  // the manifest's 10 ms
  running.service.infer({"fraud-light", "", transaction(2), now + 20'000, answers.next()});
  running.service.infer({"fraud-light", "", transaction(3), now + 20'001, answers.next()});
  running.service.infer({"fraud-light", "", transaction(4), now, answers.next()});  // already over
  clock->advance_us(20'000);
  gate.release();
  const auto all = answers.wait();
  for (const size_t i : {size_t{0}, size_t{1}, size_t{3}}) {
    ASSERT_FALSE(all[i].ok()) << i;
    EXPECT_EQ(all[i].error().kind, ErrorKind::kDeadlineExceeded);
  }
  ASSERT_TRUE(all[2].ok());
  EXPECT_EQ(all[2]->batch_size, 1u);
  EXPECT_EQ(all[2]->queue_us, 20'000);
  EXPECT_EQ(running.service.stats().models[0].expired, 3u);
}

TEST(ModelService, RefusesWhatIsUnknownOrSwitchedOff) {
  RunningService running;
  EXPECT_EQ(ask(running.service, "nothing", transaction(0)).error().code, "models.unknown");
  running.service.disable("fraud-light", "");
  ASSERT_TRUE(load_example(running.service, "fraud-light").ok());
  EXPECT_EQ(ask(running.service, "fraud-light", transaction(0)).error().code, "models.disabled")
      << "switched off before it was loaded";
  running.service.disable("fraud-light", "1.0.0");
  running.service.enable("fraud-light", "");
  EXPECT_EQ(ask(running.service, "fraud-light", transaction(0)).error().code, "models.disabled");
  EXPECT_EQ(running.service.run_at("fraud-light", "", transaction(0), {1, 0}).error().code,
            "models.disabled");
  running.service.enable("fraud-light", "1.0.0");
  EXPECT_TRUE(ask(running.service, "fraud-light", transaction(0)).ok());
  EXPECT_EQ(ask(running.service, "fraud-light", transaction(0), "2.0.0").error().code, "models.unknown");
}

TEST(ModelService, SwitchingOffRefusesWhatWaits) {
  RunningService running(1);
  ASSERT_TRUE(load_example(running.service, "fraud-light").ok());
  Gate gate;
  gate.hold(running.service, "fraud-light", transaction(0));
  Answers answers;
  for (size_t i = 0; i < 5; ++i)
    running.service.infer({"fraud-light", "", transaction(i), INT64_MAX, answers.next()});
  running.service.disable("fraud-light", "1.0.0");
  EXPECT_EQ(answers.come(), 5u);
  gate.release();
  for (const auto& answer : answers.wait()) EXPECT_EQ(answer.error().code, "models.disabled");
}

TEST(ModelService, KeepsVersionsSideBySideWhenAskedTo) {
  RunningService running;
  auto& service = running.service;
  ASSERT_TRUE(load_example(service, "fraud-light", "1.0.0").ok());
  ASSERT_TRUE(load_example(service, "fraud-light", "1.1.0", Swap::kKeep).ok());
  ASSERT_TRUE(load_example(service, "fraud-light", "2.0.0", Swap::kAside).ok());
  EXPECT_EQ(service.list().size(), 3u);
  EXPECT_EQ(service.find("fraud-light")->version(), "1.1.0");
  EXPECT_EQ(ask(service, "fraud-light", transaction(0), "2.0.0")->model->version(), "2.0.0");
  ASSERT_TRUE(service.make_current("fraud-light", "2.0.0").ok());
  EXPECT_EQ(ask(service, "fraud-light", transaction(0))->model->version(), "2.0.0");
  EXPECT_EQ(service.make_current("fraud-light", "9.0.0").error().code, "models.unknown");
}

TEST(ModelService, AVersionNeverChangesItsBytes) {
  RunningService running;
  ASSERT_TRUE(load_example(running.service, "fraud-light").ok());
  EXPECT_TRUE(load_example(running.service, "fraud-light").ok()) << "the same again changes nothing";
  EXPECT_EQ(running.service.stats().loads, 1u);
  auto manifest = example_manifest("fraud-light");
  manifest.sha256.clear();
  const auto status = running.service.load(manifest, example_path("fraud-heavy.onnx"));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, "models.version_exists");
}

TEST(ModelService, ReplacingDrainsTheOldVersionThenFreesIt) {
  RunningService running(1);
  auto& service = running.service;
  ASSERT_TRUE(load_example(service, "fraud-light", "1.0.0").ok());
  Gate gate;
  gate.hold(service, "fraud-light", transaction(0));
  Answers answers;
  for (size_t i = 0; i < 5; ++i)
    service.infer({"fraud-light", "", transaction(i), INT64_MAX, answers.next()});
  ASSERT_TRUE(load_example(service, "fraud-light", "2.0.0").ok());
  const auto during = service.list();
  ASSERT_EQ(during.size(), 2u);
  EXPECT_EQ(during[0].state, ModelState::kDraining);
  EXPECT_EQ(during[0].waiting, 5u);
  EXPECT_FALSE(during[0].current);
  EXPECT_EQ(during[1].state, ModelState::kReady);
  EXPECT_EQ(service.find("fraud-light")->version(), "2.0.0");
  gate.release();
  for (const auto& answer : answers.wait()) {
    ASSERT_TRUE(answer.ok()) << answer.error().to_string();
    EXPECT_EQ(answer->model->version(), "1.0.0") << "what it had accepted it answers";
  }
  EXPECT_EQ(ask(service, "fraud-light", transaction(0))->model->version(), "2.0.0");
  EXPECT_EQ(service.list().size(), 1u);
  EXPECT_EQ(service.stats().unloads, 1u);
}

TEST(ModelService, UnloadWaitsUntilEverythingAcceptedIsAnswered) {
  RunningService running(2);
  auto& service = running.service;
  ASSERT_TRUE(load_example(service, "fraud-heavy").ok());
  Answers answers;
  for (size_t i = 0; i < 300; ++i)
    service.infer({"fraud-heavy", "", transaction(i), INT64_MAX, answers.next()});
  ASSERT_TRUE(service.unload("fraud-heavy", "1.0.0").ok());
  EXPECT_EQ(answers.come(), 300u);
  for (const auto& answer : answers.wait()) EXPECT_TRUE(answer.ok());
  EXPECT_TRUE(service.list().empty());
  EXPECT_EQ(ask(service, "fraud-heavy", transaction(0)).error().code, "models.unknown");
  EXPECT_EQ(service.unload("fraud-heavy", "1.0.0").error().code, "models.unknown");
}

TEST(ModelService, SwapsUnderLoadWithoutOneFailedRequest) {
  RunningService running(2);
  auto& service = running.service;
  ASSERT_TRUE(load_example(service, "fraud-light", "1.0.0").ok());
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> asked{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < 3; ++t) {
    callers.emplace_back([&, t] {
      while (!stop) {
        const auto answer = ask(service, "fraud-light", transaction(static_cast<size_t>(t)));
        ASSERT_TRUE(answer.ok()) << answer.error().to_string();
        ++asked;
      }
    });
  }
  for (int version = 1; version <= 8; ++version) {
    ASSERT_TRUE(load_example(service, "fraud-light", "1.0." + std::to_string(version)).ok());
    const uint64_t before = asked;
    while (asked < before + 20) std::this_thread::yield();
  }
  stop = true;
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(service.find("fraud-light")->version(), "1.0.8");
}

TEST(ModelService, StopAnswersEverythingExactlyOnce) {
  Answers answers;
  {
    ModelService::Options options;
    options.workers = 1;
    options.backends.push_back(testing::onnx());
    ModelService service(std::move(options));
    EXPECT_EQ(ask(service, "fraud-light", transaction(0)).error().code, "models.not_started");
    ASSERT_TRUE(service.start().ok());
    ASSERT_TRUE(load_example(service, "fraud-light").ok());
    for (size_t i = 0; i < 200; ++i)
      service.infer({"fraud-light", "", transaction(i), INT64_MAX, answers.next()});
    service.stop();
    service.stop();
    EXPECT_EQ(answers.come(), 200u);
    EXPECT_EQ(ask(service, "fraud-light", transaction(0)).error().code, "models.stopping");
    EXPECT_EQ(load_example(service, "fraud-light").error().code, "models.stopping");
    EXPECT_TRUE(service.list().empty());
  }
  for (const auto& answer : answers.wait()) {
    if (!answer.ok()) {
      EXPECT_EQ(answer.error().code, "models.stopping");
    }
  }
}

TEST(ModelService, AnswersKeepTheirModelsDescriptionAfterUnload) {
  std::shared_ptr<const ModelInfo> info;
  Document output;
  {
    RunningService running;
    ASSERT_TRUE(load_example(running.service, "fraud-light").ok());
    auto answer = ask(running.service, "fraud-light", transaction(0));
    ASSERT_TRUE(answer.ok());
    info = answer->model;
    output = answer->output;
  }
  EXPECT_EQ(info->name(), "fraud-light");
  EXPECT_TRUE(output->find("score")->is(Kind::kDouble));
}

}  // namespace
}  // namespace switchyard::models
