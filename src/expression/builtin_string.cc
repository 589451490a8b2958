// Functions of strings. Positions and lengths count code points.
#include <re2/re2.h>

#include <algorithm>
#include <string>

#include "builtin.h"
#include "switchyard/expression/limits.h"
#include "utf8.h"

namespace switchyard::expression {
namespace {

bool strings(const Call& c, size_t count) {
  if (c.count < count) return false;
  for (size_t i = 0; i < count; ++i)
    if (!c.args[i].is(Kind::kString)) return false;
  return true;
}

bool out_of_range(Call& c, const Value& index, size_t size) {
  return c.fail(FaultCode::kBadIndex, "", index, Value::integer(static_cast<int64_t>(size)));
}

bool contains(Call& c) {
  if (!strings(c, 2)) return c.no_overload();
  if (!c.charge_text(c[0].size() + c[1].size())) return false;
  return c.give(Value::boolean(c[0].as_string().find(c[1].as_string()) != std::string_view::npos));
}
bool starts_with(Call& c) {
  if (!strings(c, 2)) return c.no_overload();
  if (!c.charge_text(c[1].size())) return false;
  return c.give(Value::boolean(c[0].as_string().starts_with(c[1].as_string())));
}
bool ends_with(Call& c) {
  if (!strings(c, 2)) return c.no_overload();
  if (!c.charge_text(c[1].size())) return false;
  return c.give(Value::boolean(c[0].as_string().ends_with(c[1].as_string())));
}

bool matches(Call& c) {
  if (!strings(c, 2)) return c.no_overload();
  return matches_pattern(c[0].as_string(), c[1].as_string(), c);
}

bool char_at(Call& c) {
  if (!strings(c, 1) || !c.is(1, Kind::kInteger)) return c.no_overload();
  const auto text = c[0].as_string();
  if (!c.charge_text(text.size())) return false;
  const size_t size = count_runes(text);
  const int64_t index = c[1].as_integer();
  if (index < 0 || static_cast<uint64_t>(index) > size) return out_of_range(c, c[1], size);
  const size_t begin = rune_offset(text, static_cast<size_t>(index));
  size_t end = begin;
  if (end < text.size()) next_rune(text, end);
  return c.give(Value::string(text.substr(begin, end - begin)));
}

/// The byte offset of the code point that argument `i` names; false (and a fault) when it is outside.
bool position(Call& c, size_t i, std::string_view text, size_t& offset) {
  if (!c.is(i, Kind::kInteger)) return c.no_overload();
  const size_t size = count_runes(text);
  const int64_t index = c[i].as_integer();
  if (index < 0 || static_cast<uint64_t>(index) > size) return out_of_range(c, c[i], size);
  offset = rune_offset(text, static_cast<size_t>(index));
  return true;
}

bool give_position(Call& c, std::string_view text, size_t found) {
  if (found == std::string_view::npos) return c.give(Value::integer(-1));
  return c.give(Value::integer(static_cast<int64_t>(count_runes(text.substr(0, found)))));
}

bool index_of(Call& c) {
  if (!strings(c, 2)) return c.no_overload();
  const auto text = c[0].as_string();
  if (!c.charge_text(2 * text.size())) return false;
  size_t from = 0;
  if (c.count > 2 && !position(c, 2, text, from)) return false;
  return give_position(c, text, text.find(c[1].as_string(), from));
}

bool last_index_of(Call& c) {
  if (!strings(c, 2)) return c.no_overload();
  const auto text = c[0].as_string();
  if (!c.charge_text(2 * text.size())) return false;
  size_t from = text.size();
  if (c.count > 2 && !position(c, 2, text, from)) return false;
  return give_position(c, text, text.rfind(c[1].as_string(), from));
}

bool substring(Call& c) {
  if (!strings(c, 1)) return c.no_overload();
  const auto text = c[0].as_string();
  if (!c.charge_text(text.size())) return false;
  size_t begin = 0;
  size_t end = text.size();
  if (!position(c, 1, text, begin)) return false;
  if (c.count > 2 && !position(c, 2, text, end)) return false;
  if (begin > end)
    return c.fail(FaultCode::kBadArgument, "the end of a substring comes before its start", c[1], c[2]);
  return c.give(Value::string(text.substr(begin, end - begin)));
}

template <char first, char last, int shift>
bool shift_ascii(Call& c) {
  if (!strings(c, 1)) return c.no_overload();
  std::string out(c[0].as_string());
  for (char& ch : out)
    if (ch >= first && ch <= last) ch = static_cast<char>(ch + shift);
  return c.give_text(out);
}

/// How many times at most a replace or split acts; a negative count means always.
bool count_argument(Call& c, size_t i, uint64_t& count) {
  count = UINT64_MAX;
  if (c.count <= i) return true;
  if (!c.is(i, Kind::kInteger)) return c.no_overload();
  if (c[i].as_integer() >= 0) count = static_cast<uint64_t>(c[i].as_integer());
  return true;
}

/// The end of the piece that begins at `at`: before the next separator; after one code point when that is
/// empty.
size_t next_cut(std::string_view text, std::string_view separator, size_t at) {
  if (!separator.empty()) return text.find(separator, at);
  if (at >= text.size()) return std::string_view::npos;
  next_rune(text, at);
  return at >= text.size() ? std::string_view::npos : at;
}

bool replace(Call& c) {
  uint64_t count;
  if (!strings(c, 3)) return c.no_overload();
  if (!count_argument(c, 3, count)) return false;
  const auto text = c[0].as_string();
  const auto from = c[1].as_string();
  const auto to = c[2].as_string();
  std::string out;
  size_t at = 0;
  // An empty pattern is found before each code point and at the end.
  if (from.empty() && count > 0) {
    out += to;
    --count;
  }
  while (count > 0) {
    const size_t found = next_cut(text, from, at);
    if (found == std::string_view::npos) break;
    out.append(text.substr(at, found - at)).append(to);
    at = found + from.size();
    --count;
    if (out.size() > kMaxBuiltBytes) return c.fail(FaultCode::kTooLarge, "a text of more than 1 MiB");
    if (!c.charge(1 + to.size() / 16)) return false;
  }
  out.append(text.substr(at));
  if (from.empty() && count > 0 && !text.empty()) out += to;
  return c.give_text(out);
}

bool split(Call& c) {
  uint64_t count;
  if (!strings(c, 2)) return c.no_overload();
  if (!count_argument(c, 2, count)) return false;
  const auto text = c[0].as_string();
  const auto separator = c[1].as_string();
  if (!c.charge_text(text.size())) return false;
  ListBuilder out(c.arena);
  size_t at = 0;
  if (count == 0 || (text.empty() && separator.empty())) return c.give(out.build());
  for (; count > 1; --count) {
    const size_t found = next_cut(text, separator, at);
    if (found == std::string_view::npos) break;
    if (!c.charge(1)) return false;
    out.add(Value::string(text.substr(at, found - at)));
    at = found + separator.size();
  }
  out.add(Value::string(text.substr(at)));
  return c.give(out.build());
}

bool is_blank(uint32_t rune) {
  return (rune >= 9 && rune <= 13) || rune == ' ' || rune == 0x85 || rune == 0xA0 || rune == 0x1680 ||
         (rune >= 0x2000 && rune <= 0x200A) || rune == 0x2028 || rune == 0x2029 || rune == 0x202F ||
         rune == 0x205F || rune == 0x3000;
}

bool trim(Call& c) {
  if (!strings(c, 1)) return c.no_overload();
  const auto text = c[0].as_string();
  if (!c.charge_text(text.size())) return false;
  size_t begin = text.size();
  size_t end = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    if (is_blank(next_rune(text, at))) continue;
    begin = std::min(begin, start);
    end = at;
  }
  return c.give(Value::string(begin < end ? text.substr(begin, end - begin) : std::string_view()));
}

bool reverse(Call& c) {
  if (!strings(c, 1)) return c.no_overload();
  const auto text = c[0].as_string();
  std::string out(text.size(), '\0');
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    next_rune(text, at);
    std::copy(text.begin() + static_cast<ptrdiff_t>(start), text.begin() + static_cast<ptrdiff_t>(at),
              out.end() - static_cast<ptrdiff_t>(at));
  }
  return c.give_text(out);
}

