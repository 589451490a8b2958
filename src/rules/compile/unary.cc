#include "unary.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "../limits.h"

namespace switchyard::rules {
namespace {

using document::Node;

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

bool is_numeric(const Fact& fact) {
  return fact.kind == Fact::Kind::kNumber || fact.kind == Fact::Kind::kInteger;
}

std::string example_for(const Fact& fact) {
  switch (fact.kind) {
    case Fact::Kind::kNumber: return "write \"< 20.0\", \"0.2..0.7\", 5.5 or [1.0, 2.0]";
    case Fact::Kind::kInteger: return "write \"< 20\", \"2..7\", 5 or [1, 2]";
    case Fact::Kind::kText: return "write the text, a list of texts, or \"!= text\"";
    case Fact::Kind::kBool: return "write true or false";
  }
  return "write a literal";
}

class Reader {
 public:
  Reader(Context& context, const Place& place, const Fact& fact)
      : context_(context), place_(place), fact_(fact) {}

  std::optional<Predicate> read() {
    if (place_.node->is(Node::Kind::kMapping)) return mapping();
    if (place_.node->is(Node::Kind::kNull)) {
      fail(place_, "bad_test", "null is no test", "write { absent: true } for facts that are absent or null");
      return std::nullopt;
    }
    auto predicate = test(place_);
    if (!predicate.has_value() || predicate->kind == Predicate::Kind::kAnything) return predicate;
    if (fact_.may_be_absent || fact_.may_be_null) {
      const std::string how = fact_.may_be_absent ? "absent" : "null";
      fail(place_, "may_be_absent",
           "'" + fact_.path + "' may be " + how + ", and the test does not say what then",
           "write { is: <the test>, absent: false }, or `absent: true` where absence passes; or give the "
           "fact a "
           "default in the schema");
      return std::nullopt;
    }
    return predicate;
  }

 private:
  std::optional<Predicate> mapping() {
    Fields fields(context_, place_, "a test");
    const auto is = fields.find("is");
    const auto absent = fields.require("absent", "say whether absence passes: { is: ..., absent: false }");
    fields.finish();
    std::optional<Predicate> predicate;
    if (is.has_value()) {
      predicate = test(*is);
    } else {
      predicate.emplace();
      predicate->kind = Predicate::Kind::kNothing;
    }
    if (!absent.has_value()) return std::nullopt;
    if (!absent->node->is(Node::Kind::kBool)) {
      fail(*absent, "bad_test", "'absent' must be true or false, and this is " + absent->node->describe(),
           "write absent: true, or absent: false");
      return std::nullopt;
    }
    if (!fact_.may_be_absent && !fact_.may_be_null) {
      fail(*absent, "never_absent", "'" + fact_.path + "' is never absent or null", "write the test alone");
      return std::nullopt;
    }
    if (!predicate.has_value()) return std::nullopt;
    const bool passes = absent->node->boolean;
    if (predicate->kind == Predicate::Kind::kNothing && !passes) {
      fail(place_, "bad_test", "this test can never hold",
           "write { is: \"-\", absent: false } for any value");
      return std::nullopt;
    }
    predicate->passes_absent = passes && fact_.may_be_absent;
    predicate->passes_null = passes && fact_.may_be_null;
    return predicate;
  }

  std::optional<Predicate> test(const Place& place) {
    const Node& node = *place.node;
    Predicate predicate;
    if (node.is(Node::Kind::kSequence)) return list(place);
    if (node.is(Node::Kind::kString)) {
      if (trim(node.text) == "-") return predicate;
      const auto read = is_numeric(fact_) ? number_text(place) : text(place);
      return read;
    }
    predicate = empty(Predicate::Kind::kOneOf);
    if (!literal(place, predicate)) return std::nullopt;
    predicate.finish();
    return predicate;
  }

  static Predicate empty(Predicate::Kind kind) {
    Predicate predicate;
    predicate.kind = kind;
    predicate.passes_absent = predicate.passes_null = false;
    return predicate;
  }

