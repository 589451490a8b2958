#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "limits.h"
#include "prepare.h"
#include "scalar.h"
#include "switchyard/document/document.h"
#include "switchyard/document/reporter.h"

namespace switchyard::document {
namespace {

constexpr std::string_view kTagPrefix = "tag:yaml.org,2002:";

/// Ends a parse from within the library's event calls; the mistake is reported already.
struct Stop {};

uint32_t node_count(const Node& node) {
  uint32_t count = 1;
  for (const auto& item : node.items) count += node_count(item);
  for (const auto& entry : node.entries) count += node_count(entry.value);
  return count;
}

uint32_t node_depth(const Node& node) {
  uint32_t deepest = 0;
  for (const auto& item : node.items) deepest = std::max(deepest, node_depth(item));
  for (const auto& entry : node.entries) deepest = std::max(deepest, node_depth(entry.value));
  return node.is_scalar() ? 0 : deepest + 1;
}

/// Turns the library's byte columns into character columns and finds scalars in the text.
class SourceMap {
 public:
  explicit SourceMap(std::string_view text) : text_(text) {
    starts_.push_back(0);
    for (size_t i = 0; i < text.size(); ++i)
      if (text[i] == '\n') starts_.push_back(i + 1);
  }

  Position position(const YAML::Mark& mark) {
    if (mark.is_null()) return {};
    const auto line = static_cast<size_t>(mark.line);
    if (line >= starts_.size()) return {static_cast<uint32_t>(starts_.size()), 1};
    const size_t end = std::min(starts_[line] + static_cast<size_t>(mark.column), text_.size());
    // Marks come in the order of the text: counting goes on where it stopped, or a long line would take
    // squared time.
    if (counted_line_ != line || counted_to_ > end) {
      counted_line_ = line;
      counted_to_ = starts_[line];
      counted_column_ = 1;
    }
    for (; counted_to_ < end; ++counted_to_)
      if ((static_cast<unsigned char>(text_[counted_to_]) & 0xC0) != 0x80) ++counted_column_;
    return {static_cast<uint32_t>(line + 1), counted_column_};
  }

  Position position(size_t offset) {
    const auto next = std::upper_bound(starts_.begin(), starts_.end(), offset);
    YAML::Mark mark;
    mark.line = static_cast<int>(next - starts_.begin()) - 1;
    mark.column = static_cast<int>(offset - *(next - 1));
    return position(mark);
  }

  /// Fills verbatim_bytes and quote_width of a scalar that begins at `mark`.
  void locate(const YAML::Mark& mark, Node& node) const {
    const auto line = static_cast<size_t>(mark.line);
    if (mark.is_null() || line >= starts_.size()) return;
    size_t at = starts_[line] + static_cast<size_t>(mark.column);
    if (at >= text_.size()) return;
    const char first = text_[at];
    if (node.quoted) {
      if (first != '"' && first != '\'') return;
      node.quote_width = 1;
      ++at;
    }
    const size_t most = std::min(node.text.size(), text_.size() - at);
    uint32_t same = 0;
    while (same < most && node.text[same] == text_[at + same] && node.text[same] != '\n') ++same;
    // A quote or backslash that is written twice matches once by chance; what follows would be off by one.
    if (same < node.text.size() && same > 0 && node.quoted &&
        (node.text[same - 1] == first || node.text[same - 1] == '\\'))
      --same;
    node.verbatim_bytes = same;
  }

 private:
  std::string_view text_;
  std::vector<size_t> starts_;
  size_t counted_line_ = SIZE_MAX;
  size_t counted_to_ = 0;
  uint32_t counted_column_ = 1;
};

/// Builds our nodes from the library's events.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(SourceMap& source, Reporter& reporter, bool hides_question_marks)
      : source_(source), reporter_(reporter), hides_question_marks_(hides_question_marks) {}

