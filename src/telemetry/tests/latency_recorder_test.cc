#include "switchyard/telemetry/latency_recorder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace switchyard::telemetry {
namespace {

TEST(LatencyRecorder, PercentilesAreWithinHalfAPercentOfTheSortedValues) {
  std::mt19937_64 random(5);
  std::vector<uint64_t> values;
  LatencyRecorder recorder;
  for (int i = 0; i < 20000; ++i) {
    const uint64_t value =
        static_cast<uint64_t>(std::exp(static_cast<double>(random() % 4400) / 100));  // 1 .. e^44
    values.push_back(value);
    recorder.record(value);
  }
  std::sort(values.begin(), values.end());
  for (const double percent : {0.0, 0.1, 1.0, 25.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
    const auto rank = static_cast<size_t>(std::max(1.0, std::ceil(percent / 100 * 20000)));
    const auto exact = static_cast<double>(values[rank - 1]);
    EXPECT_NEAR(static_cast<double>(recorder.percentile(percent)), exact, exact * 0.005) << percent;
  }
  EXPECT_EQ(recorder.min(), values.front());
  EXPECT_EQ(recorder.max(), values.back());
  EXPECT_EQ(recorder.percentile(100), values.back());
}

TEST(LatencyRecorder, SmallValuesAndRanksAreExact) {
  LatencyRecorder recorder;
  for (uint64_t v = 1; v <= 200; ++v) recorder.record(v);
  EXPECT_EQ(recorder.percentile(50), 100u);
  EXPECT_EQ(recorder.percentile(99), 198u);
  EXPECT_EQ(recorder.percentile(0), 1u);
  EXPECT_DOUBLE_EQ(recorder.mean(), 100.5);
}

TEST(LatencyRecorder, TakesTheExtremesOfTheRange) {
  LatencyRecorder recorder;
  EXPECT_EQ(recorder.percentile(50), 0u);
  EXPECT_EQ(recorder.min(), 0u);
  recorder.record(0);
  recorder.record(UINT64_MAX);
  EXPECT_EQ(recorder.percentile(50), 0u);
  EXPECT_EQ(recorder.percentile(100), UINT64_MAX);
}

TEST(LatencyRecorder, MergingEqualsRecordingEverythingInOne) {
  std::mt19937_64 random(9);
  LatencyRecorder one, a, b;
  for (int i = 0; i < 5000; ++i) {
    const uint64_t value = random() % 1000000;
    one.record(value);
    (i % 3 == 0 ? a : b).record(value);
  }
  a.merge(b);
  a.merge(LatencyRecorder());
  EXPECT_EQ(a.count(), one.count());
  EXPECT_EQ(a.min(), one.min());
  EXPECT_EQ(a.max(), one.max());
  EXPECT_DOUBLE_EQ(a.mean(), one.mean());
  for (const double percent : {1.0, 50.0, 99.0, 99.9})
    EXPECT_EQ(a.percentile(percent), one.percentile(percent));
}

TEST(LatencyRecorder, CorrectionCountsTheCallsThatALongOneKeptFromBeingMade) {
  LatencyRecorder recorder;
  recorder.record_corrected(1000, 100);  // also 900, 800, ... 100
  EXPECT_EQ(recorder.count(), 10u);
  EXPECT_EQ(recorder.min(), 100u);
  recorder.record_corrected(50, 100);
  EXPECT_EQ(recorder.count(), 11u);
}

TEST(LatencyRecorder, PrintsUnitsForPeople) {
  EXPECT_EQ(format_nanoseconds(950), "950ns");
  EXPECT_EQ(format_nanoseconds(1234), "1.23us");
  EXPECT_EQ(format_nanoseconds(999999), "1ms");
  EXPECT_EQ(format_nanoseconds(4500000), "4.5ms");
  EXPECT_EQ(format_nanoseconds(5600000000), "5.6s");
}

}  // namespace
}  // namespace switchyard::telemetry
