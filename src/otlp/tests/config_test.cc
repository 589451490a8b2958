#include "switchyard/otlp/config.h"

#include <gtest/gtest.h>

#include <map>

namespace switchyard::otlp {
namespace {

Result<Config> read(const std::map<std::string, std::string>& variables) {
  return read_config([&](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(std::string(name));
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

std::string mistake(const std::map<std::string, std::string>& variables) {
  const auto config = read(variables);
  EXPECT_FALSE(config.ok());
  if (config.ok()) return {};
  EXPECT_EQ(config.error().code, "otlp.bad_setting");
  return config.error().field;
}

TEST(OtlpConfig, ExportsNothingWithoutAnEndpoint) {
  const auto config = *read({});
  EXPECT_FALSE(config.exports_spans());
  EXPECT_FALSE(config.exports_metrics());
  EXPECT_EQ(config.resource, (Attributes{{"service.name", std::string("switchyard")}}));
}

TEST(OtlpConfig, TakesABaseForAllSignalsAndAnAddressForOne) {
  const auto config = *read({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/x/"},
                             {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "https://m.example/in"}});
  EXPECT_EQ(config.traces.url, "http://collector:4318/x/v1/traces");
  EXPECT_EQ(config.metrics.url, "https://m.example/in");
  const auto traces =
      *read({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"}, {"OTEL_METRICS_EXPORTER", "none"}});
  EXPECT_TRUE(traces.exports_spans());
  EXPECT_FALSE(traces.exports_metrics());
  EXPECT_FALSE(read({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"}, {"OTEL_SDK_DISABLED", "true"}})
                   ->exports_spans());
}

TEST(OtlpConfig, ReadsHeadersResourceAndSampler) {
  const auto config = *read({{"OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20x%2Cy, X-Scope = a "},
                             {"OTEL_EXPORTER_OTLP_METRICS_HEADERS", "k=v"},
                             {"OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=prod,service.name=a"},
                             {"OTEL_SERVICE_NAME", "desk"},
                             {"OTEL_TRACES_SAMPLER", "parentbased_traceidratio"},
                             {"OTEL_TRACES_SAMPLER_ARG", "0.25"},
                             {"OTEL_BSP_MAX_QUEUE_SIZE", "100"},
                             {"OTEL_BSP_SCHEDULE_DELAY", "50"}});
  ASSERT_EQ(config.traces.headers.size(), 2u);
  EXPECT_EQ(config.traces.headers[0].second.reveal(), "Bearer x,y");
  EXPECT_EQ(config.traces.headers[1].first, "X-Scope");
  ASSERT_EQ(config.metrics.headers.size(), 1u);
  EXPECT_EQ(config.resource, (Attributes{{"service.name", std::string("desk")},
                                         {"deployment.environment.name", std::string("prod")}}));
  EXPECT_TRUE(config.sampler.parent_based);
  EXPECT_EQ(config.sampler.ratio, 0.25);
  EXPECT_EQ(config.queue_spans, 100u);
  EXPECT_EQ(config.batch_spans, 100u);
  EXPECT_EQ(config.span_delay_ms, 50);
}

TEST(OtlpConfig, LetsASignalHaveItsOwnCompressionAndTimeout) {
  const auto plain = *read({});
  EXPECT_FALSE(plain.traces.gzip);
  EXPECT_EQ(plain.traces.timeout_ms, 10'000);
  const auto config = *read({{"OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"},
                             {"OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "none"},
                             {"OTEL_EXPORTER_OTLP_TIMEOUT", "2000"},
                             {"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "500"}});
  EXPECT_TRUE(config.traces.gzip);
  EXPECT_FALSE(config.metrics.gzip);
  EXPECT_EQ(config.traces.timeout_ms, 500);
  EXPECT_EQ(config.metrics.timeout_ms, 2'000);
}

TEST(OtlpConfig, HasExemplarsUnlessTheirFilterSaysNone) {
  EXPECT_TRUE(read({})->exemplars);
  EXPECT_TRUE(read({{"OTEL_METRICS_EXEMPLAR_FILTER", "trace_based"}})->exemplars);
  EXPECT_FALSE(read({{"OTEL_METRICS_EXEMPLAR_FILTER", "always_off"}})->exemplars);
}

TEST(OtlpConfig, KnowsTheSamplersByTheirNames) {
  const auto sampler = [](const std::string& name) { return read({{"OTEL_TRACES_SAMPLER", name}})->sampler; };
  EXPECT_EQ(read({})->sampler.ratio, 1);
  EXPECT_TRUE(read({})->sampler.parent_based);
  EXPECT_FALSE(sampler("always_on").parent_based);
  EXPECT_EQ(sampler("always_off").ratio, 0);
  EXPECT_EQ(sampler("parentbased_always_off").ratio, 0);
  EXPECT_EQ(sampler("traceidratio").ratio, 1);
}

TEST(OtlpConfig, NamesTheVariableThatIsWrong) {
  const std::pair<std::string, std::string> endpoint{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"};
  EXPECT_EQ(mistake({{"OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"}}), "OTEL_EXPORTER_OTLP_ENDPOINT");
  EXPECT_EQ(mistake({endpoint, {"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"}}), "OTEL_EXPORTER_OTLP_PROTOCOL");
  EXPECT_EQ(mistake({endpoint, {"OTEL_TRACES_EXPORTER", "zipkin"}}), "OTEL_TRACES_EXPORTER");
  EXPECT_EQ(mistake({endpoint, {"OTEL_TRACES_SAMPLER", "sometimes"}}), "OTEL_TRACES_SAMPLER");
  EXPECT_EQ(mistake({endpoint, {"OTEL_TRACES_SAMPLER", "traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG", "2"}}),
            "OTEL_TRACES_SAMPLER_ARG");
  EXPECT_EQ(mistake({endpoint, {"OTEL_TRACES_SAMPLER", "traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG", "1 "}}),
            "OTEL_TRACES_SAMPLER_ARG");
  EXPECT_EQ(mistake({endpoint, {"OTEL_BSP_MAX_QUEUE_SIZE", "many"}}), "OTEL_BSP_MAX_QUEUE_SIZE");
  EXPECT_EQ(mistake({endpoint, {"OTEL_RESOURCE_ATTRIBUTES", "a"}}), "OTEL_RESOURCE_ATTRIBUTES");
  EXPECT_EQ(mistake({endpoint, {"OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"}}),
            "OTEL_EXPORTER_OTLP_COMPRESSION");
  EXPECT_EQ(mistake({endpoint, {"OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "zstd"}}),
            "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION");
  EXPECT_EQ(mistake({endpoint, {"OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "0"}}),
            "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT");
  EXPECT_EQ(mistake({endpoint, {"OTEL_METRICS_EXEMPLAR_FILTER", "always_on"}}),
            "OTEL_METRICS_EXEMPLAR_FILTER");
  const auto secret = read({endpoint, {"OTEL_EXPORTER_OTLP_HEADERS", "sesame"}});
  EXPECT_EQ(secret.error().message.find("sesame"), std::string::npos);
}

}  // namespace
}  // namespace switchyard::otlp