  std::optional<Predicate> list(const Place& place) {
    Predicate predicate = empty(Predicate::Kind::kOneOf);
    const size_t count = place.node->items.size();
    if (count == 0 || count > kMaxListedValues) {
      fail(place, "bad_test", count == 0 ? "an empty list matches nothing" : "this list has too many values",
           "list 1 to " + std::to_string(kMaxListedValues) + " values, or write \"-\" for any");
      return std::nullopt;
    }
    bool fits = true;
    for (size_t i = 0; i < count; ++i) fits &= literal(place.item(i), predicate);
    if (!fits) return std::nullopt;
    predicate.finish();
    return predicate;
  }

  /// Adds the literal at `place`.
  bool literal(const Place& place, Predicate& predicate) {
    const Node& node = *place.node;
    switch (fact_.kind) {
      case Fact::Kind::kBool:
        if (!node.is(Node::Kind::kBool)) return wrong_literal(place);
        predicate.numbers.push_back(node.boolean ? 1 : 0);
        return true;
      case Fact::Kind::kText:
        if (!node.is(Node::Kind::kString)) return wrong_literal(place);
        return add_text(place, node.text, predicate);
      case Fact::Kind::kInteger:
        if (!node.is(Node::Kind::kInteger)) return wrong_literal(place);
        return add_number(place, static_cast<Number>(node.integer), predicate);
      case Fact::Kind::kNumber:
        if (!node.is_number() || (node.is(Node::Kind::kDouble) && !std::isfinite(node.real)))
          return wrong_literal(place);
        // What the fact is compared with is a double too.
        return add_number(
            place, node.is(Node::Kind::kInteger) ? static_cast<double>(node.integer) : node.real, predicate);
    }
    return false;
  }

  bool wrong_literal(const Place& place) {
    std::string mend = example_for(fact_);
    if (fact_.kind == Fact::Kind::kText && place.node->is_scalar())
      mend = "put it in quotes when text is meant: \"" + place.node->text + "\"";
    fail(place, "wrong_literal",
         "'" + fact_.path + "' is " + std::string(fact_.kind_name()) + ", and this is " +
             place.node->describe(),
         std::move(mend));
    return false;
  }

  bool add_text(const Place& place, std::string_view value, Predicate& predicate) {
    if (fact_.has_enum() &&
        std::find(fact_.enum_texts.begin(), fact_.enum_texts.end(), value) == fact_.enum_texts.end()) {
      fail(place, "never_equal", "'" + fact_.path + "' is never '" + std::string(value) + "'",
           did_you_mean(value, fact_.enum_texts, "the schema allows " + word_list(fact_.enum_texts)));
      return false;
    }
    predicate.texts.emplace_back(value);
    return true;
  }

  bool add_number(const Place& place, Number value, Predicate& predicate) {
    const auto& allowed = fact_.enum_numbers;
    if (fact_.has_enum() && std::find(allowed.begin(), allowed.end(), value) == allowed.end()) {
      fail(place, "never_equal", "'" + fact_.path + "' never has this value",
           "use a value of the schema's enum");
      return false;
    }
    predicate.numbers.push_back(value);
    return true;
  }

  /// Of text and boolean facts: a literal, or `!= literal`.
  std::optional<Predicate> text(const Place& place) {
    std::string_view rest = trim(place.node->text);
    Predicate predicate = empty(Predicate::Kind::kOneOf);
    if (fact_.kind == Fact::Kind::kBool) {
      wrong_literal(place);
      return std::nullopt;
    }
    if (rest.starts_with("!=") || rest.starts_with("==")) {
      if (rest.front() == '!') predicate.kind = Predicate::Kind::kNoneOf;
      rest = trim(rest.substr(2));
    } else if (rest.starts_with("<") || rest.starts_with(">")) {
      fail(place, "bad_test", "text is not compared with '" + std::string(rest.substr(0, 1)) + "' here",
           "write a condition as an expression: when: facts." + fact_.path + " < 'm'; or [\"" +
               std::string(rest) + "\"] when this text is meant");
      return std::nullopt;
    }
    if (rest.size() >= 2 && rest.front() == '\'' && rest.back() == '\'')
      rest = rest.substr(1, rest.size() - 2);
    if (!add_text(place, rest, predicate)) return std::nullopt;
    predicate.finish();
    return predicate;
  }

