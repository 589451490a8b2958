#include "cursor.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace switchyard::authoring::language {
namespace {

/// A key (or "[]" of a list's item) whose lines are indented deeper.
struct Level {
  size_t indent;
  std::string key;
};

/// An open '{' or '[', with the key whose value is being written.
struct Flow {
  char open;
  std::optional<std::string> key;
  std::vector<std::string> keys;
};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() &&
         (text.back() == ' ' || text.back() == '\r' || text.back() == '\t' || text.back() == '\n'))
    text.remove_suffix(1);
  while (!text.empty() && (text.front() == ' ' || text.front() == '\n')) text.remove_prefix(1);
  return text;
}

std::string unquoted(std::string_view word) {
  word = trimmed(word);
  if (word.size() >= 2 && (word.front() == '"' || word.front() == '\'') && word.back() == word.front())
    word = word.substr(1, word.size() - 2);
  return std::string(word);
}

/// The colon that ends a key which begins at `at`; npos when none does.
size_t key_colon(std::string_view line, size_t at) {
  if (at < line.size() && (line[at] == '"' || line[at] == '\'')) {
    const size_t close = line.find(line[at], at + 1);
    if (close == std::string_view::npos) return close;
    size_t colon = close + 1;
    while (colon < line.size() && line[colon] == ' ') ++colon;
    return colon < line.size() && line[colon] == ':' ? colon : std::string_view::npos;
  }
  if (at < line.size() && std::string_view("{[#|>").find(line[at]) != std::string_view::npos)
    return std::string_view::npos;
  for (size_t i = at; i < line.size(); ++i) {
    if (line[i] == ':' && (i + 1 == line.size() || line[i + 1] == ' ' || line[i + 1] == '\r')) return i;
    if (line[i] == '#' && i > at && line[i - 1] == ' ') return std::string_view::npos;
  }
  return std::string_view::npos;
}

class Finder {
 public:
  Finder(std::string_view text, size_t offset) : text_(text), offset_(std::min(offset, text.size())) {}

  Cursor run() {
    size_t at = 0;
    while (true) {
      const size_t end = std::min(text_.find('\n', at), text_.size());
      const bool last = offset_ <= end;
      read_line(at, last ? offset_ : end, last);
      if (last) break;
      at = end + 1;
    }
    return finish(at);
  }

 private:
  void read_line(size_t begin, size_t end, bool last) {
    const std::string_view line = text_.substr(begin, end - begin);
    if (!flow_.empty()) return read_flow(begin, end);
    size_t indent = std::min(line.find_first_not_of(' '), line.size());
    const bool blank = trimmed(line).empty();
    if (block_scalar_.has_value()) {
      if (blank || indent > *block_scalar_) {
        if (last) in_scalar_ = true;
        return;
      }
      block_scalar_.reset();
    }
    if (blank && !last) return;
    if (indent < line.size() && line[indent] == '#') {
      comment_ = last;
      return;
    }
    const bool item =
        indent < line.size() && line[indent] == '-' && (indent + 1 == line.size() || line[indent + 1] == ' ');
    while (!levels_.empty() && (levels_.back().indent > indent ||
                                (levels_.back().indent == indent && (!item || levels_.back().key == "[]"))))
      levels_.pop_back();
    item_on_line_ = item;
    size_t at = indent;
    while (at < line.size() && line[at] == '-' && (at + 1 == line.size() || line[at + 1] == ' ')) {
      levels_.push_back({at, "[]"});
      ++at;
      while (at < line.size() && line[at] == ' ') ++at;
    }
    line_indent_ = at;
    value_.reset();
    value_begin_ = begin + at;
    const size_t colon = key_colon(line, at);
    if (colon == std::string_view::npos) return read_value(begin + at, end, at);
    levels_.push_back({at, unquoted(line.substr(at, colon - at))});
    value_ = levels_.back().key;
    size_t value = colon + 1;
    while (value < line.size() && line[value] == ' ') ++value;
    read_value(begin + value, end, at);
  }

  void read_value(size_t begin, size_t end, size_t indent) {
    value_begin_ = begin;
    const std::string_view value = text_.substr(begin, end - begin);
    if (value.empty()) return;
    if (value[0] == '|' || value[0] == '>') {
      block_scalar_ = indent;
      return;
    }
    if (value[0] == '{' || value[0] == '[') return read_flow(begin, end);
    if (value[0] == '#') comment_ = end == offset_;
    // Behind a blank and '#' a plain scalar has ended.
    const size_t hash = value[0] == '"' || value[0] == '\'' ? std::string_view::npos : value.find(" #");
    if (hash != std::string_view::npos) comment_ = end == offset_;
  }

