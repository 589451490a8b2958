#include "switchyard/document/document.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace switchyard::document {
namespace {

size_t count_characters(std::string_view utf8) {
  return static_cast<size_t>(std::count_if(
      utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// Optimal string alignment distance, given up above `limit`.
size_t edit_distance(std::string_view a, std::string_view b, size_t limit) {
  if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) > limit) return limit + 1;
  std::vector<size_t> before(b.size() + 1), row(b.size() + 1), next(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    next[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      next[j] = std::min({row[j] + 1, next[j - 1] + 1, row[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        next[j] = std::min(next[j], before[j - 2] + 1);
    }
    std::swap(before, row);
    std::swap(row, next);
  }
  return row[b.size()];
}

std::string unescape_pointer(std::string_view token) {
  std::string key;
  for (size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1')) {
      key += token[++i] == '0' ? '~' : '/';
    } else {
      key += token[i];
    }
  }
  return key;
}

const Node* item_at(const Node& list, std::string_view digits) {
  size_t index = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  if (error != std::errc() || end != digits.data() + digits.size() || index >= list.items.size())
    return nullptr;
  return &list.items[index];
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (const auto& entry : entries)
    if (entry.key == key) return &entry.value;
  return nullptr;
}

std::string Node::describe() const {
  switch (kind) {
    case Kind::kNull: return "nothing (null)";
    case Kind::kBool: return boolean ? "true" : "false";
    case Kind::kInteger:
    case Kind::kDouble: return "the number " + text;
    case Kind::kString: {
      constexpr size_t kShown = 40;
      if (text.size() <= kShown) return "the text '" + text + "'";
      size_t cut = kShown;
      while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
      return "the text '" + text.substr(0, cut) + "...'";
    }
    case Kind::kSequence: return "a list";
    case Kind::kMapping: return "a mapping";
  }
  return "nothing";
}

Value to_value(const Node& node, Arena& arena) {
  switch (node.kind) {
    case Node::Kind::kNull: return Value::null();
    case Node::Kind::kBool: return Value::boolean(node.boolean);
    case Node::Kind::kInteger: return Value::integer(node.integer);
    case Node::Kind::kDouble: return Value::real(node.real);
    case Node::Kind::kString: return Value::string(arena.copy(node.text));
    case Node::Kind::kSequence: {
      ListBuilder list(arena);
      for (const auto& item : node.items) list.add(to_value(item, arena));
      return list.build();
    }
    case Node::Kind::kMapping: {
      MapBuilder map(arena);
      for (const auto& entry : node.entries) map.add(arena.copy(entry.key), to_value(entry.value, arena));
      return map.build();
    }
  }
  return Value::null();
}

Position position_of(const Node& root, std::string_view dotted_path) {
  const Node* node = &root;
  std::string_view rest = dotted_path;
  while (!rest.empty()) {
    if (rest.front() == '.') rest.remove_prefix(1);
    const Node* next = nullptr;
    size_t used = 0;
    if (rest.starts_with('[')) {
      const size_t close = rest.find(']');
      if (close == std::string_view::npos) break;
      next = item_at(*node, rest.substr(1, close - 1));
      used = close + 1;
    } else {
      // Keys may hold dots themselves: the longest key that fits wins.
      for (const auto& entry : node->entries) {
        const bool fits =
            rest.starts_with(entry.key) && (rest.size() == entry.key.size() ||
                                            rest[entry.key.size()] == '.' || rest[entry.key.size()] == '[');
        if (fits && (next == nullptr || entry.key.size() > used)) {
          next = &entry.value;
          used = entry.key.size();
        }
      }
    }
    if (next == nullptr) break;
    node = next;
    rest.remove_prefix(used);
  }
  return node->position;
}

Position position_of_pointer(const Node& root, std::string_view pointer) {
  const Node* node = &root;
  std::string_view rest = pointer;
  while (rest.starts_with('/')) {
    rest.remove_prefix(1);
    const size_t end = std::min(rest.find('/'), rest.size());
    const std::string key = unescape_pointer(rest.substr(0, end));
    const Node* next = node->is(Node::Kind::kSequence) ? item_at(*node, key) : node->find(key);
    if (next == nullptr) break;
    node = next;
    rest.remove_prefix(end);
  }
  return node->position;
}

Position position_in(const Node& scalar, size_t offset) {
  if (offset > scalar.verbatim_bytes || scalar.position.line == 0) return scalar.position;
  Position place = scalar.position;
  place.column += scalar.quote_width +
                  static_cast<uint32_t>(count_characters(std::string_view(scalar.text).substr(0, offset)));
  return place;
}

std::string nearest(std::string_view word, std::span<const std::string> candidates) {
  const size_t limit = word.size() / 3;
  std::string best;
  size_t best_distance = limit + 1;
  for (const auto& candidate : candidates) {
    const size_t distance = edit_distance(word, candidate, limit);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace switchyard::document
