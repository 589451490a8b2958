#include "encode.h"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>

#include "switchyard/base/hash.h"
#include "switchyard/otlp/limits.h"
#include "switchyard/types/utf8.h"

namespace switchyard::otlp {
namespace {

/// Writes fields one after another. Protobuf's numbers are those of opentelemetry-proto.
class Message {
 public:
  Message& varint(uint32_t field, uint64_t value) {
    tag(field, 0);
    append_varint(value);
    return *this;
  }
  Message& fixed64(uint32_t field, uint64_t value) {
    tag(field, 1);
    append_little(value, 8);
    return *this;
  }
  Message& real(uint32_t field, double value) { return fixed64(field, std::bit_cast<uint64_t>(value)); }
  Message& fixed32(uint32_t field, uint32_t value) {
    tag(field, 5);
    append_little(value, 4);
    return *this;
  }
  Message& bytes(uint32_t field, std::string_view value) {
    tag(field, 2);
    append_varint(value.size());
    out_ += value;
    return *this;
  }
  Message& message(uint32_t field, const Message& value) { return bytes(field, value.out_); }
  /// At most kMaxAttributeBytes, whole characters; what is no UTF-8 is told as such: Protobuf forbids it.
  Message& text(uint32_t field, std::string_view value) {
    if (value.size() > kMaxAttributeBytes) {
      size_t end = kMaxAttributeBytes;
      while (end > 0 && (static_cast<uint8_t>(value[end]) & 0xC0) == 0x80) --end;
      value = value.substr(0, end);
    }
    return bytes(field, is_valid_utf8(value) ? value : std::string_view("[not UTF-8]"));
  }
  Message& time(uint32_t field, int64_t us) {
    return fixed64(field, static_cast<uint64_t>(std::max<int64_t>(us, 0)) * 1000);
  }
  template <typename Number>
  Message& packed(uint32_t field, const std::vector<Number>& values) {
    static_assert(sizeof(Number) == 8);
    tag(field, 2);
    append_varint(values.size() * 8);
    for (const Number value : values) append_little(std::bit_cast<uint64_t>(value), 8);
    return *this;
  }
  std::string take() { return std::move(out_); }

 private:
  void tag(uint32_t field, uint32_t type) { append_varint(field << 3 | type); }
  void append_varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_ += static_cast<char>(value | 0x80);
    out_ += static_cast<char>(value);
  }
  void append_little(uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out_ += static_cast<char>(value >> (8 * i));
  }

