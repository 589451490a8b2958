#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/expression/type.h"
#include "switchyard/types/value.h"

// CloudEvents 1.0: their JSON format, their HTTP binding, and how they look inside.
//
// Inside, an event is a map: id, source, type; subject, time (a timestamp), datacontenttype, dataschema where
// given; extension attributes sorted by name (text, bool or int); data last (JSON as itself, other text as
// text, anything else as bytes). The specification's version is not in it: it is always 1.0.
namespace switchyard::events {

/// One header of a message, by views.
using HeaderView = std::pair<std::string_view, std::string_view>;

/// What came in. Either all events, or every mistake, each with the JSON Pointer or header it is about.
struct Incoming {
  std::vector<Document> events;
  std::vector<Error> mistakes;
  bool batch = false;
};

/// Reads a request of the HTTP binding: structured (application/cloudevents+json), batched
/// (application/cloudevents-batch+json), or binary (attributes in `ce-` headers). Codes: "event.<what>".
Incoming read_http(std::string_view content_type, std::span<const HeaderView> headers, std::string_view body);

/// Reads one event in the JSON format, already parsed. What is wrong goes to `mistakes`, with `pointer`
/// before each place; then nothing is returned.
std::optional<Document> read_json(const Value& json, const std::string& pointer,
                                  std::vector<Error>& mistakes);

/// Appends the JSON format.
void append_structured(const Value& event, std::string& out);

/// The binary form: headers, Content-Type among them, and the body.
struct BinaryMessage {
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};
BinaryMessage to_binary(const Value& event);

/// A text attribute; empty when absent or not text.
std::string_view attribute(const Value& event, std::string_view name);

/// What decides where an event is kept and with which others it has an order: the extension `partitionkey`,
/// else the subject, else the source.
std::string_view ordering_key(const Value& event);

/// The extension `hops`: how many agents lie between the event and its first cause. 0 when absent or odd.
uint32_t hops_of(const Value& event);

/// What expressions know of an event whose data is of type `data`.
expression::Type type_of_event(const expression::Type& data);

/// Whether `text` is a CloudEvents attribute name: small letters and digits.
bool is_attribute_name(std::string_view text);

}  // namespace switchyard::events
