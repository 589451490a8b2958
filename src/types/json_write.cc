#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "switchyard/types/json.h"
#include "switchyard/types/time_text.h"

namespace switchyard {
namespace {

/// Between these, people expect plain decimals.
constexpr double kPlainFrom = 1e-7;
constexpr double kPlainBelow = 1e17;

template <typename Integer>
void append_integer(Integer number, std::string& out) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

/// The shortest text that reads back as the same double; always with a fraction or an exponent, so that it
/// reads back as a double and not as an integer.
void append_double(double d, std::string& out) {
  if (std::isnan(d)) return void(out += "\"NaN\"");
  if (std::isinf(d)) return void(out += d > 0 ? "\"Infinity\"" : "\"-Infinity\"");
  char digits[64];
  const double size = std::abs(d);
  const bool plain = d == 0 || (size >= kPlainFrom && size < kPlainBelow);
  const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  const auto end = std::to_chars(digits, digits + sizeof digits, d, format).ptr;
  out.append(digits, end);
  if (plain && std::find(digits, end, '.') == end) out += ".0";
}

void append_base64(std::string_view bytes, std::string& out) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t have = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j) group = group << 8 | (j < have ? static_cast<uint8_t>(bytes[i + j]) : 0);
    for (size_t j = 0; j < 4; ++j) out.push_back(j <= have ? kAlphabet[group >> (18 - 6 * j) & 63] : '=');
  }
}

/// Which bytes of a string need an escape.
struct EscapeTable {
  bool needed[256] = {};
  constexpr EscapeTable() {
    for (int c = 0; c < 0x20; ++c) needed[c] = true;
    needed[static_cast<int>('"')] = needed[static_cast<int>('\\')] = true;
  }
};
constexpr EscapeTable kEscapes;

void append_escape(unsigned char c, std::string& out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out.push_back('\\');
  switch (c) {
    case '"': return out.push_back('"');
    case '\\': return out.push_back('\\');
    case '\b': return out.push_back('b');
    case '\f': return out.push_back('f');
    case '\n': return out.push_back('n');
    case '\r': return out.push_back('r');
    case '\t': return out.push_back('t');
    default: break;
  }
  out += "u00";
  out.push_back(kHex[c >> 4]);
  out.push_back(kHex[c & 15]);
}

std::string key_text(const Value& key) {
  if (key.is(Kind::kString)) return std::string(key.as_string());
  std::string text;
  append_json(key, text);
  return text;
}

class Writer {
 public:
  enum class Style { kCompact, kPretty, kCanonical };
  Writer(Style style, std::string& out) : style_(style), out_(out) {}

  void write(const Value& value, uint32_t level) {
    switch (value.kind()) {
      case Kind::kNull: out_ += "null"; return;
      case Kind::kBool: out_ += value.as_bool() ? "true" : "false"; return;
      case Kind::kInteger: return append_integer(value.as_integer(), out_);
      case Kind::kUnsigned: return append_integer(value.as_unsigned(), out_);
      case Kind::kDouble: return append_double(value.as_double(), out_);
      case Kind::kString: return append_json_string(value.as_string(), out_);
      case Kind::kType: return append_json_string(value.as_type(), out_);
      case Kind::kList: return write_list(value, level);
      case Kind::kMap: return write_map(value, level);
      case Kind::kOptional:
        if (value.optional_value() != nullptr) return write(*value.optional_value(), level);
        out_ += "null";
        return;
      default: break;
    }
    out_.push_back('"');
    if (value.is(Kind::kBytes))
      append_base64(value.as_bytes(), out_);
    else if (value.is(Kind::kTimestamp))
      append_timestamp(value.seconds(), value.nanos(), out_);
    else
      append_duration(value.seconds(), value.nanos(), out_);
    out_.push_back('"');
  }

 private:
  void line(uint32_t level) {
    if (style_ != Style::kPretty) return;
    out_.push_back('\n');
    out_.append(2 * level, ' ');
  }

  void write_list(const Value& list, uint32_t level) {
    out_.push_back('[');
    bool first = true;
    for (const Value& item : list.items()) {
      if (!first) out_.push_back(',');
      first = false;
      line(level + 1);
      write(item, level + 1);
    }
    if (!first) line(level);
    out_.push_back(']');
  }

  void write_member(std::string_view key, const Value& value, bool first, uint32_t level) {
    if (!first) out_.push_back(',');
    line(level + 1);
    append_json_string(key, out_);
    out_.push_back(':');
    if (style_ == Style::kPretty) out_.push_back(' ');
    write(value, level + 1);
  }

  void write_map(const Value& map, uint32_t level) {
    if (style_ == Style::kCanonical) return write_sorted(map, level);
    out_.push_back('{');
    bool first = true;
    for (const Member& member : map.members()) {
      if (member.key.is(Kind::kString))
        write_member(member.key.as_string(), member.value, first, level);
      else
        write_member(key_text(member.key), member.value, first, level);
      first = false;
    }
    if (!first) line(level);
    out_.push_back('}');
  }

  void write_sorted(const Value& map, uint32_t level) {
    std::vector<std::pair<std::string, const Value*>> members;
    members.reserve(map.size());
    for (const Member& member : map.members()) members.emplace_back(key_text(member.key), &member.value);
    std::stable_sort(members.begin(), members.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    out_.push_back('{');
    for (size_t i = 0; i < members.size(); ++i)
      write_member(members[i].first, *members[i].second, i == 0, level);
    out_.push_back('}');
  }

  Style style_;
  std::string& out_;
};

std::string write(const Value& value, Writer::Style style) {
  std::string out;
  Writer(style, out).write(value, 0);
  return out;
}

}  // namespace

void append_json_string(std::string_view text, std::string& out) {
  out.push_back('"');
  size_t run = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (!kEscapes.needed[c]) continue;
    out.append(text, run, i - run);
    append_escape(c, out);
    run = i + 1;
  }
  out.append(text, run, text.size() - run);
  out.push_back('"');
}

void append_json(const Value& value, std::string& out) {
  Writer(Writer::Style::kCompact, out).write(value, 0);
}
std::string to_json(const Value& value) { return write(value, Writer::Style::kCompact); }
std::string to_pretty_json(const Value& value) { return write(value, Writer::Style::kPretty); }
std::string to_canonical_json(const Value& value) { return write(value, Writer::Style::kCanonical); }

}  // namespace switchyard
