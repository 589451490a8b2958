#include "scan.h"

#include <algorithm>
#include <string>
#include <utility>

namespace switchyard::authoring::format {
namespace {

/// Leaves the scan from anywhere; caught in scan().
struct Unsupported {
  size_t at;
  const char* what;
};

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string trimmed(std::string_view text) {
  while (!text.empty() && (is_blank(text.back()) || text.back() == '\r')) text.remove_suffix(1);
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return std::string(text);
}

/// A recursive descent over the text. Blocks end by indentation, as in YAML; comments met between two tokens
/// wait in `pending_` until it is known whose they are.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  Node run() {
    skip_lines();
    if (at_word("---")) {
      pos_ += 3;
      if (std::string comment = skip_rest_of_line(); !comment.empty())
        pending_.push_back({std::move(comment), 0, false});
      skip_lines();
    }
    if (peek() == '%') unsupported("a directive");
    if (done()) unsupported("an empty document");
    Node root = block_node(0);
    // A comment behind a flow collection or at the very end.
    if (std::string comment = skip_rest_of_line(); !comment.empty())
      root.tail.push_back({std::move(comment), 0, false});
    skip_lines();
    if (at_word("...")) {
      pos_ += 3;
      if (std::string comment = skip_rest_of_line(); !comment.empty())
        pending_.push_back({std::move(comment), 0, false});
      skip_lines();
    }
    for (Comment& comment : pending_) root.tail.push_back(std::move(comment));
    if (!done()) unsupported("what stands here");
    return root;
  }

 private:
  // --- characters ---
  bool done() const { return pos_ >= text_.size(); }
  char peek(size_t ahead = 0) const { return pos_ + ahead < text_.size() ? text_[pos_ + ahead] : '\0'; }
  bool ends_token(size_t at) const {
    return at >= text_.size() || is_blank(text_[at]) || text_[at] == '\n' || text_[at] == '\r';
  }
  bool at_line_end() const { return done() || peek() == '\n' || (peek() == '\r' && peek(1) == '\n'); }
  bool at_word(std::string_view word) const {
    return text_.substr(pos_).starts_with(word) && ends_token(pos_ + word.size()) && column() == 0;
  }
  size_t line_start(size_t at) const {
    const size_t found = at == 0 ? std::string_view::npos : text_.rfind('\n', at - 1);
    return found == std::string_view::npos ? 0 : found + 1;
  }
  size_t column() const { return pos_ - line_start(pos_); }
  size_t line_end(size_t at) const { return std::min(text_.find('\n', at), text_.size()); }
  void skip_blanks() {
    while (is_blank(peek())) ++pos_;
  }
  [[noreturn]] void unsupported(const char* what) const { throw Unsupported{pos_, what}; }

