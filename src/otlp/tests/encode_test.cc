#include "../encode.h"

#include <gtest/gtest.h>

#include "switchyard/base/hash.h"
#include "switchyard/otlp/limits.h"

// What is expected here was made by the messages of the package opentelemetry-proto; the test of the whole
// server (tests/system/otlp_test.py) has them and a collector read what is sent.
namespace switchyard::otlp {
namespace {

std::string hex(const std::string& bytes) {
  return to_hex(std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
}

const Source kSource{{{"service.name", std::string("s")}}, "1.2.3"};

TEST(OtlpEncoding, WritesSpansAsOpentelemetryProtoHasThem) {
  Span span;
  span.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
  span.span_id = "00f067aa0ba902b7";
  span.parent_id = "0000000000000009";
  span.kind = Span::Kind::kClient;
  span.name = "step";
  span.start_us = 1'700'000'000'000'001;
  span.end_us = span.start_us + 5;
  span.attributes = {{"text", std::string("a\"\xff")},
                     {"whole", int64_t{-3}},
                     {"part", 0.5},
                     {"yes", true},
                     {"list", std::vector<std::string>{"x", "y"}}};
  Span failed = span;
  failed.failed = true;
  failed.parent_id.clear();
  failed.attributes.clear();
  failed.end_us = 0;  // never before the start
  EXPECT_EQ(hex(encode_spans(kSource, std::vector{span, failed})),
            "0a9b020a150a130a0c736572766963652e6e616d6512030a01731281020a130a0a7377697463687961726412"
            "05312e322e3312a7010a104bf92f3577b34da6a3ce929d0e0e4736120800f067aa0ba902b722080000000000"
            "0000092a0473746570300339e8032a36fe9c97174170172a36fe9c97174a150a0474657874120d0a0b5b6e6f"
            "74205554462d385d4a140a0577686f6c65120b18fdffffffffffffffff014a110a0470617274120921000000"
            "000000e03f4a090a03796573120210014a140a046c697374120c2a0a0a030a01780a030a0179850101000000"
            "12400a104bf92f3577b34da6a3ce929d0e0e4736120800f067aa0ba902b72a0473746570300339e8032a36fe"
            "9c971741e8032a36fe9c97177a021802850101000000");
}

TEST(OtlpEncoding, WritesMetricsAsOpentelemetryProtoHasThem) {
  Histogram histogram("calls", "s", "How long.", {1, 2});
  for (const double value : {0.5, 2.0, 7.0}) histogram.observe({{"k", std::string("a")}}, value);
  telemetry::Registry registry;
  registry.counters("switchyard_test_sent_bytes_total", "Sent.", {"to"}).with({"b"}).add(3);
  registry.gauge("switchyard_test_depth", "Depth.").set(1.5);
  registry.counter("switchyard_test_never_total", "Nothing yet.");
  std::vector<Metric> metrics = metrics_of(registry);
  ASSERT_EQ(metrics.size(), 2u);
  metrics.push_back(histogram.read());
  EXPECT_EQ(hex(encode_metrics(kSource, metrics, 1, 2)),
            "0aba020a150a130a0c736572766963652e6e616d6512030a017312a0020a130a0a7377697463687961726412"
            "05312e322e3312350a15737769746368796172645f746573745f6465707468120644657074682e2a140a1219"
            "d00700000000000021000000000000f83f125b0a20737769746368796172645f746573745f73656e745f6279"
            "7465735f746f74616c120553656e742e1a0242793a2c0a2611e80300000000000019d0070000000000002100"
            "000000000008403a090a02746f12030a01621002180112750a0563616c6c731209486f77206c6f6e672e1a01"
            "734a5e0a5a11e80300000000000019d007000000000000210300000000000000290000000000002340321801"
            "00000000000000010000000000000001000000000000003a10000000000000f03f00000000000000404a080a"
            "016b12030a01611002");
}

TEST(OtlpEncoding, CutsLongTextsBetweenCharacters) {
  std::string text(kMaxAttributeBytes - 1, 'x');
  Span span;
  span.name = text + "\xc3\xa4";
  const std::string bytes = encode_spans(kSource, std::span(&span, 1));
  EXPECT_NE(bytes.find(text), std::string::npos);
  EXPECT_EQ(bytes.find('\xc3'), bytes.npos);
}

TEST(OtlpEncoding, ReadsHowManyWereRefused) {
  EXPECT_EQ(rejected(""), 0u);
  EXPECT_EQ(rejected(std::string("\x0a\x00", 2)), 0u);  // as the collector answers
  EXPECT_EQ(rejected("\x0a\x05\x12\x03why"), 0u);       // only a warning
  EXPECT_EQ(rejected(std::string("\x0a\x03\x08\xac\x02")), 300u);
  EXPECT_EQ(rejected(std::string("\x0a\xcc\x01\x08\x05\x12\xc8\x01") + std::string(200, 'x')), 5u);
  EXPECT_EQ(rejected("\x0a"), 0u);
}

TEST(OtlpHistograms, BoundTheirSeries) {
  Histogram histogram("calls", "s", "How long.", {1});
  for (size_t i = 0; i < kMaxSeries + 10; ++i) histogram.observe({{"k", static_cast<int64_t>(i)}}, 1);
  const Metric metric = histogram.read();
  EXPECT_EQ(metric.points.size(), kMaxSeries + 1);
  uint64_t overflown = 0;
  for (const auto& point : metric.points)
    if (point.attributes.at(0).name == "otel.metric.overflow") overflown = point.histogram.count;
  EXPECT_EQ(overflown, 10u);
}

}  // namespace
}  // namespace switchyard::otlp
