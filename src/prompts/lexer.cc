#include "lexer.h"

#include <algorithm>

namespace switchyard::prompts {

size_t skip_literal(std::string_view text, size_t at, size_t end) {
  const char quote = text[at];
  // r'...' has no escapes.
  const bool raw =
      at > 0 && (text[at - 1] == 'r' || text[at - 1] == 'R') && (at < 2 || !is_word(text[at - 2]));
  const std::string_view three = text.substr(at, 3);
  const bool is_long = three.size() == 3 && three[1] == quote && three[2] == quote;
  size_t i = at + (is_long ? 3 : 1);
  while (i < end) {
    if (text[i] == '\\' && !raw) {
      i += 2;
    } else if (is_long ? text.substr(i, 3) == three : text[i] == quote) {
      return std::min(end, i + (is_long ? 3 : 1));
    } else {
      ++i;
    }
  }
  return end;
}

namespace {

class Lexer {
 public:
  Lexer(std::string_view text, Mistakes& mistakes) : text_(text), mistakes_(mistakes) {}

  std::vector<Token> run() {
    while (at_ < text_.size() && !broken_) {
      const size_t open = next_bracket(at_);
      add_text(open);
      if (open == text_.size()) break;
      switch (text_[open + 1]) {
        case '#': comment(open); break;
        case '{': bracket(open, Token::Kind::kValue, "}}"); break;
        default: bracket(open, Token::Kind::kTag, "%}"); break;
      }
    }
    // As Jinja has it: the line break at the end of a file is the file's, not the text's.
    if (!tokens_.empty() && tokens_.back().kind == Token::Kind::kText && !last_raw_ &&
        tokens_.back().text.ends_with('\n'))
      tokens_.back().text.pop_back();
    return std::move(tokens_);
  }

 private:
  size_t next_bracket(size_t from) const {
    for (size_t i = from; i + 1 < text_.size(); ++i) {
      if (text_[i] == '{' && (text_[i + 1] == '{' || text_[i + 1] == '%' || text_[i + 1] == '#')) return i;
    }
    return text_.size();
  }

  void add_text(size_t end) {
    std::string_view text = text_.substr(at_, end - at_);
    if (cut_next_) {
      while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    }
    cut_next_ = false;
    last_raw_ = false;
    if (!text.empty()) tokens_.push_back({Token::Kind::kText, std::string(text), at_, 0, 0});
    at_ = end;
  }

  /// A '-' beside the bracket takes the blanks before the tag away.
  void cut_before(size_t open) {
    if (open + 2 >= text_.size() || text_[open + 2] != '-') return;
    if (tokens_.empty() || tokens_.back().kind != Token::Kind::kText || last_raw_) return;
    std::string& text = tokens_.back().text;
    while (!text.empty() && is_blank(text.back())) text.pop_back();
    if (text.empty()) tokens_.pop_back();
  }

  void unclosed(size_t open, std::string_view close) {
    const std::string bracket(text_.substr(open, 2));
    mistakes_.push_back(
        {static_cast<uint32_t>(open), 2, "prompt.unclosed_tag", "'" + bracket + "' is not closed",
         "close it with '" + std::string(close) + "'; to show the brackets themselves, write " + "{% raw %}" +
             bracket + "{% endraw %}"});
    broken_ = true;
  }

  void comment(size_t open) {
    const size_t close = text_.find("#}", open + 2);
    if (close == std::string_view::npos) return unclosed(open, "#}");
    cut_before(open);
    cut_next_ = text_[close - 1] == '-' && close - 1 > open + 1;
    at_ = close + 2;
  }

  void bracket(size_t open, Token::Kind kind, std::string_view close) {
    size_t begin = open + 2;
    const size_t end =
        scan_expression(text_, begin, text_.size(), [&](size_t i) { return text_.substr(i, 2) == close; });
    if (end == text_.size()) return unclosed(open, close);
    cut_before(open);
    if (begin < end && text_[begin] == '-') ++begin;
    size_t last = end;
    cut_next_ = last > begin && text_[last - 1] == '-';
    if (cut_next_) --last;
    while (begin < last && is_blank(text_[begin])) ++begin;
    while (last > begin && is_blank(text_[last - 1])) --last;
    at_ = end + 2;
    if (kind == Token::Kind::kTag && text_.substr(begin, last - begin) == "raw") return raw(open);
    tokens_.push_back({kind, {}, open, begin, last});
  }

  void raw(size_t open) {
    for (size_t i = at_; i < text_.size(); ++i) {
      if (text_.substr(i, 2) != "{%") continue;
      const size_t close = text_.find("%}", i);
      if (close == std::string_view::npos) break;
      std::string_view inner = text_.substr(i + 2, close - i - 2);
      const bool cut = inner.starts_with('-'), cut_after = inner.size() > 1 && inner.ends_with('-');
      if (cut) inner.remove_prefix(1);
      if (cut_after) inner.remove_suffix(1);
      while (!inner.empty() && is_blank(inner.front())) inner.remove_prefix(1);
      while (!inner.empty() && is_blank(inner.back())) inner.remove_suffix(1);
      if (inner != "endraw") continue;
      add_text(i);
      cut_before(i);
      last_raw_ = true;
      cut_next_ = cut_after;
      at_ = close + 2;
      return;
    }
    mistakes_.push_back({static_cast<uint32_t>(open), 2, "prompt.unclosed_block",
                         "'{% raw %}' has no '{% endraw %}'", "add {% endraw %}"});
    broken_ = true;
  }

  const std::string_view text_;
  Mistakes& mistakes_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  bool cut_next_ = false;  ///< the tag before ended with a '-'
  bool last_raw_ = false;  ///< the last text is that of a raw block
  bool broken_ = false;
};

}  // namespace

std::vector<Token> tokenize(std::string_view text, Mistakes& mistakes) { return Lexer(text, mistakes).run(); }

}  // namespace switchyard::prompts