  // --- what stands between tokens ---
  /// From inside a line to its end: its comment, or nothing.
  std::string skip_rest_of_line() {
    skip_blanks();
    if (peek() != '#') return {};
    const size_t end = line_end(pos_);
    std::string comment = trimmed(text_.substr(pos_, end - pos_));
    pos_ = end;
    return comment;
  }
  /// To the next token on a later line (or this one); comments wait in pending_.
  void skip_lines() {
    while (!done()) {
      skip_blanks();
      if (peek() == '#') {
        const size_t at = column();
        pending_.push_back({skip_rest_of_line(), at, std::exchange(blank_, false)});
      } else if (at_line_end()) {
        if (trimmed(text_.substr(line_start(pos_), pos_ - line_start(pos_))).empty() && pos_ > 0)
          blank_ = true;
        pos_ = std::min(line_end(pos_) + 1, text_.size());
      } else {
        return;
      }
    }
  }
  /// Comments that stand at least as deep as the block that ends here are its own.
  void take_tail(size_t indent, std::vector<Comment>& tail) {
    size_t count = 0;
    while (count < pending_.size() && pending_[count].column >= indent && indent > 0) ++count;
    tail.insert(tail.end(), pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(count));
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(count));
  }
  void take_before(Item& item) {
    item.before = std::exchange(pending_, {});
    item.blank_before = std::exchange(blank_, false);
  }

  // --- blocks ---
  bool at_list_item() const { return peek() == '-' && ends_token(pos_ + 1); }
  /// Where the colon of a key that begins here stands; npos when no key does.
  size_t find_key_colon() const {
    size_t at = pos_;
    while (at < text_.size() && (text_[at] == '&' || text_[at] == '!')) {
      while (!ends_token(at)) ++at;
      while (at < text_.size() && is_blank(text_[at])) ++at;
    }
    if (at < text_.size() && (text_[at] == '"' || text_[at] == '\'')) {
      at = quoted_end(at);
      if (at == std::string_view::npos || text_.substr(pos_, at - pos_).find('\n') != std::string_view::npos)
        return std::string_view::npos;
      while (at < text_.size() && is_blank(text_[at])) ++at;
      return at < text_.size() && text_[at] == ':' && ends_token(at + 1) ? at : std::string_view::npos;
    }
    if (at >= text_.size() || std::string_view("[{|>*#%@`").find(text_[at]) != std::string_view::npos)
      return std::string_view::npos;
    for (; at < text_.size() && text_[at] != '\n'; ++at) {
      if (text_[at] == ':' && ends_token(at + 1)) return at;
      if (text_[at] == '#' && at > 0 && is_blank(text_[at - 1])) return std::string_view::npos;
    }
    return std::string_view::npos;
  }
  /// Behind the closing quote; npos when there is none.
  size_t quoted_end(size_t at) const {
    const char quote = text_[at];
    for (++at; at < text_.size(); ++at) {
      if (text_[at] == '\\' && quote == '"') {
        ++at;
      } else if (text_[at] == quote) {
        if (quote == '\'' && at + 1 < text_.size() && text_[at + 1] == '\'')
          ++at;
        else
          return at + 1;
      }
    }
    return std::string_view::npos;
  }

  /// The node that begins here; its lines are indented by at least `indent`.
  Node block_node(size_t indent) {
    if (at_list_item()) return block_list();
    if (peek() == '?' && ends_token(pos_ + 1)) unsupported("a key behind '?'");
    if (find_key_colon() != std::string_view::npos) return block_map();
    return inline_node(indent);
  }

  Node block_list() {
    Node node;
    node.kind = Node::Kind::kBlockList;
    const size_t indent = column();
    while (!done() && column() == indent && at_list_item()) {
      Item item;
      take_before(item);
      ++pos_;
      item.value = value_after(indent, indent + 1, item.trailing);
      node.items.push_back(std::move(item));
      skip_lines();
    }
    take_tail(indent, node.tail);
    return node;
  }

  Node block_map() {
    Node node;
    node.kind = Node::Kind::kBlockMap;
    const size_t indent = column();
    while (!done() && column() == indent) {
      if (at_word("...") || at_word("---")) break;
      if (peek() == '?' && ends_token(pos_ + 1)) unsupported("a key behind '?'");
      const size_t colon = find_key_colon();
      if (colon == std::string_view::npos) unsupported("what stands here");
      Item item;
      take_before(item);
      item.key = trimmed(text_.substr(pos_, colon - pos_));
      if (item.key.starts_with('*')) unsupported("an alias as a key");
      pos_ = colon + 1;
      // A list may stand as deep as the key that holds it.
      item.value = value_after(indent, indent, item.trailing);
      node.items.push_back(std::move(item));
      skip_lines();
    }
    take_tail(indent, node.tail);
    return node;
  }

  /// What follows "key:" or "-" in a block at `indent`: on the same line, or on later ones, a list at
  /// `list_indent` or deeper, anything else deeper than `indent`.
  Node value_after(size_t indent, size_t list_indent, std::string& trailing) {
    skip_blanks();
    const bool in_list = list_indent > indent;
    if (in_list && !at_line_end() && peek() != '#') {
      if (at_list_item()) return block_list();
      if (find_key_colon() != std::string_view::npos) return block_map();
    }
    std::string properties = read_properties();
    if (!at_line_end() && peek() != '#') {
      Node node = inline_node(indent + 1);
      node.properties = std::move(properties);
      if (node.kind != Node::Kind::kBlockScalar) trailing = skip_rest_of_line();
      if (node.kind == Node::Kind::kBlockScalar) trailing = std::exchange(header_comment_, {});
      return node;
    }
    trailing = skip_rest_of_line();
    skip_lines();
    const bool nested = !done() && (column() > indent || (column() >= list_indent && at_list_item()));
    if (!nested || at_word("...")) {
      Node empty;
      empty.properties = std::move(properties);
      return empty;
    }
    if (at_list_item() || find_key_colon() != std::string_view::npos) {
      Node node = at_list_item() ? block_list() : block_map();
      node.properties = std::move(properties);
      return node;
    }
    std::vector<Comment> before = std::exchange(pending_, {});
    blank_ = false;
    const std::string more = read_properties();
    if (!more.empty()) properties += (properties.empty() ? "" : " ") + more;
    if (at_line_end()) unsupported("properties on a line of their own");
    Node node = inline_node(indent + 1);
    node.properties = std::move(properties);
    node.before = std::move(before);
    std::string comment =
        node.kind == Node::Kind::kBlockScalar ? std::exchange(header_comment_, {}) : skip_rest_of_line();
    if (!comment.empty() && !trailing.empty()) {
      node.before.insert(node.before.begin(), {std::exchange(trailing, {}), 0, false});
    }
    if (!comment.empty()) trailing = std::move(comment);
    return node;
  }

  std::string read_properties() {
    std::string properties;
    while (peek() == '&' || peek() == '!') {
      const size_t start = pos_;
      while (!ends_token(pos_)) ++pos_;
      properties += (properties.empty() ? "" : " ") + std::string(text_.substr(start, pos_ - start));
      skip_blanks();
    }
    return properties;
  }

  // --- what begins inside a line ---
  Node inline_node(size_t indent) {
    switch (peek()) {
      case '{':
      case '[': return flow_collection(0);
      case '"':
      case '\'': return quoted();
      case '|':
      case '>': return block_scalar(indent);
      case '%':
      case '@':
      case '`': unsupported("this character"); break;
      default: break;
    }
    return block_plain(indent);
  }

  Node quoted() {
    const size_t end = quoted_end(pos_);
    if (end == std::string_view::npos) unsupported("a text without end");
    Node node;
    node.kind = Node::Kind::kScalar;
    node.lines = folded_lines(text_.substr(pos_, end - pos_));
    pos_ = end;
    return node;
  }

  /// The lines of a scalar whose line breaks are folded: blanks around them say nothing.
  static std::vector<std::string> folded_lines(std::string_view text) {
    std::vector<std::string> lines;
    size_t at = 0;
    while (at <= text.size()) {
      const size_t end = std::min(text.find('\n', at), text.size());
      std::string_view line = text.substr(at, end - at);
      // In front of an escaped line break blanks are text.
      if (end < text.size() && line.ends_with('\\')) {
        while (at > 0 && !line.empty() && is_blank(line.front())) line.remove_prefix(1);
        lines.emplace_back(line);
      } else if (at == 0 && end == text.size()) {
        lines.emplace_back(line);
      } else if (end == text.size()) {
        while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
        lines.emplace_back(line);
      } else {
        lines.push_back(trimmed(line));
      }
      at = end + 1;
    }
    return lines;
  }

  Node block_plain(size_t indent) {
    Node node;
    node.kind = Node::Kind::kScalar;
    node.lines.push_back(plain_line());
    while (true) {
      // Further lines that are deeper than the parent go on with the scalar, unless a comment came.
      size_t next = line_end(pos_);
      if (trimmed(text_.substr(pos_, next - pos_)).starts_with('#') || next >= text_.size()) break;
      size_t blank_lines = 0, at = next + 1;
      while (at < text_.size() && trimmed(text_.substr(at, line_end(at) - at)).empty()) {
        ++blank_lines;
        at = line_end(at) + 1;
      }
      if (at >= text_.size()) break;
      size_t first = at;
      while (is_blank(text_[first])) ++first;
      if (first - at < indent || text_[first] == '#') break;
      if (text_.substr(at).starts_with("...") || text_.substr(at).starts_with("---")) break;
      node.lines.insert(node.lines.end(), blank_lines, "");
      pos_ = first;
      node.lines.push_back(plain_line());
    }
    return node;
  }
  /// To the end of the line or to its comment.
  std::string plain_line() {
    const size_t start = pos_;
    while (!at_line_end() && !(peek() == '#' && pos_ > start && is_blank(text_[pos_ - 1]))) ++pos_;
    const std::string line = trimmed(text_.substr(start, pos_ - start));
    pos_ = start + line.size();
    return line;
  }

  Node block_scalar(size_t indent) {
    Node node;
    node.kind = Node::Kind::kBlockScalar;
    size_t explicit_indent = 0;
    while (!ends_token(pos_)) {
      if (peek() >= '1' && peek() <= '9') explicit_indent = static_cast<size_t>(peek() - '0');
      node.header += text_[pos_++];
    }
    header_comment_ = skip_rest_of_line();
    if (!at_line_end()) unsupported("what stands behind the block's sign");
    size_t content = explicit_indent > 0 ? indent - 1 + explicit_indent : 0;
    size_t at = std::min(line_end(pos_) + 1, text_.size()), end = at;
    while (at < text_.size()) {
      const size_t stop = line_end(at);
      std::string_view line = text_.substr(at, stop - at);
      if (line.ends_with('\r')) line.remove_suffix(1);
      const size_t depth = std::min(line.find_first_not_of(' '), line.size());
      const bool empty = depth == line.size();
      if (!empty && content == 0) content = depth;
      if (!empty && (depth < content || depth < indent)) break;
      node.lines.emplace_back(content > 0 && line.size() > content ? line.substr(content) : "");
      at = std::min(stop + 1, text_.size());
      end = at;
    }
    if (!node.keeps_blank_lines()) {
      while (!node.lines.empty() && node.lines.back().empty()) {
        node.lines.pop_back();
        blank_ = true;
      }
    }
    pos_ = end;
    return node;
  }

  // --- flow ---
  Node flow_collection(size_t depth) {
    if (depth > 100) unsupported("collections nested so deep");
    const char close = peek() == '{' ? '}' : ']';
    Node node;
    node.kind = peek() == '{' ? Node::Kind::kFlowMap : Node::Kind::kFlowList;
    ++pos_;
    auto outer = std::exchange(pending_, {});
    const bool outer_blank = std::exchange(blank_, false);
    skip_lines();
    while (peek() != close) {
      if (done()) unsupported("a collection without end");
      Item item;
      take_before(item);
      if (node.items.empty()) item.blank_before = false;
      flow_item(item, node.is_map(), depth);
      end_of_flow_item(item, close);
      node.items.push_back(std::move(item));
    }
    ++pos_;
    node.tail = std::exchange(pending_, std::move(outer));
    blank_ = outer_blank;
    return node;
  }

  void flow_item(Item& item, bool map, size_t depth) {
    if (peek() == '?' && ends_token(pos_ + 1)) unsupported("a key behind '?'");
    Node first = flow_node(depth);
    const bool before_colon = pending_.empty();
    const size_t mark = pos_;
    auto comments = pending_;
    skip_lines();
    if (peek() == ':' && before_colon) {
      if (first.kind != Node::Kind::kScalar && first.kind != Node::Kind::kEmpty) unsupported("this key");
      if (first.lines.size() > 1) unsupported("a key of several lines");
      item.key = (first.properties.empty() ? "" : first.properties + " ") +
                 (first.lines.empty() ? std::string() : first.lines[0]);
      if (item.key.empty() || item.key.starts_with('*')) unsupported("this key");
      item.is_pair = !map;
      ++pos_;
      skip_lines();
      if (std::string_view(",}]").find(peek()) == std::string_view::npos || done())
        item.value = flow_node(depth);
      return;
    }
    pos_ = mark;
    pending_ = std::move(comments);
    if (!map) {
      item.value = std::move(first);
      return;
    }
    if (first.kind != Node::Kind::kScalar || first.lines.size() > 1) unsupported("this key");
    item.key = (first.properties.empty() ? "" : first.properties + " ") + first.lines[0];
    item.has_colon = false;
  }

  void end_of_flow_item(Item& item, char close) {
    skip_lines_to_comment(item);
    if (peek() == ',') {
      ++pos_;
      if (item.trailing.empty()) item.trailing = skip_rest_of_line();
      skip_lines();
    } else if (peek() != close) {
      unsupported("what stands here");
    }
  }
  /// Like skip_lines(), with the comment of the item's own line.
  void skip_lines_to_comment(Item& item) {
    item.trailing = skip_rest_of_line();
    skip_lines();
  }

  Node flow_node(size_t depth) {
    std::string properties = read_properties();
    if (!properties.empty()) skip_lines();
    Node node;
    if (peek() == '{' || peek() == '[') {
      node = flow_collection(depth + 1);
    } else if (peek() == '"' || peek() == '\'') {
      node = quoted();
    } else {
      node = flow_plain();
    }
    node.properties = std::move(properties);
    return node;
  }

  bool ends_flow_plain() const {
    const char c = peek();
    if (std::string_view(",[]{}").find(c) != std::string_view::npos) return true;
    if (c == ':')
      return ends_token(pos_ + 1) || std::string_view(",[]{}").find(peek(1)) != std::string_view::npos;
    return c == '#' && pos_ > 0 && (is_blank(text_[pos_ - 1]) || text_[pos_ - 1] == '\n');
  }
  Node flow_plain() {
    Node node;
    std::string text;
    size_t end = pos_;
    while (!done() && !ends_flow_plain()) {
      if (is_blank(peek()) || peek() == '\r') {
        ++pos_;
      } else if (peek() == '\n') {
        ++pos_;
      } else {
        if (!text.empty()) {
          // Folded: a break is a blank. With an empty line it would be a break.
          const auto gap = text_.substr(end, pos_ - end);
          const auto breaks = std::count(gap.begin(), gap.end(), '\n');
          if (breaks > 1) unsupported("an empty line in a text");
          text += breaks == 0 ? std::string(gap) : " ";
        }
        text += text_[pos_++];
        end = pos_;
      }
    }
    pos_ = end;
    if (text.empty()) return node;
    node.kind = Node::Kind::kScalar;
    node.lines.push_back(std::move(text));
    return node;
  }

  std::string_view text_;
  size_t pos_ = 0;
  std::vector<Comment> pending_;
  bool blank_ = false;  ///< an empty line was met since the last token or comment
  std::string header_comment_;
};

}  // namespace

Result<Node> scan(std::string_view text) {
  try {
    return Scanner(text).run();
  } catch (const Unsupported& e) {
    const auto lines = std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(e.at), '\n');
    const size_t start = e.at == 0 ? std::string_view::npos : text.rfind('\n', e.at - 1);
    const size_t column = start == std::string_view::npos ? e.at : e.at - start - 1;
    return make_error(ErrorKind::kUnprocessable, "format.unsupported",
                      std::string(e.what) + " cannot be formatted",
                      std::to_string(lines + 1) + ":" + std::to_string(column + 1));
  }
}

}  // namespace switchyard::authoring::format
