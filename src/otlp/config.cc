#include "switchyard/otlp/config.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "switchyard/http/url.h"
#include "switchyard/otlp/limits.h"

namespace switchyard::otlp {
namespace {

Error bad(const std::string& name, const std::string& value, const std::string& mend) {
  // Headers may be secrets: their value is not shown.
  const bool secret = name.find("HEADERS") != std::string::npos;
  return make_error(ErrorKind::kInvalidArgument, "otlp.bad_setting",
                    name + (secret ? std::string(" cannot be read") : " is '" + value + "'") + "; " + mend,
                    name);
}

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

class Reader {
 public:
  explicit Reader(const Environment& environment) : environment_(environment) {}

  Result<Config> read() {
    Config config;
    config.resource.push_back({"service.name", std::string("switchyard")});
    if (text("OTEL_SDK_DISABLED") == "true") return config;
    SY_ASSIGN_OR_RETURN(config.traces, signal("TRACES", "/v1/traces"));
    SY_ASSIGN_OR_RETURN(config.metrics, signal("METRICS", "/v1/metrics"));
    config.ca_file = text("OTEL_EXPORTER_OTLP_CERTIFICATE");
    SY_RETURN_IF_ERROR(number("OTEL_BSP_SCHEDULE_DELAY", 1, 3'600'000, config.span_delay_ms));
    SY_RETURN_IF_ERROR(number("OTEL_METRIC_EXPORT_INTERVAL", 100, 86'400'000, config.metric_interval_ms));
    int64_t queue = static_cast<int64_t>(config.queue_spans),
            batch = static_cast<int64_t>(config.batch_spans);
    SY_RETURN_IF_ERROR(number("OTEL_BSP_MAX_QUEUE_SIZE", 1, kMaxQueuedSpans, queue));
    SY_RETURN_IF_ERROR(number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1, kMaxBatchSpans, batch));
    config.queue_spans = static_cast<size_t>(queue);
    config.batch_spans = static_cast<size_t>(std::min(batch, queue));
    SY_RETURN_IF_ERROR(resource(config.resource));
    SY_RETURN_IF_ERROR(sampler(config.sampler));
    SY_ASSIGN_OR_RETURN(config.exemplars,
                        choice("OTEL_METRICS_EXEMPLAR_FILTER", text("OTEL_METRICS_EXEMPLAR_FILTER"),
                               "trace_based", "always_off", true));
    return config;
  }

 private:
  std::string text(std::string_view name) const { return environment_(name).value_or(""); }

  /// The signal's own variable, or that of all signals; `name` becomes the one it was.
  std::string of_signal(const std::string& signal, const std::string& what, std::string& name) const {
    name = "OTEL_EXPORTER_OTLP_" + signal + "_" + what;
    std::string value = text(name);
    if (!value.empty()) return value;
    name = "OTEL_EXPORTER_OTLP_" + what;
    return text(name);
  }