  /// A number as this fact has them, from the scalar's own text.
  std::optional<Number> number(const Place& place, std::string_view text) {
    text = trim(text);
    const char* end = text.data() + text.size();
    if (fact_.kind == Fact::Kind::kInteger) {
      int64_t value = 0;
      const auto [stop, error] = std::from_chars(text.data(), end, value);
      if (error == std::errc() && stop == end) return static_cast<Number>(value);
    } else {
      double value = 0;
      const auto [stop, error] = std::from_chars(text.data(), end, value);
      if (error == std::errc() && stop == end && std::isfinite(value)) return static_cast<Number>(value);
    }
    const auto offset = static_cast<size_t>(text.data() - place.node->text.data());
    context_.error_at(document::position_in(*place.node, offset), place.path, "bad_test",
                      "'" + fact_.path + "' is " + std::string(fact_.kind_name()) + ", and '" +
                          std::string(text) + "' is not one",
                      example_for(fact_));
    return std::nullopt;
  }

  std::optional<Predicate> number_text(const Place& place) {
    const std::string_view text = trim(place.node->text);
    if (const size_t dots = text.find(".."); dots != std::string_view::npos) return range(place, text, dots);
    struct Operator {
      std::string_view text;
      Predicate::Kind kind;
      bool low, inclusive;
    };
    // The longer first.
    static constexpr Operator kOperators[] = {
        {"<=", Predicate::Kind::kRange, false, true},  {">=", Predicate::Kind::kRange, true, true},
        {"==", Predicate::Kind::kOneOf, false, false}, {"!=", Predicate::Kind::kNoneOf, false, false},
        {"<", Predicate::Kind::kRange, false, false},  {">", Predicate::Kind::kRange, true, false}};
    for (const auto& op : kOperators) {
      if (!text.starts_with(op.text)) continue;
      const auto value = number(place, text.substr(op.text.size()));
      if (!value.has_value()) return std::nullopt;
      Predicate predicate = empty(op.kind);
      if (op.kind == Predicate::Kind::kRange)
        (op.low ? predicate.low : predicate.high) = {*value, true, op.inclusive};
      else if (!add_number(place, *value, predicate))
        return std::nullopt;
      return predicate;
    }
    const auto value = number(place, text);
    Predicate predicate = empty(Predicate::Kind::kOneOf);
    if (!value.has_value() || !add_number(place, *value, predicate)) return std::nullopt;
    return predicate;
  }

  std::optional<Predicate> range(const Place& place, std::string_view text, size_t dots) {
    const std::string_view left = text.substr(0, dots), right = text.substr(dots + 2);
    if (trim(left).empty() || trim(right).empty() || right.front() == '.') {
      fail(place, "bad_test", "'" + std::string(text) + "' is no range",
           "write both ends, as in \"0.2..0.7\" (the second is not included), or \">= 0.2\"");
      return std::nullopt;
    }
    const auto low = number(place, left);
    const auto high = number(place, right);
    if (!low.has_value() || !high.has_value()) return std::nullopt;
    if (!(*low < *high)) {
      fail(place, "empty_range", "the range '" + std::string(text) + "' holds nothing",
           "write the smaller end first; the second is not included");
      return std::nullopt;
    }
    Predicate predicate = empty(Predicate::Kind::kRange);
    predicate.low = {*low, true, true};
    predicate.high = {*high, true, false};
    return predicate;
  }

  void fail(const Place& place, std::string_view what, std::string message, std::string mend) {
    context_.error(place, what, std::move(message), std::move(mend));
  }

  Context& context_;
  const Place& place_;
  const Fact& fact_;
};

}  // namespace

std::optional<Predicate> read_unary_test(Context& context, const Place& place, const Fact& fact) {
  return Reader(context, place, fact).read();
}

}  // namespace switchyard::rules
