#include "switchyard/telemetry/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <limits>
#include <sstream>
#include <thread>

#include "switchyard/types/json.h"

namespace switchyard::telemetry {
namespace {

constexpr int64_t kNoonUs = 1735732800000001;  // 2025-01-01T12:00:00.000001Z

/// A sink that writes into a pipe, read as a whole when the sink has gone.
class Captured {
 public:
  explicit Captured(LogOptions options = {}) {
    int ends[2];
    SY_CHECK(pipe(ends) == 0);
    read_ = ends[0];
    write_ = ends[1];
    options.fd = write_;
    if (!options.now_us) options.now_us = [this] { return now_us.load(); };
    sink = std::make_shared<LogSink>(options);
  }
  ~Captured() {
    sink.reset();
    if (write_ >= 0) close(write_);
    close(read_);
  }
  /// The lines so far; ends the sink.
  std::vector<std::string> lines() {
    std::string text;
    std::thread reader([&] {
      char buffer[4096];
      for (ssize_t n; (n = read(read_, buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<size_t>(n));
    });
    sink.reset();
    close(std::exchange(write_, -1));
    reader.join();
    std::vector<std::string> all;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  }
  std::shared_ptr<LogSink> sink;
  std::atomic<int64_t> now_us{kNoonUs};

 private:
  int read_ = -1, write_ = -1;
};

TEST(Log, AJsonLineHoldsTheEventAndEveryKindOfField) {
  Captured captured;
  {  // a logger keeps its sink, lines() ends it
    const RunId run = RunId::make(1700000000000, 1, 2);
    Logger(captured.sink, "partition")
        .with({{"run", run}})
        .warn("step failed", {{"text", "a \"quoted\"\nline"},
                              {"count", 7},
                              {"negative", int64_t{-3}},
                              {"big", std::numeric_limits<uint64_t>::max()},
                              {"ratio", 0.25},
                              {"nan", std::numeric_limits<double>::quiet_NaN()},
                              {"yes", true},
                              {"partition", PartitionId(4)},
                              {"error", make_error(ErrorKind::kIo, "log.io", "the disk failed")},
                              {"bad_utf8", "\xff\xfe ok"}});
    const auto lines = captured.lines();
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_EQ(lines[0],
              "{\"time\":\"2025-01-01T12:00:00.000001Z\",\"level\":\"warn\",\"module\":\"partition\","
              "\"message\":\"step "
              "failed\",\"run\":\"" +
                  run.to_string() +
                  "\",\"text\":\"a "
                  "\\\"quoted\\\"\\nline\",\"count\":7,\"negative\":-3,\"big\":18446744073709551615,"
                  "\"ratio\":0.25,\"nan\":\"NaN\",\"yes\":true,\"partition\":4,\"error\":\"the disk failed "
                  "[log.io]\",\"bad_utf8\":\"\uFFFD\uFFFD ok\"}");
    EXPECT_TRUE(parse_json_document(lines[0]).ok());
  }
}

TEST(Log, ATextLineReadsWellAndCannotBeForgedFromOutside) {
  Captured captured({.format = LogFormat::kText});
  Logger(captured.sink, "gateway")
      .error("request refused", {{"path", "/a"}, {"agent", "x\n12:00 ERROR forged\033[2J"}, {"empty", ""}});
  Logger(captured.sink, "gateway")
      .info("c1", {{"value",
                    "a\xc2\x9b"
                    "31m\x7f"}});
  const auto lines = captured.lines();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_TRUE(
      lines[0].starts_with("12:00:00.000 ERROR gateway    request refused path=/a agent=\"x\\n12:00"));
  for (const auto& line : lines)
    for (const char c : line) EXPECT_TRUE(static_cast<uint8_t>(c) >= ' ' && c != 0x7f) << line;
  EXPECT_EQ(lines[1].find("\xc2\x9b"), std::string::npos);
  EXPECT_NE(lines[0].find("empty=\"\""), std::string::npos);
}

TEST(Log, LinesBelowTheLevelAreNotWrittenAndTheLevelMayChange) {
  Captured captured({.level = LogLevel::kWarn});
  {
    const Logger log(captured.sink, "m");
    EXPECT_FALSE(log.enabled(LogLevel::kInfo));
    log.info("one");
    log.warn("two");
    captured.sink->set_level(LogLevel::kDebug);
    log.debug("three");
    captured.sink->set_level(LogLevel::kOff);
    log.error("four");
    Logger().error("nowhere");
  }
  const auto lines = captured.lines();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_NE(lines[0].find("two"), std::string::npos);
  EXPECT_NE(lines[1].find("three"), std::string::npos);
}

TEST(Log, ASecretNeverShowsWhicheverWayItIsPrinted) {
  const Secret secret("hunter2hunter2hunter2");
  Captured captured;
  Logger(captured.sink, "m").with({{"bound", secret}}).info("login", {{"password", secret}});
  std::ostringstream stream;
  stream << secret;
  std::string all = stream.str() + fmt::format("{} {:>20}", secret, secret);
  for (const auto& line : captured.lines()) all += line;
  EXPECT_EQ(all.find("hunter2"), std::string::npos);
  EXPECT_NE(all.find("\"password\":\"[secret]\""), std::string::npos);
  EXPECT_NE(all.find("\"bound\":\"[secret]\""), std::string::npos);
  EXPECT_TRUE(secret.equals("hunter2hunter2hunter2"));
  EXPECT_FALSE(secret.equals("hunter2"));
  Secret copy = secret;
  const Secret moved = std::move(copy);
  EXPECT_TRUE(copy.empty());  // NOLINT: what a moved-from secret holds is the point
  EXPECT_EQ(moved, secret);
}

TEST(Log, RepeatedLinesAreHeldBackAndCounted) {
  Captured captured({.burst_per_second = 3});
  {
    const Logger log(captured.sink, "m");
    for (int i = 0; i < 10; ++i) log.info("again", {{"i", i}});
    log.info("another");
    captured.now_us += 1000000;
    log.info("again", {{"i", 10}});
  }
  EXPECT_EQ(captured.sink->suppressed(), 7u);
  const auto lines = captured.lines();
  size_t again = 0, another = 0, held = 0;
  for (const auto& line : lines) {
    again += line.find("\"message\":\"again\"") != std::string::npos;
    another += line.find("\"message\":\"another\"") != std::string::npos;
    if (line.find("repeated lines were held back") == std::string::npos) continue;
    ++held;
    EXPECT_NE(line.find("\"repeated\":\"again\",\"lines\":7"), std::string::npos) << line;
  }
  EXPECT_EQ(again, 4u);
  EXPECT_EQ(another, 1u);
  EXPECT_EQ(held, 1u);
}

TEST(Log, ASlowTargetDropsLinesAndSaysHowManyButNeverBlocks) {
  Captured captured({.burst_per_second = 1000000, .queue_bytes = 20000});
  {
    const Logger log(captured.sink, "m");
    // A pipe holds 64 KiB and nobody reads: without the queue's limit this would never end.
    for (int i = 0; i < 5000; ++i) log.info("filling the pipe", {{"i", i}});
  }
  const uint64_t dropped = captured.sink->dropped();
  EXPECT_GT(dropped, 0u);
  const auto lines = captured.lines();
  uint64_t told = 0;
  size_t kept = 0;
  for (const auto& line : lines) {
    const auto parsed = parse_json_document(line);
    ASSERT_TRUE(parsed.ok()) << line;
    kept += line.find("filling the pipe") != std::string::npos;
    const size_t at = line.find("too slow\",\"lines\":");
    if (at != std::string::npos) told += std::strtoull(line.c_str() + at + 18, nullptr, 10);
  }
  EXPECT_EQ(told, dropped);
  EXPECT_EQ(kept + dropped, 5000u);
}

TEST(Log, AnOverlongLineStaysValidJsonAndSaysThatItWasCut) {
  Captured captured;
  Logger(captured.sink, "m")
      .info("large", {{"a", std::string(100000, 'a')},
                      {"b", std::string(4000, '\n')},
                      {"c", std::string(4000, '\n')},
                      {"d", 1}});
  const auto lines = captured.lines();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_LE(lines[0].size(), kMaxLogLineBytes);
  EXPECT_TRUE(parse_json_document(lines[0]).ok());
  EXPECT_NE(lines[0].find("...\""), std::string::npos);
  EXPECT_NE(lines[0].find("\"truncated\":true"), std::string::npos);
}

TEST(Log, LinesOfManyThreadsStayWholeAndFlushWaitsForThem) {
  Captured captured({.burst_per_second = 1000000});
  std::atomic<size_t> bytes{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const Logger log = Logger(captured.sink, "m").with({{"thread", t}});
      for (int i = 0; i < 60; ++i) log.info("line", {{"i", i}});
      captured.sink->flush();  // 240 lines of about 100 bytes fit into the pipe
    });
  }
  for (auto& thread : threads) thread.join();
  const auto lines = captured.lines();
  EXPECT_EQ(lines.size(), 240u);
  for (const auto& line : lines) EXPECT_TRUE(parse_json_document(line).ok()) << line;
}

TEST(Log, LevelsParseByName) {
  EXPECT_EQ(parse_log_level("warn").value(), LogLevel::kWarn);
  EXPECT_EQ(parse_log_level("loud").error().code, "telemetry.bad_log_level");
}

}  // namespace
}  // namespace switchyard::telemetry
