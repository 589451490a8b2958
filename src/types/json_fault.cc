#include "json_fault.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <set>

#include "switchyard/types/json.h"
#include "switchyard/types/utf8.h"

namespace switchyard {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Scanner {
 public:
  Scanner(std::string_view text, uint32_t max_depth) : text_(text), max_depth_(max_depth) {}

  JsonFault run() {
    blanks();
    if (at_end()) {
      fail("json.empty", "the text is empty, expected a JSON value");
    } else if (value(0)) {
      blanks();
      if (!at_end()) fail("json.syntax", "expected the end after the value, got " + here());
    }
    return std::move(fault_);
  }

 private:
  bool at_end() const { return at_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  bool take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void blanks() {
    while (!at_end() && (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')) ++at_;
  }

  std::string here() const {
    if (at_end()) return "the end of the text";
    const auto c = static_cast<unsigned char>(text_[at_]);
    if (c > 0x20 && c < 0x7f) return std::string("'") + text_[at_] + "'";
    static constexpr char kHex[] = "0123456789abcdef";
    return std::string("byte 0x") + kHex[c >> 4] + kHex[c & 15];
  }

  bool fail(std::string code, std::string message) {
    return fail_at(at_, std::move(code), std::move(message));
  }
  bool fail_at(size_t offset, std::string code, std::string message) {
    fault_ = {offset, std::move(code), std::move(message), pointer_};
    return false;
  }

  bool value(uint32_t depth) {
    switch (peek()) {
      case '{': return object(depth + 1);
      case '[': return list(depth + 1);
      case '"': return string(nullptr);
      case 't': return word("true");
      case 'f': return word("false");
      case 'n': return word("null");
      default: break;
    }
    if (peek() == '-' || is_digit(peek())) return number();
    return fail("json.syntax", "expected a value, got " + here());
  }

  bool too_deep() {
    return fail("json.too_deep", "nested deeper than the limit of " + std::to_string(max_depth_) +
                                     " levels; flatten the document");
  }

  bool object(uint32_t depth) {
    if (depth > max_depth_) return too_deep();
    ++at_;
    blanks();
    if (take('}')) return true;
    std::set<std::string> keys;
    const size_t pointer_size = pointer_.size();
    for (;;) {
      const size_t key_at = at_;
      std::string key;
      if (peek() != '"') return fail("json.syntax", "expected a key in quotes, got " + here());
      if (!string(&key)) return false;
      append_pointer_token(key, pointer_);
      if (!keys.insert(key).second) {
        return fail_at(key_at, "json.duplicate_key",
                       "the key \"" + key + "\" comes twice in one object; remove one");
      }
      blanks();
      if (!take(':')) return fail("json.syntax", "expected ':' after the key, got " + here());
      blanks();
      if (!value(depth)) return false;
      pointer_.resize(pointer_size);
      blanks();
      if (take('}')) return true;
      if (!take(',')) return fail("json.syntax", "expected ',' or '}' in the object, got " + here());
      blanks();
    }
  }

  bool list(uint32_t depth) {
    if (depth > max_depth_) return too_deep();
    ++at_;
    blanks();
    if (take(']')) return true;
    const size_t pointer_size = pointer_.size();
    for (size_t index = 0;; ++index) {
      append_pointer_token(std::to_string(index), pointer_);
      if (!value(depth)) return false;
      pointer_.resize(pointer_size);
      blanks();
      if (take(']')) return true;
      if (!take(',')) return fail("json.syntax", "expected ',' or ']' in the list, got " + here());
      blanks();
    }
  }

  bool word(std::string_view wanted) {
    if (text_.substr(at_, wanted.size()) != wanted)
      return fail("json.syntax", "expected a value, got " + here());
    at_ += wanted.size();
    return true;
  }

  bool digits() {
    if (!is_digit(peek())) return false;
    while (is_digit(peek())) ++at_;
    return true;
  }

  bool number() {
    const size_t begin = at_;
    bool integral = true;
    take('-');
    const bool leading_zero = peek() == '0';
    const size_t first_digit = at_;
    bool shaped = digits() && !(leading_zero && at_ - first_digit > 1);
    if (shaped && take('.')) {
      integral = false;
      shaped = digits();
    }
    if (shaped && (take('e') || take('E'))) {
      integral = false;
      if (!take('+')) take('-');
      shaped = digits();
    }
    const std::string_view text = text_.substr(begin, at_ - begin);
    const std::string shown(text.substr(0, 40));
    if (!shaped) return fail_at(begin, "json.bad_number", "'" + shown + "' is not a JSON number");
    if (in_range(text, integral)) return true;
    return fail_at(begin, "json.number_out_of_range",
                   "the number " + shown + " does not fit; integers have 64 bits, others are doubles");
  }

  static bool in_range(std::string_view text, bool integral) {
    const char* end = text.data() + text.size();
    if (!integral) {
      double d = 0;
      const auto read = std::from_chars(text.data(), end, d);
      if (read.ec == std::errc()) return true;
      // Too small is zero; too large is an error. from_chars tells them not apart, strtod does.
      return std::isfinite(std::strtod(std::string(text).c_str(), nullptr));
    }
    int64_t i = 0;
    uint64_t u = 0;
    return std::from_chars(text.data(), end, i).ec == std::errc() ||
           std::from_chars(text.data(), end, u).ec == std::errc();
  }

  bool hex4(uint32_t& unit) {
    unit = 0;
    if (text_.size() - at_ < 4) return false;
    const auto read = std::from_chars(text_.data() + at_, text_.data() + at_ + 4, unit, 16);
    if (read.ptr != text_.data() + at_ + 4 || text_[at_] == '-') return false;
    at_ += 4;
    return true;
  }

  bool escape(std::string* out) {
    const size_t begin = at_ - 1;
    const char c = peek();
    static constexpr std::string_view kFrom = "\"\\/bfnrt";
    static constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
    if (!at_end() && kFrom.find(c) != std::string_view::npos) {
      ++at_;
      if (out != nullptr) out->push_back(kTo[kFrom.find(c)]);
      return true;
    }
    uint32_t unit = 0;
    if (!take('u') || !hex4(unit)) return fail_at(begin, "json.bad_string", "an unknown escape in a string");
    if (unit >= 0xd800 && unit <= 0xdbff) {
      uint32_t low = 0;
      if (!take('\\') || !take('u') || !hex4(low) || low < 0xdc00 || low > 0xdfff)
        return lone_surrogate(begin);
      unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    } else if (unit >= 0xdc00 && unit <= 0xdfff) {
      return lone_surrogate(begin);
    }
    if (out != nullptr) append_utf8(unit, *out);
    return true;
  }

  bool lone_surrogate(size_t begin) {
    return fail_at(begin, "json.bad_string", "half of a surrogate pair without the other half in a string");
  }

  bool string(std::string* out) {
    const size_t begin = at_++;
    for (;;) {
      const size_t run = at_;
      while (!at_end() && peek() != '"' && peek() != '\\' && static_cast<unsigned char>(peek()) >= 0x20)
        ++at_;
      const std::string_view plain = text_.substr(run, at_ - run);
      if (!is_valid_utf8(plain)) return fail_at(begin, "json.bad_utf8", "a string is not valid UTF-8");
      if (out != nullptr) out->append(plain);
      if (at_end()) return fail_at(begin, "json.bad_string", "a string has no closing quote");
      if (take('"')) return true;
      if (!take('\\'))
        return fail("json.bad_string", "a control character in a string must be escaped, got " + here());
      if (!escape(out)) return false;
    }
  }

  std::string_view text_;
  uint32_t max_depth_;
  size_t at_ = 0;
  std::string pointer_;
  JsonFault fault_;
};

}  // namespace

JsonFault find_json_fault(std::string_view text, uint32_t max_depth) {
  return Scanner(text, max_depth).run();
}

std::string describe_offset(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t line_begin = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return "line " + std::to_string(line) + ", column " + std::to_string(offset - line_begin + 1);
}

void append_pointer_token(std::string_view token, std::string& pointer) {
  pointer.push_back('/');
  for (const char c : token) {
    if (c == '~')
      pointer += "~0";
    else if (c == '/')
      pointer += "~1";
    else
      pointer.push_back(c);
  }
}

}  // namespace switchyard
