// The engine with an archive: what leaves the log is still read, what retention decides is carried out.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "switchyard/log/local_log.h"
#include "switchyard/partition/engine.h"
#include "switchyard/retention/compact.h"
#include "switchyard/types/json.h"
#include "tests/test_catalog.h"

namespace switchyard::partition {
namespace {

constexpr const char* kPlain = R"yaml(
pipeline: test/plain@1.0.0
input: { schema: { type: object, required: [text], properties: { text: { type: string } } } }
steps: { size: { set: { n: size(input.text) } } }
output: { n: size.n, text: input.text }
)yaml";

class NoEffects final : public EffectExecutor {
  void execute(workflow::EffectRequest, std::function<void(workflow::EffectResult)>) override {}
};

class EngineHistory : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::temp_directory_path() /
                 ("switchyard-history-" + std::to_string(::getpid()) + "-" +
                  ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(directory_);
    catalog_->add(kPlain);
    auto policy = std::make_shared<retention::Policy>();
    policy->name = "house";
    policy->version = "1.0.0";
    rule_.name = "all";
    rule_.pipelines = {"*"};
    policy_ = policy;
    ASSERT_TRUE(start().ok());
  }
  void TearDown() override {
    stop();
    std::filesystem::remove_all(directory_);
  }
  Status start() {
    log::LocalLogOptions local;
    local.directory = directory_ / "log";
    local.segment_bytes = local.first_segment_bytes = 2u << 20;
    logs_ = log::LocalLogs::open(local).value();
    EngineOptions options;
    options.partitions = 1;
    options.logs = logs_.get();
    options.open_store = [this](PartitionId id) {
      store::StoreOptions store;
      store.path = directory_ / "state";
      store.partition = id;
      return store::open_state_store(host_, store);
    };
    options.clock = &runtime::system_clock();
    options.random = &runtime::system_random();
    options.catalog = [this] { return catalog_; };
    options.executor = &executor_;
    options.history_directory = directory_;
    options.disk = &runtime::posix_disk();
    options.upkeep = {0, 0, 0, 1u << 20};
    options.retention = [this] { return policy_; };
    engine_ = std::make_unique<Engine>(options);
    Status started = engine_->start();
    if (!started.ok()) engine_.reset();
    return started;
  }
  void stop() {
    if (engine_ != nullptr) engine_->stop();
    engine_.reset();
    logs_.reset();
  }
  /// The checkpoint at the end is what lets the log be trimmed.
  void restart() {
    stop();
    const Status started = start();
    ASSERT_TRUE(started.ok()) << started.error().message;
  }
  void keep(int64_t full_us, int64_t delete_us, uint32_t drop = 0) {
    auto policy = std::make_shared<retention::Policy>(*policy_);
    rule_.full_us = full_us;
    rule_.delete_us = delete_us;
    rule_.drop = drop;
    policy->classes = {rule_};
    policy_ = policy;
  }

