// string.format(list): %s %d %f %e %b %o %x %X and %%.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "builtin.h"
#include "switchyard/expression/limits.h"

namespace switchyard::expression {
namespace {

class Formatter {
 public:
  explicit Formatter(Call& call) : c_(call), items_(call[1].items()) {}

  bool run() {
    const auto text = c_[0].as_string();
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '%') {
        out_ += text[i];
      } else if (i + 1 < text.size() && text[i + 1] == '%') {
        out_ += '%';
        ++i;
      } else if (!clause(text, i)) {
        return false;
      }
      if (out_.size() > kMaxBuiltBytes) return c_.fail(FaultCode::kTooLarge, "a text of more than 1 MiB");
    }
    return c_.give_text(out_);
  }

 private:
  bool clause(std::string_view text, size_t& i) {
    int precision = 6;
    ++i;
    if (i < text.size() && text[i] == '.') {
      const auto [end, error] = std::from_chars(text.data() + i + 1, text.data() + text.size(), precision);
      if (error != std::errc() || precision < 0 || precision > kMaxFormatPrecision)
        return c_.fail(FaultCode::kBadArgument, "a precision is a number from 0 to 100, as in %.3f", c_[0]);
      i = static_cast<size_t>(end - text.data());
    }
    const char kind = i < text.size() ? text[i] : '\0';
    if (kind == '\0' || std::string_view("sdfeboxX").find(kind) == std::string_view::npos)
      return c_.fail(FaultCode::kBadArgument, "after % comes one of s d f e b o x X, or a second %", c_[0]);
    if (next_ >= items_.size())
      return c_.fail(FaultCode::kBadIndex, "", Value::integer(static_cast<int64_t>(next_)),
                     Value::integer(static_cast<int64_t>(items_.size())));
    if (!c_.charge(1)) return false;
    const Value& item = items_[next_++];
    switch (kind) {
      case 's': return text_of(item, 0);
      case 'd': return decimal(item);
      case 'f':
      case 'e': return real(item, kind, precision);
      case 'b':
        return item.is(Kind::kBool) ? (out_ += item.as_bool() ? '1' : '0', true) : integer(item, 2, false);
      case 'o': return integer(item, 8, false);
      default: return hexadecimal(item, kind == 'X');
    }
  }

  bool refuse(const char* what, const Value& item) { return c_.fail(FaultCode::kBadArgument, what, item); }

  bool text_of(const Value& item, uint32_t depth) {
    if (depth > kMaxResultDepth || out_.size() > kMaxBuiltBytes)
      return c_.fail(FaultCode::kTooLarge, "a text of more than 1 MiB or deeper than 64 levels");
    if (!c_.charge(1)) return false;
    if (item.is(Kind::kList)) {
      out_ += '[';
      for (size_t i = 0; i < item.size(); ++i) {
        if (i > 0) out_ += ", ";
        if (!text_of(item.items()[i], depth + 1)) return false;
      }
      out_ += ']';
      return true;
    }
    if (item.is(Kind::kMap)) return map(item, depth);
    if (!append_text(item, out_)) return refuse("%s takes anything but optionals", item);
    return true;
  }

  /// Entries in the order of their keys' text, so that the order of insertion does not show.
  bool map(const Value& item, uint32_t depth) {
    std::vector<std::pair<std::string, const Value*>> entries;
    for (const auto& member : item.members()) {
      std::string key;
      append_text(member.key, key);
      entries.emplace_back(std::move(key), &member.value);
    }
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    out_ += '{';
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) out_ += ", ";
      out_ += entries[i].first + ": ";
      if (!text_of(*entries[i].second, depth + 1)) return false;
    }
    out_ += '}';
    return true;
  }

  bool decimal(const Value& item) {
    if (!item.is_number()) return refuse("%d takes numbers", item);
    if (item.is(Kind::kDouble) && std::isfinite(item.as_double()) &&
        item.as_double() != std::trunc(item.as_double()))
      return refuse("%d takes whole numbers; use %f", item);
    return append_text(item, out_);
  }

  bool real(const Value& item, char kind, int precision) {
    if (!item.is_number()) return refuse(kind == 'f' ? "%f takes numbers" : "%e takes numbers", item);
    const double d = item.to_double();
    if (!std::isfinite(d)) return append_text(Value::real(d), out_);
    char buffer[512];
    const auto [end, error] =
        std::to_chars(buffer, buffer + sizeof buffer, d,
                      kind == 'f' ? std::chars_format::fixed : std::chars_format::scientific, precision);
    out_.append(buffer, end);
    return true;
  }

  bool integer(const Value& item, int base, bool upper) {
    char buffer[80];
    char* end = nullptr;
    if (item.is(Kind::kInteger))
      end = std::to_chars(buffer, buffer + sizeof buffer, item.as_integer(), base).ptr;
    else if (item.is(Kind::kUnsigned))
      end = std::to_chars(buffer, buffer + sizeof buffer, item.as_unsigned(), base).ptr;
    else
      return refuse(base == 2 ? "%b takes ints, uints and bools" : "%o takes ints and uints", item);
    for (char* p = buffer; p != end; ++p) out_ += upper && *p >= 'a' ? static_cast<char>(*p - 32) : *p;
    return true;
  }

  bool hexadecimal(const Value& item, bool upper) {
    if (item.is(Kind::kInteger) || item.is(Kind::kUnsigned)) return integer(item, 16, upper);
    if (!item.is(Kind::kString) && !item.is(Kind::kBytes))
      return refuse("%x takes ints, uints, strings and bytes", item);
    const auto bytes = item.is(Kind::kString) ? item.as_string() : item.as_bytes();
    const char* digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    for (const char ch : bytes) {
      out_ += digits[static_cast<uint8_t>(ch) >> 4];
      out_ += digits[static_cast<uint8_t>(ch) & 15];
    }
    return true;
  }

  Call& c_;
  std::span<const Value> items_;
  size_t next_ = 0;
  std::string out_;
};

bool format(Call& c) {
  if (!c.is(0, Kind::kString) || !c.is(1, Kind::kList)) return c.no_overload();
  return Formatter(c).run();
}

}  // namespace

std::span<const BuiltinSpec> format_builtins() {
  static const BuiltinSpec kSpecs[] = {{"format", true, format, {"string, list(A) -> string"}}};
  return kSpecs;
}

}  // namespace switchyard::expression
