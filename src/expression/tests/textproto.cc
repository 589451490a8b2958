#include "textproto.h"

#include <algorithm>
#include <stdexcept>

#include "switchyard/types/utf8.h"

namespace switchyard::expression::testing {

const TextMessage::Field* TextMessage::find(std::string_view name) const {
  for (const auto& field : fields)
    if (field.name == name) return &field;
  return nullptr;
}

std::vector<const TextMessage::Field*> TextMessage::all(std::string_view name) const {
  std::vector<const Field*> out;
  for (const auto& field : fields)
    if (field.name == name) out.push_back(&field);
  return out;
}

std::string TextMessage::text(std::string_view name, std::string_view fallback) const {
  const Field* field = find(name);
  return field == nullptr ? std::string(fallback) : field->scalar;
}

const TextMessage* TextMessage::message(std::string_view name) const {
  const Field* field = find(name);
  return field == nullptr || !field->is_message ? nullptr : &field->value;
}

namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  TextMessage message(char closing) {
    TextMessage out;
    for (;;) {
      skip();
      if (at_ == text_.size()) {
        if (closing != '\0') fail("a message is not closed");
        return out;
      }
      if (text_[at_] == closing) {
        ++at_;
        return out;
      }
      field(out);
    }
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    const auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<ptrdiff_t>(at_), '\n');
    throw std::runtime_error("line " + std::to_string(line) + ": " + what);
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',' || c == ';') {
        ++at_;
      } else {
        return;
      }
    }
  }

  std::string word() {
    const size_t start = at_;
    while (at_ < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_' ||
            text_[at_] == '.' || text_[at_] == '-' || text_[at_] == '+'))
      ++at_;
    if (at_ == start) fail("expected a name or a number");
    return std::string(text_.substr(start, at_ - start));
  }

  void field(TextMessage& out) {
    TextMessage::Field made;
    if (peek() == '[') {
      const size_t end = text_.find(']', at_);
      if (end == std::string_view::npos) fail("'[' is not closed");
      made.name = std::string(text_.substr(at_, end - at_ + 1));
      at_ = end + 1;
    } else {
      made.name = word();
    }
    skip();
    if (peek() == ':') ++at_;
    skip();
    if (peek() == '[') {
      ++at_;
      for (skip(); peek() != ']'; skip()) out.fields.push_back(value(made));
      ++at_;
      return;
    }
    out.fields.push_back(value(made));
  }

  TextMessage::Field value(TextMessage::Field made) {
    if (peek() == '{' || peek() == '<') {
      const char closing = peek() == '{' ? '}' : '>';
      ++at_;
      made.is_message = true;
      made.value = message(closing);
    } else if (peek() == '"' || peek() == '\'') {
      // Strings side by side are one.
      for (; peek() == '"' || peek() == '\''; skip()) string(made.scalar);
    } else {
      made.scalar = word();
    }
    return made;
  }

  void string(std::string& out) {
    const char quote = text_[at_++];
    while (peek() != quote) {
      if (at_ >= text_.size() || peek() == '\n') fail("a string is not closed");
      if (peek() != '\\') {
        out += text_[at_++];
        continue;
      }
      ++at_;
      escape(out);
    }
    ++at_;
  }

  void escape(std::string& out) {
    const char c = text_[at_++];
    static constexpr std::string_view kFrom = "abfnrtv\\'\"?";
    static constexpr std::string_view kTo = "\a\b\f\n\r\t\v\\'\"?";
    if (const size_t i = kFrom.find(c); i != std::string_view::npos) {
      out += kTo[i];
    } else if (c >= '0' && c <= '7') {
      --at_;
      out += static_cast<char>(digits(3, 8));
    } else if (c == 'x' || c == 'X') {
      out += static_cast<char>(digits(2, 16));
    } else if (c == 'u' || c == 'U') {
      append_utf8(digits(c == 'u' ? 4 : 8, 16), out);
    } else {
      fail("an unknown escape");
    }
  }

  uint32_t digits(int most, int base) {
    uint32_t value = 0;
    for (int i = 0; i < most; ++i) {
      const char c = peek();
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : 99;
      if (digit >= base) break;
      value = value * static_cast<uint32_t>(base) + static_cast<uint32_t>(digit);
      ++at_;
    }
    return value;
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

TextMessage parse_textproto(std::string_view text) { return Reader(text).message('\0'); }

}  // namespace switchyard::expression::testing