  RunId run(const std::string& text) {
    StartRun start;
    start.pipeline = catalog_->pipeline("test/plain", "");
    start.pins = *catalog_->pins_for(*start.pipeline);
    start.arena = std::make_shared<Arena>(256);
    MapBuilder input(*start.arena);
    input.add("text", Value::string(start.arena->copy(text)));
    start.input = input.build();
    start.principal = "test";
    std::promise<Result<StartReply>> promise;
    engine_->start_run(std::move(start), INT64_MAX,
                       [&](Result<StartReply> reply) { promise.set_value(std::move(reply)); });
    auto reply = promise.get_future().get();
    EXPECT_TRUE(reply.ok());
    return reply->view.summary.id;
  }
  Result<RunView> view(const RunId& id) {
    std::promise<Result<RunView>> promise;
    engine_->get_run(id, 0, [&](Result<RunView> reply) { promise.set_value(std::move(reply)); });
    return promise.get_future().get();
  }
  /// The run's events as one text.
  std::string events(const RunId& id) {
    auto found = view(id);
    if (!found.ok()) return found.error().code;
    auto events = engine_->read_events(id, found->summary.offsets);
    if (!events.ok()) return events.error().code;
    Arena arena;
    std::string text;
    for (const auto& recorded : *events) text += to_json(event_to_value(recorded.event, arena)) + "\n";
    return text;
  }
  UpkeepReport apply(bool dry_run = false) {
    auto report = engine_->apply_retention("ops", dry_run);
    EXPECT_TRUE(report.ok()) << report.error().message;
    return report.ok() ? *report : UpkeepReport{};
  }
  uint64_t files(const std::string& folder) const {
    uint64_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_ / folder))
      count += entry.is_regular_file() ? 1 : 0;
    return count;
  }
  bool anywhere(const std::string& folder, const std::string& text) const {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_ / folder)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string content((std::istreambuf_iterator<char>(in)), {});
      if (content.find(text) != std::string::npos) return true;
    }
    return false;
  }

  std::filesystem::path directory_;
  std::shared_ptr<TestCatalog> catalog_ = std::make_shared<TestCatalog>();
  std::shared_ptr<store::StoreHost> host_ = store::make_store_host();
  std::unique_ptr<log::LocalLogs> logs_;
  NoEffects executor_;
  retention::RetentionClass rule_;
  std::shared_ptr<const retention::Policy> policy_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineHistory, ReadsTheSameFromTheArchiveWhenTheLogWasTrimmed) {
  std::vector<RunId> runs;
  std::vector<std::string> before;
  for (int i = 0; i < 60; ++i) runs.push_back(run(std::string(100'000, static_cast<char>('a' + i % 26))));
  for (const RunId& id : runs) before.push_back(events(id));
  restart();
  const UpkeepReport report = apply();
  EXPECT_GT(report.archived_records, 60u);
  EXPECT_GT(report.trimmed_bytes, 0u);
  for (size_t i = 0; i < runs.size(); ++i) EXPECT_EQ(events(runs[i]), before[i]);
  restart();
  for (size_t i = 0; i < runs.size(); ++i) EXPECT_EQ(events(runs[i]), before[i]);
  EXPECT_EQ(apply().archived_records, 0u) << "once is enough";
}

TEST_F(EngineHistory, CompactsToTheRecordAndDeletesWithNothingLeft) {
  const RunId id = run("a very particular text");
  run(std::string(200, 'x'));
  restart();
  apply();
  EXPECT_TRUE(anywhere("archive", "a very particular text"));
  keep(1, 0, 7);
  const UpkeepReport dry = apply(true);
  EXPECT_TRUE(dry.dry_run);
  EXPECT_EQ(dry.compacted, 2u);
  EXPECT_FALSE(view(id)->compaction.has_value());
  EXPECT_EQ(apply().compacted, 2u);
  EXPECT_FALSE(anywhere("archive", "a very particular text"));
  ASSERT_TRUE(view(id)->compaction.has_value());
  const std::string left = events(id);
  EXPECT_NE(left.find("\"removed\":true"), std::string::npos);
  EXPECT_NE(left.find(to_hex(sha256(R"({"text":"a very particular text"})"))), std::string::npos);
  EXPECT_EQ(apply().compacted, 0u);
  keep(1, 2);
  EXPECT_EQ(apply().deleted, 2u);
  EXPECT_EQ(events(id), "run.deleted");
  EXPECT_EQ(engine_->stats()[0].upkeep.archive.bundles, 0u) << "nothing is left";
}

TEST_F(EngineHistory, KeepsLargeValuesBesideTheLogAndCollectsThem) {
  const std::string large(400'000, 'L'), other(300'000, 'O');
  const RunId one = run(large), two = run(large), three = run(other);
  EXPECT_FALSE(anywhere("log", large.substr(0, 1000)));
  // Input and output of each; the two with the same text share.
  EXPECT_EQ(files("payloads"), 4u);
  const std::string before = events(two);
  EXPECT_NE(before.find(large), std::string::npos);
  restart();
  apply();
  EXPECT_EQ(events(two), before);
  keep(0, 1);
  Hold hold;
  hold.name = "case";
  hold.run = three;
  hold.who = "ops";
  hold.why = "asked for";
  std::promise<Result<Hold>> held;
  engine_->set_hold(hold, [&](Result<Hold> reply) { held.set_value(std::move(reply)); });
  ASSERT_TRUE(held.get_future().get().ok());
  const UpkeepReport report = apply();
  EXPECT_EQ(report.deleted, 2u);
  EXPECT_EQ(report.held, 1u);
  EXPECT_EQ(events(one), "run.deleted");
  EXPECT_NE(events(three).find(other), std::string::npos);
}

TEST_F(EngineHistory, SaysWhichLargeValueIsMissing) {
  const RunId id = run(std::string(400'000, 'L'));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_ / "payloads"))
    if (entry.is_regular_file()) std::filesystem::remove(entry.path());
  EXPECT_EQ(events(id), "blobs.missing");
}

TEST_F(EngineHistory, RefusesATrimmedLogWithoutItsStateOrItsArchive) {
  for (int i = 0; i < 60; ++i) run(std::string(100'000, 'x'));
  restart();
  ASSERT_GT(apply().trimmed_bytes, 0u);
  stop();
  std::filesystem::rename(directory_ / "state", directory_ / "away");
  Status started = start();
  EXPECT_EQ(started.error().code, "partition.state_missing");
  stop();
  std::filesystem::remove_all(directory_ / "state");
  std::filesystem::rename(directory_ / "away", directory_ / "state");
  std::filesystem::rename(directory_ / "archive", directory_ / "away");
  started = start();
  EXPECT_EQ(started.error().code, "partition.archive_missing");
  stop();
  std::filesystem::remove_all(directory_ / "archive");
  std::filesystem::rename(directory_ / "away", directory_ / "archive");
  EXPECT_TRUE(start().ok());
}

}  // namespace
}  // namespace switchyard::partition