  std::unique_ptr<Node> take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node;
    node.position = source_.position(mark);
    finish(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchors_.find(anchor);
    const Position at = source_.position(mark);
    if (known == anchors_.end()) {
      stop(at, "document.alias_cycle", "this alias stands inside the node that its anchor names",
           "write the content out; a document cannot contain itself");
    }
    spend(at, node_count(known->second));
    if (open_.size() + node_depth(known->second) > kMaxDepth) too_deep(at);
    finish(Node(known->second), 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node;
    node.position = source_.position(mark);
    node.text = value;
    node.kind = Node::Kind::kString;
    // The library marks plain scalars "?" and all others "!".
    node.quoted = tag != "?";
    if (tag == "?") {
      if (!resolve_plain(node) && !key_expected()) {
        error(node.position, "document.number_range", "the number " + value + " does not fit 64 bits",
              "put it in quotes when it is text such as an account number");
      }
    } else if (tag != "!" && tag != std::string(kTagPrefix) + "str") {
      bad_tag(node.position, tag);
    }
    source_.locate(mark, node);
    if (hides_question_marks_) show_question_marks(node.text);
    finish(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    begin(Node::Kind::kSequence, mark, tag, std::string(kTagPrefix) + "seq", anchor);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    begin(Node::Kind::kMapping, mark, tag, std::string(kTagPrefix) + "map", anchor);
  }
  void OnMapEnd() override { end(); }

 private:
  /// A list or mapping whose end has not come.
  struct Open {
    Node node;
    YAML::anchor_t anchor = 0;
    bool has_key = false;
    bool drop_value = false;  ///< the key was wrong; its value is read and forgotten
    Entry pending;
    std::unordered_set<std::string> keys;
  };

  bool key_expected() const {
    return !open_.empty() && open_.back().node.is(Node::Kind::kMapping) && !open_.back().has_key;
  }

  void begin(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, const std::string& own_tag,
             YAML::anchor_t anchor) {
    Open open;
    open.node.kind = kind;
    open.node.position = source_.position(mark);
    open.anchor = anchor;
    if (tag != "?" && tag != "!" && tag != own_tag) bad_tag(open.node.position, tag);
    if (open_.size() >= kMaxDepth) too_deep(open.node.position);
    open_.push_back(std::move(open));
  }

  void end() {
    Open done = std::move(open_.back());
    open_.pop_back();
    finish(std::move(done.node), done.anchor);
  }

  void finish(Node node, YAML::anchor_t anchor) {
    spend(node.position, 1);
    if (anchor != 0) {
      spend(node.position, node_count(node));
      anchors_[anchor] = node;
    }
    if (open_.empty()) {
      root_ = std::make_unique<Node>(std::move(node));
      return;
    }
    Open& parent = open_.back();
    if (parent.node.is(Node::Kind::kSequence)) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.has_key) {
      take_key(parent, std::move(node));
    } else {
      parent.has_key = false;
      if (parent.drop_value) return;
      parent.pending.value = std::move(node);
      parent.node.entries.push_back(std::move(parent.pending));
    }
  }

  void take_key(Open& parent, Node key) {
    parent.has_key = true;
    parent.drop_value = true;
    if (!key.is_scalar() || key.is(Node::Kind::kNull)) {
      error(key.position, "document.bad_key", "a key must be a word or text, and this is " + key.describe(),
            "write one word before the colon");
      return;
    }
    if (!key.quoted && key.text == "<<") {
      error(key.position, "document.merge_key", "merge keys ('<<') are not part of YAML 1.2",
            "write the entries out, or use an alias for the whole mapping");
      return;
    }
    if (!parent.keys.insert(key.text).second) {
      error(key.position, "document.duplicate_key", "the key '" + key.text + "' stands here a second time",
            "remove one of the two, or rename it");
      return;
    }
    parent.drop_value = false;
    parent.pending = Entry{std::move(key.text), key.position, {}};
  }

  void bad_tag(Position at, const std::string& tag) {
    error(at, "document.tag", "the tag '" + tag + "' is not known here",
          "remove it; only !!str, !!seq and !!map are allowed");
  }

  void spend(Position at, uint32_t nodes) {
    nodes_ += nodes;
    if (nodes_ > kMaxNodes) {
      stop(
          at, "document.too_many_nodes",
          "the document has more than " + std::to_string(kMaxNodes) + " values when its aliases are expanded",
          "use fewer aliases, or split the document");
    }
  }

  [[noreturn]] void too_deep(Position at) {
    stop(at, "document.too_deep",
         "lists and mappings are nested deeper than " + std::to_string(kMaxDepth) + " levels",
         "flatten the document");
  }

  void error(Position at, std::string code, std::string message, std::string mend) {
    reporter_.error(at, path(), std::move(code), std::move(message), std::move(mend));
  }

  [[noreturn]] void stop(Position at, std::string code, std::string message, std::string mend) {
    error(at, std::move(code), std::move(message), std::move(mend));
    throw Stop{};
  }

  std::string path() const {
    std::string path;
    for (const auto& open : open_) {
      if (open.node.is(Node::Kind::kSequence)) {
        path = child_path(path, open.node.items.size());
      } else if (open.has_key && !open.drop_value) {
        path = child_path(path, open.pending.key);
      }
    }
    return path;
  }

  SourceMap& source_;
  Reporter& reporter_;
  const bool hides_question_marks_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Node> anchors_;
  uint32_t nodes_ = 0;
  std::unique_ptr<Node> root_;
};

/// The library's message as the end of a sentence of ours.
std::string syntax_message(const YAML::Exception& e) {
  std::string message = "this is no valid YAML here: " + e.msg;
  show_question_marks(message);
  return message;
}

std::unique_ptr<Node> run_parser(const std::string& text, SourceMap& source, Reporter& reporter) {
  const bool hides = text.find(kHiddenQuestionMark) != std::string::npos;
  constexpr std::string_view kMend =
      "look at indentation, colons, quotes and brackets on this line and the one before";
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    TreeBuilder builder(source, reporter, hides);
    if (!parser.HandleNextDocument(builder)) {
      reporter.error({1, 1}, "", "document.empty", "the document is empty",
                     "write a mapping such as 'name: value'");
      return nullptr;
    }
    auto root = builder.take_root();
    TreeBuilder second(source, reporter, hides);
    if (parser.HandleNextDocument(second)) {
      reporter.error({1, 1}, "", "document.several", "the text holds several documents",
                     "keep one document in a file: remove what follows '---'");
      return nullptr;
    }
    return root;
  } catch (const Stop&) {
    return nullptr;
  } catch (const YAML::Exception& e) {
    reporter.error(source.position(e.mark), "", "document.syntax", syntax_message(e), std::string(kMend));
    return nullptr;
  } catch (const std::exception& e) {
    reporter.error({1, 1}, "", "document.syntax", std::string("the text cannot be read: ") + e.what(),
                   std::string(kMend));
    return nullptr;
  }
}

}  // namespace

ParseOutcome parse(std::string_view text, std::string file_name) {
  Reporter reporter(std::move(file_name), kMaxDiagnostics);
  ParseOutcome outcome;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (text.size() > kMaxTextBytes) {
    reporter.error({}, "", "document.too_large",
                   "the document has " + std::to_string(text.size()) + " bytes; the limit is " +
                       std::to_string(kMaxTextBytes),
                   "split the document");
    outcome.diagnostics = reporter.take();
    return outcome;
  }
  if (const size_t bad = find_bad_byte(text); bad != std::string_view::npos) {
    SourceMap source(text);
    reporter.error(source.position(bad), "", "document.encoding",
                   "this byte is not UTF-8 text, or a control character",
                   "save the file as UTF-8; write control characters as escapes in double quotes");
    outcome.diagnostics = reporter.take();
    return outcome;
  }
  const std::string owned = prepare_text(text);
  SourceMap source(owned);
  outcome.root = run_parser(owned, source, reporter);
  if (reporter.errors() > 0) outcome.root = nullptr;
  outcome.diagnostics = reporter.take();
  return outcome;
}

}  // namespace switchyard::document
