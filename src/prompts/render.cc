#include "render.h"

#include <algorithm>
#include <charconv>

#include "switchyard/base/markup.h"
#include "switchyard/types/json.h"

namespace switchyard::prompts {
namespace {

Error too_large() {
  return make_error(ErrorKind::kUnprocessable, "prompt.too_large",
                    "the rendered prompt is over the limit of " + std::to_string(kMaxRenderedBytes) +
                        " bytes; give it less");
}

/// The text of a scalar; false: the value has none.
bool append_text(const Value& value, std::string& out) {
  switch (value.kind()) {
    case Kind::kString: out += value.as_string(); return true;
    case Kind::kBool: out += value.as_bool() ? "true" : "false"; return true;
    case Kind::kInteger: out += std::to_string(value.as_integer()); return true;
    case Kind::kUnsigned: out += std::to_string(value.as_unsigned()); return true;
    case Kind::kDouble: {
      char digits[32];
      const auto end = std::to_chars(digits, digits + sizeof digits, value.as_double()).ptr;
      out.append(digits, end);
      return true;
    }
    case Kind::kTimestamp:
    case Kind::kDuration: {
      const std::string quoted = to_json(value);
      out.append(quoted, 1, quoted.size() - 2);
      return true;
    }
    default: return false;
  }
}

}  // namespace

Renderer::Renderer(const Value& input, const Value& output_schema) : slots_(kSlotLoops + 2 * kMaxLoopDepth) {
  slots_[kSlotInput] = input;
  slots_[kSlotSchema] = output_schema;
}

Status Renderer::spend() {
  if (++evaluations_ <= kMaxEvaluations) return {};
  return make_error(ErrorKind::kUnprocessable, "prompt.too_much_work",
                    "the prompt has more than " + std::to_string(kMaxEvaluations) +
                        " values, conditions and rounds of loops for this input; give it shorter lists");
}

Result<bool> Renderer::holds(const expression::Program& condition) {
  SY_RETURN_IF_ERROR(spend());
  scratch_.reset();
  SY_ASSIGN_OR_RETURN(const Value value, condition.evaluate(slots_, scratch_));
  if (value.is(Kind::kBool)) return value.as_bool();
  return make_error(ErrorKind::kUnprocessable, "prompt.not_a_condition",
                    "'" + condition.text() + "' gave " + std::string(kind_name(value.kind())) +
                        " where a condition must give true or false");
}

Result<Value> Renderer::list(const expression::Program& range, Arena& arena) {
  SY_RETURN_IF_ERROR(spend());
  SY_ASSIGN_OR_RETURN(const Value value, range.evaluate(slots_, arena));
  if (value.is(Kind::kList)) return value;
  return make_error(
      ErrorKind::kUnprocessable, "prompt.not_a_list",
      "'" + range.text() + "' gave " + std::string(kind_name(value.kind())) + " where a list is needed");
}

void Renderer::enter(uint32_t slot, std::span<const Value> items, size_t at, Arena& arena) {
  const auto integer = [](size_t i) { return Value::integer(static_cast<int64_t>(i)); };
  MapBuilder round(arena, 5);
  round.add("number", integer(at + 1));
  round.add("index", integer(at));
  round.add("first", Value::boolean(at == 0));
  round.add("last", Value::boolean(at + 1 == items.size()));
  round.add("count", integer(items.size()));
  slots_[slot] = items[at];
  slots_[slot + 1] = round.build();
}

Status Renderer::render_value(const ValuePiece& piece, std::string& out) {
  SY_RETURN_IF_ERROR(spend());
  scratch_.reset();
  SY_ASSIGN_OR_RETURN(const Value value, piece.program.evaluate(slots_, scratch_));
  std::string text;
  bool is_text = false;
  for (const Filter filter : piece.filters) {
    const Value now = is_text ? Value::string(text) : value;
    std::string next;
    if (filter == Filter::kEscape) {
      if (!append_text(now, next)) break;
      next = escape_markup(next);
    } else {
      next = filter == Filter::kJson ? to_json(now) : to_pretty_json(now);
    }
    text = std::move(next);
    is_text = true;
  }
  if (!is_text && !append_text(value, text)) {
    return make_error(ErrorKind::kUnprocessable, "prompt.not_text",
                      "'" + piece.program.text() + "' gave " + std::string(kind_name(value.kind())) +
                          ", which is no text; show it with | json");
  }
  if (text.size() > kMaxRenderedBytes - std::min(kMaxRenderedBytes, bytes_)) return too_large();
  bytes_ += text.size();
  out += text;
  return {};
}

Status Renderer::render_if(const IfPiece& piece, std::string& out) {
  for (const auto& branch : piece.branches) {
    if (branch.condition.has_value()) {
      SY_ASSIGN_OR_RETURN(const bool wanted, holds(*branch.condition));
      if (!wanted) continue;
    }
    return render(branch.body, out);
  }
  return {};
}

Status Renderer::render(const Pieces& pieces, std::string& out) {
  for (const Piece& piece : pieces) {
    if (const auto* text = std::get_if<TextPiece>(&piece.what)) {
      bytes_ += text->text.size();
      if (bytes_ > kMaxRenderedBytes) return too_large();
      out += text->text;
    } else if (const auto* value = std::get_if<ValuePiece>(&piece.what)) {
      SY_RETURN_IF_ERROR(render_value(*value, out));
    } else if (const auto* choice = std::get_if<IfPiece>(&piece.what)) {
      SY_RETURN_IF_ERROR(render_if(*choice, out));
    } else {
      const auto& loop = std::get<ForPiece>(piece.what);
      SY_ASSIGN_OR_RETURN(const size_t rounds,
                          each(loop.range, loop.slot, [&] { return render(loop.body, out); }));
      if (rounds == 0) SY_RETURN_IF_ERROR(render(loop.otherwise, out));
    }
  }
  return {};
}

}  // namespace switchyard::prompts
