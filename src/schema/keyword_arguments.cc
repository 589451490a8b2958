// Reading the arguments of keywords: each function reports an argument of the wrong kind and gives nothing.
#include <algorithm>

#include "compiler.h"
#include "switchyard/schema/limits.h"
#include "wording.h"

namespace switchyard::schema {

bool Compiler::count(const Value& value, const std::string& pointer, uint64_t& out) {
  if (value.is_number() && equal(value, Value::integer(0))) return out = 0, true;
  if ((types_of(value) & kIntegerBit) != 0 && value.to_double() > 0) {
    out = static_cast<uint64_t>(value.is(Kind::kInteger) ? value.as_integer()
                                                         : static_cast<int64_t>(value.to_double()));
    return true;
  }
  error("schema.bad_argument", pointer,
        std::string(keyword_) + " must be a whole number from 0, got " + shown(value),
        "write a number such as 1");
  return false;
}

bool Compiler::number(const Value& value, const std::string& pointer, Value& out) {
  if (value.is_number() && value.to_double() == value.to_double()) return out = value, true;
  error("schema.bad_argument", pointer, std::string(keyword_) + " must be a number, got " + shown(value),
        "write a number without quotes");
  return false;
}

bool Compiler::text(const Value& value, const std::string& pointer, std::string& out) {
  if (value.is(Kind::kString)) return out = value.as_string(), true;
  error("schema.bad_argument", pointer, std::string(keyword_) + " must be a text, got " + shown(value),
        "write a text in quotes");
  return false;
}

bool Compiler::names(const Value& value, const std::string& pointer, std::vector<std::string_view>& out) {
  const auto is_text = [](const Value& item) { return item.is(Kind::kString); };
  if (!value.is(Kind::kList) || !std::all_of(value.items().begin(), value.items().end(), is_text)) {
    error("schema.bad_argument", pointer,
          std::string(keyword_) + " must be a list of names, got " + shown(value),
          "write a list such as [\"amount\"]");
    return false;
  }
  if (value.size() > kMaxProperties) {
    error("schema.too_large", pointer,
          std::string(keyword_) + " has over " + std::to_string(kMaxProperties) + " names",
          "group the properties into objects");
    return false;
  }
  for (const Value& item : value.items()) {
    if (std::find(out.begin(), out.end(), item.as_string()) == out.end()) out.push_back(item.as_string());
  }
  return true;
}

bool Compiler::pattern(std::string_view source, const std::string& pointer, Pattern& out) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaxPatternBytes);
  out.text = source;
  out.regex = std::make_unique<re2::RE2>(re2::StringPiece(source.data(), source.size()), options);
  if (out.regex->ok()) return true;
  error("schema.bad_pattern", pointer,
        "the pattern \"" + std::string(source.substr(0, 80)) + "\" cannot be read: " + out.regex->error(),
        "patterns are RE2's: no look-around and no back-references");
  return false;
}

std::vector<NodeIndex> Compiler::schemas(const Value& value, const std::string& pointer) {
  std::vector<NodeIndex> nodes;
  if (!value.is(Kind::kList) || value.size() == 0) {
    error("schema.bad_argument", pointer,
          std::string(keyword_) + " must be a list of at least one schema, got " + shown(value),
          "write a list");
    return nodes;
  }
  for (size_t i = 0; i < value.size(); ++i) {
    nodes.push_back(compile(value.items()[i], child_pointer(pointer, std::to_string(i)), depth_ + 1));
  }
  return nodes;
}

}  // namespace switchyard::schema
