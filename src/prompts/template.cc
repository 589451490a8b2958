#include "template.h"

#include <algorithm>
#include <array>
#include <utility>

#include "lexer.h"
#include "limits.h"
#include "switchyard/base/check.h"

namespace switchyard::prompts {
namespace {

using expression::Type;
using expression::TypeKind;

/// What Jinja's filters and tags are here.
constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kOtherFilters{{
    {"default", "say what absence means in the expression: input.?name.orValue('...')"},
    {"d", "say what absence means in the expression: input.?name.orValue('...')"},
    {"tojson", "write | json"},
    {"e", "write | escape"},
    {"trim", "call the function: input.name.trim()"},
    {"upper", "call the function: input.name.upperAscii()"},
    {"lower", "call the function: input.name.lowerAscii()"},
    {"join", "call the function: input.names.join(', ')"},
    {"length", "call the function: size(input.names)"},
    {"replace", "call the function: input.name.replace('a', 'b')"},
    {"map", "call the macro: input.items.map(item, item.name)"},
    {"select", "call the macro: input.items.filter(item, item.count > 0)"},
}};

bool has_text(const Type& type) {
  switch (type.kind()) {
    case TypeKind::kDyn:
    case TypeKind::kError:
    case TypeKind::kBool:
    case TypeKind::kInt:
    case TypeKind::kUint:
    case TypeKind::kDouble:
    case TypeKind::kString:
    case TypeKind::kTimestamp:
    case TypeKind::kDuration: return true;
    default: return false;
  }
}

class Parser {
 public:
  Parser(std::string_view text, Scope& scope, Mistakes& mistakes)
      : text_(text), scope_(scope), mistakes_(mistakes), tokens_(tokenize(text, mistakes)) {}

  Pieces run() {
    Pieces pieces;
    while (true) {
      parse(pieces);
      if (next_ >= tokens_.size()) return pieces;
      const Token& stray = tokens_[next_++];
      error(stray, "prompt.misplaced_tag", "'{% " + word(stray) + " %}' belongs to no block",
            "remove it, or open the block before it");
    }
  }

 private:
  void error(const Token& token, std::string code, std::string message, std::string mend) {
    error(token.at, token.end > token.at ? token.end - token.at : 2, std::move(code), std::move(message),
          std::move(mend));
  }
  void error(size_t at, size_t length, std::string code, std::string message, std::string mend) {
    if (mistakes_.size() >= kMaxTemplateMistakes) return;
    mistakes_.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(length), std::move(code),
                         std::move(message), std::move(mend)});
  }

  std::string word(const Token& token) const {
    size_t end = token.begin;
    while (end < token.end && is_word(text_[end])) ++end;
    return std::string(text_.substr(token.begin, end - token.begin));
  }
  /// Where what follows the tag's word begins.
  size_t after_word(const Token& token) const {
    size_t at = token.begin + word(token).size();
    while (at < token.end && is_blank(text_[at])) ++at;
    return at;
  }

  /// Up to the end, or to a tag that does not begin a block: next_ is then at that.
  void parse(Pieces& pieces) {
    while (next_ < tokens_.size()) {
      Token& token = tokens_[next_];
      if (token.kind == Token::Kind::kText) {
        pieces.push_back({TextPiece{std::move(token.text)}});
      } else if (token.kind == Token::Kind::kValue) {
        parse_value(token, pieces);
      } else {
        const std::string name = word(token);
        if (name == "elif" || name == "else" || name == "endif" || name == "endfor") return;
        if (name == "if" || name == "for") {
          parse_block(name == "if", pieces);
          continue;
        }
        error(token, "prompt.unknown_tag",
              name.empty() ? "the tag says nothing" : "there is no tag '" + name + "' here",
              "tags are if, elif, else, endif, for, endfor and raw; name values with cel.bind(name, value, "
              "...)");
      }
      ++next_;
    }
  }