bool join(Call& c) {
  if (!c.is(0, Kind::kList) || (c.count > 1 && !c.is(1, Kind::kString))) return c.no_overload();
  const auto separator = c.count > 1 ? c[1].as_string() : std::string_view();
  std::string out;
  bool first = true;
  for (const Value& item : c[0].items()) {
    if (!item.is(Kind::kString)) return c.fail(FaultCode::kNoOverload, "it joins strings only", item);
    if (!first) out += separator;
    first = false;
    out += item.as_string();
    if (out.size() > kMaxBuiltBytes) return c.fail(FaultCode::kTooLarge, "a text of more than 1 MiB");
    if (!c.charge(1)) return false;
  }
  return c.give_text(out);
}

bool quote(Call& c) {
  if (!strings(c, 1)) return c.no_overload();
  static constexpr std::string_view kFrom = "\a\b\f\n\r\t\v\\\"";
  static constexpr std::string_view kTo = "abfnrtv\\\"";
  std::string out = "\"";
  for (const char ch : c[0].as_string()) {
    const size_t i = kFrom.find(ch);
    if (i != std::string_view::npos) out += '\\';
    out += i != std::string_view::npos ? kTo[i] : ch;
  }
  out += '"';
  return c.give_text(out);
}

}  // namespace

bool matches_pattern(std::string_view text, std::string_view pattern, Call& call) {
  if (pattern.size() > kMaxPatternBytes)
    return call.fail(FaultCode::kTooLarge, "a regular expression of more than 4096 bytes");
  // Building an automaton costs far more per byte than running it.
  if (!call.charge(100 + 4 * pattern.size()) || !call.charge_text(text.size())) return false;
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaxPatternMemoryBytes);
  const re2::RE2 regex(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (!regex.ok())
    return call.fail(FaultCode::kBadArgument, "it is not a regular expression (RE2)", Value::string(pattern));
  return call.give(Value::boolean(re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), regex)));
}

