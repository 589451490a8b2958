#include <simdjson.h>

#include <memory>

#include "json_fault.h"
#include "switchyard/types/json.h"
#include "switchyard/types/utf8.h"

namespace switchyard {
namespace {

namespace dom = simdjson::dom;

/// A thread keeps the buffers of its largest document up to this size; larger ones are given back after use.
constexpr size_t kKeptBytes = 1u << 20;

/// The parser and its padded input. simdjson reads up to SIMDJSON_PADDING bytes past the text, so the text is
/// copied.
class ThreadParser {
 public:
  /// The element lives until the next call on this thread.
  simdjson::error_code parse(std::string_view text, uint32_t max_depth, dom::element& out) {
    const size_t padded = text.size() + simdjson::SIMDJSON_PADDING;
    if (padded > capacity_) {
      capacity_ = std::max<size_t>(padded, 4096);
      input_ = std::make_unique<char[]>(capacity_);
    }
    std::memcpy(input_.get(), text.data(), text.size());
    std::memset(input_.get() + text.size(), ' ', simdjson::SIMDJSON_PADDING);
    // The parser refuses nesting equal to its limit.
    if (parser_.max_depth() != max_depth + 1) {
      const auto error = parser_.allocate(std::max(parser_.capacity(), padded), max_depth + 1);
      if (error) return error;
    }
    return parser_.parse(input_.get(), text.size(), false).get(out);
  }

  void give_back() {
    if (capacity_ <= kKeptBytes) return;
    parser_ = dom::parser();
    input_.reset();
    capacity_ = 0;
  }

 private:
  dom::parser parser_;
  std::unique_ptr<char[]> input_;
  size_t capacity_ = 0;
};

ThreadParser& thread_parser() {
  thread_local ThreadParser parser;
  return parser;
}

/// Copies the parsed tree into an arena. What the parser does not check is checked here: repeated keys,
/// halves of surrogate pairs (only possible where the text has escapes), and the depth of empty containers.
class Converter {
 public:
  Converter(Arena& arena, uint32_t max_depth, bool has_escapes)
      : arena_(arena), max_depth_(max_depth), has_escapes_(has_escapes) {}

  /// Null and failed() when refused.
  Value convert(const dom::element& element, uint32_t depth) {
    switch (element.type()) {
      case dom::element_type::ARRAY: return list(element.get_array().value_unsafe(), depth + 1);
      case dom::element_type::OBJECT: return object(element.get_object().value_unsafe(), depth + 1);
      case dom::element_type::INT64: return Value::integer(element.get_int64().value_unsafe());
      case dom::element_type::UINT64: return Value::unsigned_integer(element.get_uint64().value_unsafe());
      case dom::element_type::DOUBLE: return Value::real(element.get_double().value_unsafe());
      case dom::element_type::STRING: return Value::string(text(element.get_string().value_unsafe()));
      case dom::element_type::BOOL: return Value::boolean(element.get_bool().value_unsafe());
      case dom::element_type::NULL_VALUE: return {};
    }
    return {};
  }
  bool failed() const { return failed_; }

 private:
  std::string_view text(std::string_view from) {
    if (has_escapes_ && !is_valid_utf8(from)) failed_ = true;
    return arena_.copy(from);
  }

  Value list(const dom::array& from, uint32_t depth) {
    if (depth > max_depth_) failed_ = true;
    ListBuilder items(arena_, static_cast<uint32_t>(from.size()));
    for (const dom::element item : from) {
      if (failed_) return {};
      items.add(convert(item, depth));
    }
    return items.build();
  }

  Value object(const dom::object& from, uint32_t depth) {
    if (depth > max_depth_) failed_ = true;
    MapBuilder members(arena_, static_cast<uint32_t>(from.size()));
    for (const dom::key_value_pair member : from) {
      if (failed_) return {};
      const std::string_view key = text(member.key);
      members.add(key, convert(member.value, depth));
    }
    Value repeated;
    const Value map = members.build(&repeated);
    if (!map.is(Kind::kMap)) failed_ = true;
    return map;
  }

  Arena& arena_;
  uint32_t max_depth_;
  bool has_escapes_;
  bool failed_ = false;
};

/// Looks again at a refused text, for where and why.
Error explain(std::string_view text, uint32_t max_depth) {
  JsonFault fault = find_json_fault(text, max_depth);
  if (fault.code.empty()) {
    return make_error(ErrorKind::kInvalidArgument, "json.syntax", "the text is not valid JSON");
  }
  std::string message = "JSON " + describe_offset(text, fault.offset) + ": " + fault.message;
  return make_error(ErrorKind::kInvalidArgument, std::move(fault.code), std::move(message),
                    std::move(fault.pointer));
}

}  // namespace

Result<Value> parse_json(std::string_view text, Arena& arena, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return make_error(ErrorKind::kTooLarge, "json.too_large",
                      "the JSON text has " + std::to_string(text.size()) + " bytes, over the limit of " +
                          std::to_string(limits.max_bytes));
  }
  ThreadParser& parser = thread_parser();
  dom::element root;
  const auto error = parser.parse(text, limits.max_depth, root);
  if (error == simdjson::MEMALLOC || error == simdjson::CAPACITY) {
    parser.give_back();
    return make_error(ErrorKind::kUnavailable, "json.no_memory", "no memory to parse the JSON text");
  }
  Value value;
  bool refused = error != simdjson::SUCCESS;
  if (!refused) {
    const bool has_escapes = text.find('\\') != std::string_view::npos;
    Converter converter(arena, limits.max_depth, has_escapes);
    value = converter.convert(root, 0);
    refused = converter.failed();
  }
  parser.give_back();
  if (refused) return explain(text, limits.max_depth);
  return value;
}

Result<Document> parse_json_document(std::string_view text, const JsonLimits& limits) {
  // Values take about as much room as their text, in one block for most documents.
  const auto arena = std::make_shared<Arena>(std::clamp<size_t>(text.size() * 3, 256, 64 * 1024));
  SY_ASSIGN_OR_RETURN(const Value root, parse_json(text, *arena, limits));
  return Document(arena, root);
}

}  // namespace switchyard