  void parse_block(bool is_if, Pieces& pieces) {
    const size_t opened = next_;
    if (depth_ >= kMaxNesting) {
      error(tokens_[opened], "prompt.too_deep",
            "tags stand more than " + std::to_string(kMaxNesting) + " deep", "make it simpler");
      next_ = tokens_.size();
      return;
    }
    ++depth_;
    if (is_if)
      parse_if(pieces);
    else
      parse_for_block(pieces);
    --depth_;
  }

  /// The tag at next_ ends the block that `opened` began; reports when there is none.
  void close(const Token& opened, std::string_view end) {
    const std::string own = word(opened);
    if (next_ >= tokens_.size() || word(tokens_[next_]) != end) {
      error(opened, "prompt.unclosed_block", "'{% " + own + " %}' has no '{% " + std::string(end) + " %}'",
            "add {% " + std::string(end) + " %}");
      return;
    }
    nothing_after_word(tokens_[next_]);
    ++next_;
  }

  void nothing_after_word(const Token& token) {
    if (after_word(token) == token.end) return;
    error(after_word(token), token.end - after_word(token), "prompt.unknown_tag",
          "'" + word(token) + "' takes nothing", "write {% " + word(token) + " %}");
  }

  std::optional<expression::Program> compile_part(const Token& token, size_t begin, size_t end,
                                                  const std::optional<Type>& expected) {
    if (begin >= end) {
      error(token, "prompt.no_expression", "an expression is missing here", "write one: input.name");
      return std::nullopt;
    }
    if (mistakes_.size() >= kMaxTemplateMistakes) return std::nullopt;
    return scope_.compile(text_, begin, end, expected, mistakes_);
  }

  void parse_if(Pieces& pieces) {
    const Token opened = tokens_[next_];
    IfPiece piece;
    const expression::Facts before = scope_.given();
    bool more = true, complete = true;
    while (more) {
      const Token& token = tokens_[next_++];
      IfPiece::Branch branch;
      const std::string name = word(token);
      const expression::Facts not_so_far = scope_.given();
      if (name == "else") {
        nothing_after_word(token);
      } else {
        branch.condition = compile_part(token, after_word(token), token.end, Type::boolean());
        complete &= branch.condition.has_value();
      }
      expression::Facts within = not_so_far, after = not_so_far;
      if (branch.condition.has_value()) {
        within.add(branch.condition->proves(true));
        after.add(branch.condition->proves(false));
      }
      scope_.swap_given(std::move(within));
      parse(branch.body);
      scope_.swap_given(std::move(after));
      piece.branches.push_back(std::move(branch));
      const std::string following = next_ < tokens_.size() ? word(tokens_[next_]) : "";
      more = name != "else" && (following == "elif" || following == "else");
    }
    scope_.swap_given(before);
    close(opened, "endif");
    if (complete) pieces.push_back({std::move(piece)});
  }

  void parse_for_block(Pieces& pieces) {
    const Token opened = tokens_[next_++];
    const auto head = parse_for(text_, after_word(opened), opened.end, mistakes_);
    std::optional<expression::Program> range;
    if (head.has_value()) range = compile_part(opened, head->begin, head->end, Type::list(Type::dyn()));
    std::optional<uint32_t> slot;
    if (head.has_value())
      slot = scope_.open_loop(head->name, range.has_value() ? range->result_type() : Type::error(),
                              head->name_at, mistakes_);
    Pieces body, otherwise;
    parse(body);
    if (slot.has_value()) scope_.close_loop();
    if (next_ < tokens_.size() && word(tokens_[next_]) == "else") {
      nothing_after_word(tokens_[next_++]);
      parse(otherwise);
    }
    close(opened, "endfor");
    if (range.has_value() && slot.has_value())
      pieces.push_back({ForPiece{std::move(*range), *slot, std::move(body), std::move(otherwise)}});
  }

