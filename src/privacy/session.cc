#include "switchyard/privacy/session.h"

#include "switchyard/types/json.h"

namespace switchyard::privacy {
namespace {

/// A deep copy with every text restored.
class Restoration {
 public:
  Restoration(const Session& session, const std::function<bool(std::string_view)>& holds_json, Arena& arena)
      : session_(session), holds_json_(holds_json), arena_(arena) {}

  Value copy(const Value& value, std::string_view field) {
    switch (value.kind()) {
      case Kind::kString: return text(value.as_string(), field);
      case Kind::kBytes: return Value::bytes(arena_.copy(session_.restore(value.as_bytes())));
      case Kind::kList: {
        ListBuilder list(arena_, value.size());
        for (const Value& item : value.items()) list.add(copy(item, field));
        return list.build();
      }
      case Kind::kMap: {
        MapBuilder map(arena_, value.size());
        for (const Member& member : value.members()) {
          const bool named = member.key.is(Kind::kString);
          const Value key =
              named ? Value::string(arena_.copy(session_.restore(member.key.as_string()))) : member.key;
          map.add(key, copy(member.value, named ? member.key.as_string() : std::string_view()));
        }
        // Two names can become one only where the answer made them up: the first stays.
        const Value kept = map.build(&duplicate_);
        return kept.is_null() && value.size() != 0 ? copy_value(value, arena_) : kept;
      }
      case Kind::kOptional: {
        if (value.optional_value() == nullptr) return Value::none();
        auto* inner = new (arena_.allocate<Value>(1)) Value(copy(*value.optional_value(), field));
        return Value::optional(inner);
      }
      default: return copy_value(value, arena_);
    }
  }

 private:
  Value text(std::string_view text, std::string_view field) {
    if (const auto whole = session_.tokens().find(text); whole != session_.tokens().end()) {
      if (whole->second.is_json)
        if (auto parsed = parse_json(whole->second.text, arena_); parsed.ok()) return *parsed;
    }
    const bool is_json = holds_json_ ? holds_json_(field) : field == "arguments";
    if (is_json && !session_.texts_only())
      if (const auto parsed = parse_json(text, arena_); parsed.ok())
        return Value::string(arena_.copy(to_json(copy(*parsed, {}))));
    return Value::string(arena_.copy(is_json ? session_.restore_json(text) : session_.restore(text)));
  }

  const Session& session_;
  const std::function<bool(std::string_view)>& holds_json_;
  Arena& arena_;
  Value duplicate_;
};

/// The character of a complete escape; '\0' for those that no token has.
char escaped(std::string_view unit) {
  if (unit[1] != 'u') return unit[1] == '/' ? '/' : '\0';
  uint32_t point = 0;
  for (const char c : unit.substr(2)) {
    const bool digit = c >= '0' && c <= '9';
    const char small = static_cast<char>(c | 0x20);
    if (!digit && (small < 'a' || small > 'f')) return '\0';
    point = point << 4 | static_cast<uint32_t>(digit ? c - '0' : small - 'a' + 10);
  }
  return point < 0x80 ? static_cast<char>(point) : '\0';
}

std::string restore_whole(const Session& session, std::string_view text, Restorer::Mode mode) {
  // The caller's session outlives this call: the pointer owns nothing.
  Restorer restorer(std::shared_ptr<const Session>(std::shared_ptr<const Session>(), &session), mode);
  std::string out;
  out.reserve(text.size());
  restorer.feed(text, out);
  restorer.finish(out);
  return out;
}

}  // namespace

Session::Session(Tokens tokens) : tokens_(std::move(tokens)) {
  for (const auto& [token, original] : tokens_) texts_only_ = texts_only_ && !original.is_json;
}

std::string Session::restore(std::string_view text) const {
  return restore_whole(*this, text, Restorer::Mode::kText);
}

std::string Session::restore_json(std::string_view json_text) const {
  return restore_whole(*this, json_text, Restorer::Mode::kJson);
}

Document Session::restore(const Value& value, const std::function<bool(std::string_view)>& holds_json) const {
  auto arena = std::make_shared<Arena>();
  const Value root = Restoration(*this, holds_json, *arena).copy(value, {});
  return {std::move(arena), root};
}

Restorer::Restorer(std::shared_ptr<const Session> session, Mode mode)
    : session_(std::move(session)), mode_(mode) {}

void Restorer::feed(std::string_view piece, std::string& out) {
  if (session_->empty()) {
    out += piece;
    return;
  }
  for (size_t i = 0; i < piece.size(); ++i) {
    const char c = piece[i];
    if (unit_.empty() && (mode_ == Mode::kText || c != '\\')) {
      if (raw_.empty() && c != '<')
        out += c;
      else
        take({&c, 1}, c, out);
      continue;
    }
    unit_ += c;
    if (unit_.size() < 2 || (unit_[1] == 'u' && unit_.size() < 6)) continue;
    const std::string whole = std::move(unit_);
    unit_.clear();
    take(whole, escaped(whole), out);
  }
}

void Restorer::take(std::string_view raw, char plain, std::string& out) {
  raw_ += raw;
  plain_ += plain;
  if (plain != '\0' && may_become_token()) {
    const auto token = session_->tokens().find(plain_);
    if (token == session_->tokens().end()) return;
    if (mode_ == Mode::kText) {
      out += token->second.text;
    } else {
      std::string quoted;
      append_json_string(token->second.text, quoted);
      out.append(quoted, 1, quoted.size() - 2);
    }
    raw_.clear();
    plain_.clear();
    return;
  }
  // A token has `<` only at its begin, so that nothing before this character can begin one.
  const bool begins = plain == '<' && plain_.size() > 1;
  out.append(raw_, 0, raw_.size() - (begins ? raw.size() : 0));
  raw_.clear();
  plain_.clear();
  if (begins) take(raw, plain, out);
}

bool Restorer::may_become_token() const {
  const auto next = session_->tokens().lower_bound(plain_);
  return next != session_->tokens().end() && std::string_view(next->first).starts_with(plain_);
}

std::string Restorer::feed(std::string_view piece) {
  std::string out;
  feed(piece, out);
  return out;
}

void Restorer::finish(std::string& out) {
  out += raw_;
  out += unit_;
  raw_.clear();
  plain_.clear();
  unit_.clear();
}

std::string Restorer::finish() {
  std::string out;
  finish(out);
  return out;
}

}  // namespace switchyard::privacy
