#include "print.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "switchyard/authoring/limits.h"

namespace switchyard::authoring::format {
namespace {

constexpr size_t kIndent = 2;

/// Characters, taking every code point as one column wide.
size_t width_of(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

void append(std::string& out, std::string_view word) {
  if (word.empty()) return;
  if (!out.empty()) out += ' ';
  out += word;
}

/// Whether comments or line breaks keep the node from standing on one line.
bool is_one_line(const Node& node) {
  if (!node.before.empty() || !node.tail.empty() || node.lines.size() > 1) return false;
  if (node.kind == Node::Kind::kBlockScalar || node.is_block()) return false;
  return std::all_of(node.items.begin(), node.items.end(), [](const Item& item) {
    return item.before.empty() && item.trailing.empty() && is_one_line(item.value);
  });
}

std::string one_line(const Node& node);

std::string one_line(const Item& item) {
  std::string value = one_line(item.value);
  if (item.key.empty()) return value;
  if (!item.has_colon) return item.key;
  // A colon that touches what follows would be part of a plain key.
  return item.key + ":" + (value.empty() ? "" : " ") + value;
}

/// Of a scalar, an empty node or a flow collection.
std::string one_line(const Node& node) {
  std::string out = node.properties;
  if (!node.is_flow()) {
    if (!node.lines.empty()) append(out, node.lines[0]);
    return out;
  }
  std::string inside;
  for (const Item& item : node.items) inside += (inside.empty() ? "" : ", ") + one_line(item);
  const bool map = node.kind == Node::Kind::kFlowMap;
  if (inside.empty()) {
    append(out, map ? "{}" : "[]");
  } else {
    append(out, map ? "{ " + inside + " }" : "[" + inside + "]");
  }
  return out;
}

bool is_plain_list(const Node& node) {
  return node.kind == Node::Kind::kFlowList &&
         std::all_of(node.items.begin(), node.items.end(), [](const Item& item) {
           return !item.is_pair && item.value.kind == Node::Kind::kScalar;
         });
}

class Printer {
 public:
  std::string run(const Node& root) {
    if (root.is_flow() && is_one_line(root) && width_of(one_line(root)) <= kFormatWidth) {
      add(0, one_line(root));
    } else {
      print_items(root, 0);
    }
    return text();
  }

 private:
  struct Line {
    size_t indent = 0;
    std::string text, comment;
  };

  void add(size_t indent, std::string line, std::string comment = {}) {
    lines_.push_back({indent, std::move(line), std::move(comment)});
    keep_blanks_ = false;
  }
  void add_blank() {
    if (!lines_.empty() && !keep_blanks_) lines_.emplace_back();
    keep_blanks_ = false;
  }

  /// In front of what is `first` in its block there is no empty line.
  void add_comments(const std::vector<Comment>& comments, size_t indent, bool first = false) {
    for (const Comment& comment : comments) {
      if (comment.blank_before && !first) add_blank();
      add(indent, comment.text);
      first = false;
    }
  }

  void print_items(const Node& node, size_t indent) {
    bool first = true;
    for (const Item& item : node.items) {
      add_comments(item.before, indent, first);
      if (item.blank_before && (!first || !item.before.empty())) add_blank();
      print_item(item, node.is_map(), indent);
      first = false;
    }
    add_comments(node.tail, indent);
  }

  void print_item(const Item& item, bool map, size_t indent) {
    if (map) return print_value(item.key + ":", item.value, item.trailing, indent);
    if (!item.is_pair) return print_value("-", item.value, item.trailing, indent);
    Item entry = item;
    entry.is_pair = false;
    entry.before.clear();
    Node pair;
    pair.kind = Node::Kind::kBlockMap;
    pair.items.push_back(std::move(entry));
    print_value("-", pair, {}, indent);
  }

  /// `lead` is "key:" or "-".
  void print_value(const std::string& lead, const Node& node, const std::string& comment, size_t indent) {
    switch (node.kind) {
      case Node::Kind::kEmpty: return print_empty(lead, node, comment, indent);
      case Node::Kind::kScalar: return print_scalar(lead, node, comment, indent);
      case Node::Kind::kBlockScalar: return print_block_scalar(lead, node, comment, indent);
      default: break;
    }
    if (node.is_flow() && is_one_line(node)) {
      const std::string value = one_line(node);
      const bool fits = indent + width_of(lead) + 1 + width_of(value) <= kFormatWidth;
      if (fits || node.items.empty()) return add(indent, lead + " " + value, comment);
      if (is_plain_list(node)) return print_filled(lead, node, comment, indent);
    }
    if (node.is_flow() && node.items.empty()) {
      // Nothing but comments inside.
      add_comments(node.before, indent);
      std::string value = node.properties;
      append(value, node.kind == Node::Kind::kFlowMap ? "{}" : "[]");
      add(indent, lead + " " + value, comment);
      return add_comments(node.tail, indent);
    }
    print_collection(lead, node, comment, indent);
  }

  void print_empty(const std::string& lead, const Node& node, const std::string& comment, size_t indent) {
    std::string line = lead;
    append(line, node.properties);
    add(indent, std::move(line), comment);
  }

  void print_scalar(const std::string& lead, const Node& node, const std::string& comment, size_t indent) {
    std::string first = node.properties;
    append(first, node.lines[0]);
    const bool fits = indent + width_of(lead) + 1 + width_of(first) <= kFormatWidth;
    const bool shorter = lead != "-" && node.lines.size() == 1 && node.properties.empty();
    if (!node.before.empty() || (!fits && shorter)) {
      add(indent, lead);
      add_comments(node.before, indent + kIndent, true);
      add(indent + kIndent, std::move(first), node.lines.size() == 1 ? comment : "");
    } else {
      add(indent, lead + " " + first, node.lines.size() == 1 ? comment : "");
    }
    for (size_t i = 1; i < node.lines.size(); ++i)
      add(indent + kIndent, node.lines[i], i + 1 == node.lines.size() ? comment : "");
  }

  void print_block_scalar(const std::string& lead, const Node& node, const std::string& comment,
                          size_t indent) {
    std::string header = node.header;
    for (char& c : header)
      if (c >= '1' && c <= '9') c = static_cast<char>('0' + kIndent);
    std::string line = lead;
    append(line, node.properties);
    append(line, header);
    add_comments(node.before, indent);
    add(indent, std::move(line), comment);
    for (const std::string& content : node.lines) add(content.empty() ? 0 : indent + kIndent, content);
    keep_blanks_ = node.keeps_blank_lines();
  }

  /// A list of words: as many on a line as fit.
  void print_filled(const std::string& lead, const Node& node, const std::string& comment, size_t indent) {
    std::string line = lead == "-" ? "- " : std::string(kIndent, ' ');
    if (!node.properties.empty()) line += node.properties + " ";
    line += "[";
    if (lead != "-") add(indent, lead, comment);
    const std::string further(width_of(line), ' ');
    bool first = true;
    for (const Item& item : node.items) {
      const std::string word = one_line(item.value) + (&item == &node.items.back() ? "]" : ",");
      if (!first && indent + width_of(line) + 1 + width_of(word) > kFormatWidth) {
        add(indent, std::exchange(line, further));
        first = true;
      }
      line += (first ? "" : " ") + word;
      first = false;
    }
    add(indent, std::move(line), lead == "-" ? comment : "");
  }

  void print_collection(const std::string& lead, const Node& node, const std::string& comment,
                        size_t indent) {
    const bool compact = lead == "-" && node.properties.empty() && comment.empty() && node.before.empty() &&
                         !node.items.empty() && node.items[0].before.empty();
    if (!compact) {
      std::string line = lead;
      append(line, node.properties);
      add(indent, std::move(line), comment);
      add_comments(node.before, indent + kIndent, true);
      return print_items(node, indent + kIndent);
    }
    const size_t at = lines_.size();
    print_items(node, indent + kIndent);
    lines_[at].indent = indent;
    lines_[at].text = "- " + lines_[at].text;
  }

  /// Comments at the ends of lines that follow each other stand in one column.
  std::string text() {
    std::string out;
    for (size_t i = 0; i < lines_.size();) {
      size_t end = i, column = 0;
      while (end < lines_.size() && !lines_[end].comment.empty()) {
        column = std::max(column, lines_[end].indent + width_of(lines_[end].text) + 2);
        ++end;
      }
      for (; i < end; ++i) {
        const size_t used = lines_[i].indent + width_of(lines_[i].text);
        out += std::string(lines_[i].indent, ' ') + lines_[i].text + std::string(column - used, ' ') +
               lines_[i].comment + "\n";
      }
      if (i < lines_.size()) {
        const Line& line = lines_[i];
        if (!line.text.empty()) out += std::string(line.indent, ' ') + line.text;
        out += "\n";
        ++i;
      }
    }
    return out;
  }

  std::vector<Line> lines_;
  bool keep_blanks_ = false;  ///< the last line is of a scalar to which empty lines would belong
};

}  // namespace

std::string print(const Node& root) { return Printer().run(root); }

}  // namespace switchyard::authoring::format
