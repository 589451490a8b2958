#include "../encode.h"

#include <gtest/gtest.h>

#include "switchyard/base/hash.h"
#include "switchyard/otlp/limits.h"

// What is expected here was made by the messages of the package opentelemetry-proto; the test of the whole
// server (tests/clients/otlp_test.py) has them and a collector read what is sent.
namespace switchyard::otlp {
namespace {

std::string hex(const std::string& bytes) {
  return to_hex(std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
}

const Source kSource{{{"service.name", std::string("s")}}, "1.2.3"};
const Span kSampled{.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736",
                    .span_id = "00f067aa0ba902b7",
                    .parent_id = {},
                    .name = "call",
                    .end_us = 1'700'000'000'000'001,
                    .attributes = {}};

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

TEST(OtlpEncoding, WritesExemplarsAsOpentelemetryProtoHasThem) {
  Histogram histogram("calls", "s", "How long.", {1, 2});
  histogram.observe({}, 0.25);
  histogram.observe({}, 7, &kSampled);
  EXPECT_EQ(hex(encode_metrics(kSource, {histogram.read()}, 1, 2)),
            "0acf010a150a130a0c736572766963652e6e616d6512030a017312b5010a130a0a7377697463687961726412"
            "05312e322e33129d010a0563616c6c731209486f77206c6f6e672e1a01734a85010a800111e8030000000000"
            "0019d007000000000000210200000000000000290000000000001d4032180100000000000000000000000000"
            "000001000000000000003a10000000000000f03f0000000000000040422e11e8032a36fe9c97171900000000"
            "00001c40220800f067aa0ba902b72a104bf92f3577b34da6a3ce929d0e0e47361002");
}

TEST(OtlpEncoding, ReadsHowManyWereRefusedAndWhy) {
  const auto rejected = [](std::string_view response) { return partial_success(response).rejected; };
  EXPECT_EQ(rejected(""), 0u);
  EXPECT_EQ(rejected(std::string_view("\x0a\x00", 2)), 0u);  // as the collector answers
  EXPECT_EQ(rejected("\x0a\x03\x08\xac\x02"), 300u);
  EXPECT_EQ(rejected("\x0a\xcc\x01\x08\x05\x12\xc8\x01" + std::string(200, 'x')), 5u);
  const PartialSuccess warning = partial_success("\x0a\x05\x12\x03why");
  EXPECT_EQ(warning.rejected, 0u);
  EXPECT_EQ(warning.message, "why");
  // In another order, and with fields of later versions.
  const PartialSuccess other = partial_success("\x10\x01\x0a\x09\x12\x03why\x18\x07\x08\x02");
  EXPECT_EQ(other.rejected, 2u);
  EXPECT_EQ(other.message, "why");
  for (const std::string_view broken : {"\x0a", "\x0a\x7f\x08\x05", "\x0d\x08\x05"})
    EXPECT_EQ(rejected(broken), 0u);
}

TEST(OtlpHistograms, KeepTheNewestSampledValueOfEachBucketAsItsExemplar) {
  Histogram histogram("calls", "s", "How long.", {1, 2});
  Span later = kSampled;
  later.span_id = "000000000000000a";
  histogram.observe({}, 0.5, &kSampled);
  histogram.observe({}, 0.75, &later);
  histogram.observe({}, 0.9);
  histogram.observe({}, 1.5);
  histogram.observe({}, 5, &kSampled);
  const auto exemplars = histogram.read().points.at(0).exemplars;
  ASSERT_EQ(exemplars.size(), 2u);
  EXPECT_EQ(exemplars[0].value, 0.75);
  EXPECT_EQ(exemplars[0].span_id, later.span_id);
  EXPECT_EQ(exemplars[1].value, 5);
  EXPECT_EQ(exemplars[1].trace_id, kSampled.trace_id);
  EXPECT_EQ(exemplars[1].time_us, kSampled.end_us);
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