  Result<Signal> signal(const std::string& which, const std::string& path) const {
    Signal signal;
    SY_ASSIGN_OR_RETURN(signal.url, endpoint(which, path));
    SY_ASSIGN_OR_RETURN(signal.headers, headers(which));
    std::string name;
    const std::string compression = of_signal(which, "COMPRESSION", name);
    SY_ASSIGN_OR_RETURN(signal.gzip, choice(name, compression, "gzip", "none", false));
    const std::string timeout = of_signal(which, "TIMEOUT", name);
    SY_RETURN_IF_ERROR(number(name, timeout, 1, 600'000, signal.timeout_ms));
    return signal;
  }

  /// Which of two words a value is; `otherwise` where it is empty.
  static Result<bool> choice(const std::string& name, const std::string& value, const std::string& yes,
                             const std::string& no, bool otherwise) {
    if (value.empty()) return otherwise;
    if (value == yes || value == no) return value == yes;
    return bad(name, value, "write " + yes + " or " + no);
  }

  Result<std::string> endpoint(const std::string& signal, const std::string& path) const {
    const std::string exporter = text("OTEL_" + signal + "_EXPORTER");
    if (exporter == "none") return std::string();
    if (!exporter.empty() && exporter != "otlp")
      return bad("OTEL_" + signal + "_EXPORTER", exporter, "write otlp or none");
    std::string name;
    const std::string protocol = of_signal(signal, "PROTOCOL", name);
    // Collectors that take JSON over HTTP take Protobuf, too; gRPC is another protocol on another port.
    if (!protocol.empty() && protocol != "http/json" && protocol != "http/protobuf")
      return bad(name, protocol,
                 "this server speaks http/protobuf: write that, and the port for HTTP (4318 by default)");
    std::string url = of_signal(signal, "ENDPOINT", name);
    if (url.empty()) return url;
    // The endpoint of all signals is a base; a signal's own is taken as it is.
    if (name == "OTEL_EXPORTER_OTLP_ENDPOINT") {
      while (url.ends_with('/')) url.pop_back();
      url += path;
    }
    if (const auto parsed = http::parse_url(url); !parsed.ok())
      return bad(name, url, "write an address such as http://localhost:4318");
    return url;
  }

  Result<Signal::Headers> headers(const std::string& signal) const {
    std::string name;
    const std::string value = of_signal(signal, "HEADERS", name);
    Signal::Headers result;
    SY_RETURN_IF_ERROR(pairs(name, value, [&](std::string key, std::string text) {
      result.emplace_back(std::move(key), telemetry::Secret(std::move(text)));
    }));
    return result;
  }

  template <typename Take>
  static Status pairs(const std::string& name, std::string_view value, const Take& take) {
    size_t count = 0;
    while (!value.empty()) {
      const size_t comma = std::min(value.find(','), value.size());
      const std::string_view pair = trim(value.substr(0, comma));
      value.remove_prefix(std::min(comma + 1, value.size()));
      if (pair.empty()) continue;
      const size_t equals = pair.find('=');
      const std::string_view key =
          equals == std::string_view::npos ? std::string_view() : trim(pair.substr(0, equals));
      const auto decoded = equals == std::string_view::npos
                               ? std::nullopt
                               : http::percent_decode(trim(pair.substr(equals + 1)), false);
      if (key.empty() || !decoded || decoded->find_first_of("\r\n") != std::string::npos ||
          ++count > kMaxPairs)
        return bad(name, std::string(pair),
                   "write name=value, with commas between, and %2C for a comma in a value");
      take(std::string(key), *decoded);
    }
    return {};
  }

  Status resource(Attributes& resource) const {
    const auto set = [&](const std::string& name, std::string value) {
      for (Attribute& each : resource)
        if (each.name == name) {
          each.value = std::move(value);
          return;
        }
      resource.push_back({name, std::move(value)});
    };
    SY_RETURN_IF_ERROR(pairs("OTEL_RESOURCE_ATTRIBUTES", text("OTEL_RESOURCE_ATTRIBUTES"), set));
    if (std::string name = text("OTEL_SERVICE_NAME"); !name.empty()) set("service.name", std::move(name));
    return {};
  }

  Status number(const std::string& name, int64_t least, int64_t most, int64_t& result) const {
    return number(name, text(name), least, most, result);
  }
  static Status number(const std::string& name, const std::string& value, int64_t least, int64_t most,
                       int64_t& result) {
    if (value.empty()) return {};
    int64_t read = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), read);
    if (error != std::errc() || end != value.data() + value.size() || read < least || read > most)
      return bad(name, value,
                 "write a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    result = read;
    return {};
  }

  Status sampler(telemetry::Sampler& sampler) const {
    const std::string name = "OTEL_TRACES_SAMPLER", argument_name = "OTEL_TRACES_SAMPLER_ARG";
    const std::string value = text(name), argument = text(argument_name);
    std::string_view kind = value.empty() ? "parentbased_always_on" : std::string_view(value);
    constexpr std::string_view kParentBased = "parentbased_";
    sampler.parent_based = kind.starts_with(kParentBased);
    if (sampler.parent_based) kind.remove_prefix(kParentBased.size());
    if (kind == "always_on") return {};
    if (kind == "always_off") {
      sampler.ratio = 0;
      return {};
    }
    if (kind != "traceidratio")
      return bad(name, value,
                 "write always_on, always_off or traceidratio, or one of them with parentbased_ before it");
    const char* const begin = argument.data();
    const auto [end, error] = std::from_chars(begin, begin + argument.size(), sampler.ratio);
    const bool whole = error == std::errc() && end == begin + argument.size();
    if (!argument.empty() && (!whole || !(sampler.ratio >= 0 && sampler.ratio <= 1)))
      return bad(argument_name, argument, "write a part of all traces, from 0 to 1");
    return {};
  }

  const Environment& environment_;
};

}  // namespace

Result<Config> read_config(const Environment& environment) { return Reader(environment).read(); }

std::optional<std::string> process_environment(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
}

}  // namespace switchyard::otlp