  void parse_value(const Token& token, Pieces& pieces) {
    std::vector<Filter> filters;
    const auto is_pipe = [&](size_t i) {
      return text_[i] == '|' && text_[i + 1] != '|' && (i == 0 || text_[i - 1] != '|');
    };
    const size_t expression_end = scan_expression(text_, token.begin, token.end, is_pipe);
    size_t end = expression_end;
    while (end > token.begin && is_blank(text_[end - 1])) --end;
    bool complete = true;
    for (size_t at = expression_end; at < token.end;) {
      const size_t next = scan_expression(text_, at + 1, token.end, is_pipe);
      complete &= parse_filter(at + 1, next, filters);
      at = next;
    }
    auto program = compile_part(token, token.begin, end, std::nullopt);
    if (!program.has_value()) return;
    if (!check_shown(*program, token.begin, end - token.begin, filters) || !complete) return;
    pieces.push_back({ValuePiece{std::move(*program), std::move(filters)}});
  }

  bool parse_filter(size_t begin, size_t end, std::vector<Filter>& filters) {
    while (begin < end && is_blank(text_[begin])) ++begin;
    while (end > begin && is_blank(text_[end - 1])) --end;
    size_t name_end = begin;
    while (name_end < end && is_word(text_[name_end])) ++name_end;
    const std::string_view name = text_.substr(begin, name_end - begin);
    if (name_end == end) {
      for (const auto& [known, filter] :
           {std::pair("json", Filter::kJson), std::pair("pretty", Filter::kPretty),
            std::pair("escape", Filter::kEscape)}) {
        if (name != known) continue;
        filters.push_back(filter);
        return true;
      }
    }
    std::string mend = "filters are json, pretty and escape, without arguments";
    for (const auto& [other, hint] : kOtherFilters)
      if (name == other) mend = hint;
    error(begin, end - begin, "prompt.unknown_filter",
          "there is no filter '" + std::string(text_.substr(begin, end - begin)) + "'", std::move(mend));
    return false;
  }

  bool check_shown(const expression::Program& program, size_t at, size_t length,
                   const std::vector<Filter>& filters) {
    const Type& type = program.result_type();
    const std::string text = "'" + program.text() + "'";
    if (type.is(TypeKind::kOptional)) {
      error(
          at, length, "prompt.may_be_absent", text + " may be absent, and text needs a value here",
          "say what absence means: " + program.text() + ".orValue(...), or put {% if has(...) %} around it");
      return false;
    }
    if (!filters.empty() && filters[0] != Filter::kEscape) return true;
    if (has_text(type)) return true;
    const bool null = type.is(TypeKind::kNull) || type.is(TypeKind::kNullable);
    error(at, length, "prompt.not_text", text + " is " + type.to_string() + ", which is no text",
          null ? "say what null means: x == null ? '...' : x"
               : "show it as JSON: {{ " + program.text() + " | json }}, or write a loop");
    return false;
  }

  const std::string_view text_;
  Scope& scope_;
  Mistakes& mistakes_;
  std::vector<Token> tokens_;
  size_t next_ = 0;
  uint32_t depth_ = 0;
};

}  // namespace

Pieces compile_template(std::string_view text, Scope& scope, Mistakes& mistakes) {
  if (text.size() > kMaxTemplateBytes) {
    mistakes.push_back({0, 0, "prompt.too_long", "the template has " + std::to_string(text.size()) + " bytes",
                        "keep it under " + std::to_string(kMaxTemplateBytes)});
    return {};
  }
  return Parser(text, scope, mistakes).run();
}

std::optional<std::string> constant_text(const Pieces& pieces) {
  std::string text;
  for (const Piece& piece : pieces) {
    const auto* own = std::get_if<TextPiece>(&piece.what);
    if (own == nullptr) return std::nullopt;
    text += own->text;
  }
  return text;
}

}  // namespace switchyard::prompts