std::span<const BuiltinSpec> string_builtins() {
  static const BuiltinSpec kSpecs[] = {
      {"contains", true, contains, {"string, string -> bool"}},
      {"startsWith", true, starts_with, {"string, string -> bool"}},
      {"endsWith", true, ends_with, {"string, string -> bool"}},
      {"matches", true, matches, {"string, string -> bool"}},
      {"matches", false, matches, {"string, string -> bool"}},
      {"charAt", true, char_at, {"string, int -> string"}},
      {"indexOf", true, index_of, {"string, string -> int", "string, string, int -> int"}},
      {"lastIndexOf", true, last_index_of, {"string, string -> int", "string, string, int -> int"}},
      {"substring", true, substring, {"string, int -> string", "string, int, int -> string"}},
      {"lowerAscii", true, shift_ascii<'A', 'Z', 32>, {"string -> string"}},
      {"upperAscii", true, shift_ascii<'a', 'z', -32>, {"string -> string"}},
      {"replace",
       true,
       replace,
       {"string, string, string -> string", "string, string, string, int -> string"}},
      {"split", true, split, {"string, string -> list(string)", "string, string, int -> list(string)"}},
      {"trim", true, trim, {"string -> string"}},
      {"reverse", true, reverse, {"string -> string"}},
      {"join", true, join, {"list(string) -> string", "list(string), string -> string"}},
      {"strings.quote", false, quote, {"string -> string"}},
  };
  return kSpecs;
}

}  // namespace switchyard::expression