  void read_flow(size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const char c = text_[i];
      if (flow_quote_ != 0) {
        if (c == '\\' && flow_quote_ == '"') ++i;
        if (c == flow_quote_) flow_quote_ = 0;
        continue;
      }
      if (c == '{' || c == '[') {
        flow_.push_back({c, std::nullopt, {}});
        word_ = i + 1;
      } else if (flow_.empty()) {
        return;
      } else if (c == '}' || c == ']') {
        flow_.pop_back();
        word_ = i + 1;
      } else if (c == ',') {
        flow_.back().key.reset();
        word_ = i + 1;
      } else if (c == ':' && (i + 1 == text_.size() || text_[i + 1] == ' ' || text_[i + 1] == '\n')) {
        flow_.back().key = unquoted(text_.substr(word_, i - word_));
        flow_.back().keys.push_back(*flow_.back().key);
        word_ = i + 1;
      } else if ((c == '"' || c == '\'') && trimmed(text_.substr(word_, i - word_)).empty()) {
        flow_quote_ = c;
      } else if (c == '#' && i > 0 && (text_[i - 1] == ' ' || text_[i - 1] == '\n')) {
        comment_ = end == offset_;
        return;
      }
    }
  }

  Cursor finish(size_t line_begin) {
    Cursor cursor;
    cursor.in_comment = comment_;
    if (!flow_.empty()) {
      finish_flow(cursor);
    } else {
      finish_block(cursor, line_begin);
    }
    while (cursor.begin < offset_ && (text_[cursor.begin] == ' ' || text_[cursor.begin] == '\n'))
      ++cursor.begin;
    if (cursor.begin < offset_ && (text_[cursor.begin] == '"' || text_[cursor.begin] == '\'')) {
      cursor.quoted = true;
      ++cursor.begin;
    }
    cursor.typed = std::string(text_.substr(cursor.begin, offset_ - cursor.begin));
    return cursor;
  }

  void finish_flow(Cursor& cursor) {
    for (const Level& level : levels_) cursor.path.push_back(level.key);
    for (size_t i = 0; i + 1 < flow_.size(); ++i)
      cursor.path.push_back(flow_[i].open == '[' && !flow_[i].key.has_value() ? "[]"
                                                                              : flow_[i].key.value_or(""));
    const Flow& inner = flow_.back();
    cursor.begin = word_;
    cursor.in_flow = true;
    cursor.siblings = inner.keys;
    if (inner.open == '[' && !inner.key.has_value()) {
      cursor.path.emplace_back("[]");
      cursor.in_value = true;
    } else if (inner.key.has_value()) {
      cursor.in_value = true;
      cursor.key = *inner.key;
      std::erase(cursor.siblings, cursor.key);
    }
    add_flow_siblings(cursor);
  }

  /// Keys of the same braces behind the cursor.
  void add_flow_siblings(Cursor& cursor) {
    int depth = 0;
    size_t word = std::string_view::npos;
    for (size_t i = offset_; i < text_.size() && depth >= 0 && i < offset_ + 4096; ++i) {
      const char c = text_[i];
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      if (depth != 0) continue;
      if (c == ',') word = i + 1;
      if (c == ':' && word != std::string_view::npos) {
        cursor.siblings.push_back(unquoted(text_.substr(word, i - word)));
        word = std::string_view::npos;
      }
    }
  }

  void finish_block(Cursor& cursor, size_t line_begin) {
    cursor.begin = value_begin_;
    size_t indent = line_indent_;
    if (value_.has_value() || in_scalar_) {
      cursor.in_value = true;
      if (!levels_.empty()) {
        cursor.key = levels_.back().key;
        indent = levels_.back().indent;
        levels_.pop_back();
      }
    } else if (item_on_line_) {
      cursor.in_value = true;  // of a list; or a key of a mapping inside it
    }
    for (const Level& level : levels_) cursor.path.push_back(level.key);
    add_block_siblings(cursor, line_begin, indent);
  }

  /// Keys at the same indent, up and down to the first line that is less indented.
  void add_block_siblings(Cursor& cursor, size_t line_begin, size_t indent) {
    const auto visit = [&](size_t begin) {
      const std::string_view line =
          text_.substr(begin, std::min(text_.find('\n', begin), text_.size()) - begin);
      size_t at = std::min(line.find_first_not_of(' '), line.size());
      if (at == line.size() || line[at] == '#' || line[at] == '\r') return true;
      bool item = false;
      while (at < line.size() && line[at] == '-' && at + 1 < line.size() && line[at + 1] == ' ') {
        item = true;
        at += 2;
        while (at < line.size() && line[at] == ' ') ++at;
      }
      if (at < indent) return false;
      if (at > indent) return true;
      const size_t colon = key_colon(line, at);
      if (colon != std::string_view::npos) cursor.siblings.push_back(unquoted(line.substr(at, colon - at)));
      return !item;
    };
    for (size_t begin = line_begin; begin > 0;) {
      const size_t before = begin < 2 ? std::string_view::npos : text_.rfind('\n', begin - 2);
      begin = before == std::string_view::npos ? 0 : before + 1;
      if (!visit(begin)) break;
    }
    for (size_t begin = text_.find('\n', line_begin); begin != std::string_view::npos;
         begin = text_.find('\n', begin + 1)) {
      const size_t next = begin + 1;
      const size_t first = text_.find_first_not_of(' ', next);
      if (first != std::string_view::npos && text_[first] == '-' && first - next + 2 == indent) break;
      if (next >= text_.size() || !visit(next)) break;
    }
  }

  std::string_view text_;
  size_t offset_;
  std::vector<Level> levels_;
  std::vector<Flow> flow_;
  char flow_quote_ = 0;
  size_t word_ = 0;
  std::optional<size_t> block_scalar_;
  bool in_scalar_ = false;
  bool comment_ = false;
  std::optional<std::string> value_;  ///< the key of the cursor's line, when the cursor is behind its colon
  bool item_on_line_ = false;
  size_t value_begin_ = 0;
  size_t line_indent_ = 0;
};

}  // namespace

std::vector<std::string> Cursor::full_path() const {
  auto full = path;
  if (!key.empty()) full.push_back(key);
  return full;
}

Cursor find_cursor(std::string_view text, size_t offset) { return Finder(text, offset).run(); }

}  // namespace switchyard::authoring::language