  std::string out_;
};

template <size_t kBytes>
std::string id_bytes(const std::string& hex) {
  std::array<uint8_t, kBytes> id{};
  from_hex(hex, id);
  return std::string(id.begin(), id.end());
}

Message value_message(const AttributeValue& value) {
  Message message;
  if (const auto* text = std::get_if<std::string>(&value)) {
    message.text(1, *text);
  } else if (const auto* boolean = std::get_if<bool>(&value)) {
    message.varint(2, *boolean ? 1 : 0);
  } else if (const auto* number = std::get_if<int64_t>(&value)) {
    message.varint(3, static_cast<uint64_t>(*number));
  } else if (const auto* real = std::get_if<double>(&value)) {
    message.real(4, *real);
  } else {
    Message list;
    for (const std::string& each : std::get<std::vector<std::string>>(value))
      list.message(1, Message().text(1, each));
    message.message(5, list);
  }
  return message;
}

void add_attributes(uint32_t field, const Attributes& attributes, Message& message) {
  for (const auto& [name, value] : attributes)
    message.message(field, Message().text(1, name).message(2, value_message(value)));
}

Message span_message(const Span& span) {
  Message message;
  message.bytes(1, id_bytes<16>(span.trace_id)).bytes(2, id_bytes<8>(span.span_id));
  if (!span.parent_id.empty()) message.bytes(4, id_bytes<8>(span.parent_id));
  message.text(5, span.name).varint(6, static_cast<uint64_t>(span.kind));
  message.time(7, span.start_us).time(8, std::max(span.start_us, span.end_us));
  add_attributes(9, span.attributes, message);
  constexpr uint64_t kFailed = 2;
  if (span.failed) message.message(15, Message().varint(3, kFailed));
  return message.fixed32(16, 1);  // W3C's flags: only what is sampled is exported
}

Message exemplar_message(const Exemplar& exemplar) {
  Message message;
  message.time(2, exemplar.time_us).real(3, exemplar.value);
  return message.bytes(4, id_bytes<8>(exemplar.span_id)).bytes(5, id_bytes<16>(exemplar.trace_id));
}

Message point_message(const Metric& metric, const Metric::Point& point, int64_t start_us, int64_t now_us) {
  Message message;
  if (metric.kind != Metric::Kind::kGauge) message.time(2, start_us);
  message.time(3, now_us);
  if (metric.kind != Metric::Kind::kHistogram) {
    message.real(4, point.value);
    add_attributes(7, point.attributes, message);
    return message;
  }
  message.fixed64(4, point.histogram.count).real(5, point.histogram.sum);
  message.packed(6, point.histogram.counts).packed(7, metric.bounds);
  for (const Exemplar& exemplar : point.exemplars) message.message(8, exemplar_message(exemplar));
  add_attributes(9, point.attributes, message);
  return message;
}

Message metric_message(const Metric& metric, int64_t start_us, int64_t now_us) {
  Message data;
  for (const Metric::Point& point : metric.points)
    data.message(1, point_message(metric, point, start_us, now_us));
  constexpr uint64_t kCumulative = 2;
  if (metric.kind != Metric::Kind::kGauge) data.varint(2, kCumulative);
  if (metric.kind == Metric::Kind::kCounter) data.varint(3, 1);  // it only grows
  const uint32_t field = metric.kind == Metric::Kind::kGauge     ? 5
                         : metric.kind == Metric::Kind::kCounter ? 7
                                                                 : 9;
  Message message;
  message.text(1, metric.name).text(2, metric.description);
  if (!metric.unit.empty()) message.text(3, metric.unit);
  return message.message(field, data);
}

// Of requests with spans and with metrics the outer fields have the same numbers.
Message scope_of(const Source& source) {
  return Message().message(1, Message().text(1, "switchyard").text(2, source.version));
}

std::string request_of(const Source& source, const Message& scope) {
  Message resource;
  add_attributes(1, source.resource, resource);
  return Message().message(1, Message().message(1, resource).message(2, scope)).take();
}

/// Of a message that is read.
struct Field {
  uint64_t number = 0;
  uint64_t value = 0;      ///< of a varint
  std::string_view bytes;  ///< of a message or text
};

uint64_t take_varint(std::string_view& in) {
  uint64_t value = 0;
  for (size_t shift = 0; !in.empty() && shift < 64; shift += 7) {
    const auto byte = static_cast<uint8_t>(in.front());
    in.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) break;
  }
  return value;
}

/// The next field of a varint or of bytes; nullopt at the end, or where it is no such field.
std::optional<Field> take_field(std::string_view& in) {
  if (in.empty()) return std::nullopt;
  const uint64_t tag = take_varint(in);
  Field field{tag >> 3, take_varint(in), {}};
  if ((tag & 7) == 0) return field;
  if ((tag & 7) != 2 || field.value > in.size()) return std::nullopt;
  field.bytes = in.substr(0, field.value);
  in.remove_prefix(field.value);
  return field;
}

}  // namespace

std::string encode_spans(const Source& source, std::span<const Span> spans) {
  Message scope = scope_of(source);
  for (const Span& span : spans) scope.message(2, span_message(span));
  return request_of(source, scope);
}

std::string encode_metrics(const Source& source, const std::vector<Metric>& metrics, int64_t start_us,
                           int64_t now_us) {
  Message scope = scope_of(source);
  for (const Metric& metric : metrics) scope.message(2, metric_message(metric, start_us, now_us));
  return request_of(source, scope);
}

PartialSuccess partial_success(std::string_view response) {
  PartialSuccess told;
  while (const auto outer = take_field(response)) {
    if (outer->number != 1) continue;
    std::string_view inner = outer->bytes;
    while (const auto field = take_field(inner)) {
      if (field->number == 1) told.rejected = field->value;
      if (field->number == 2) told.message = field->bytes;
    }
  }
  return told;
}

}  // namespace switchyard::otlp
