#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "switchyard/types/value.h"

namespace switchyard::privacy {

/// What the placeholders of one call stand for. It holds what must not leave: it lives as long as the call,
/// and is neither stored nor logged. Immutable once made; any thread.
class Session {
 public:
  struct Original {
    std::string text;
    bool is_json = false;  ///< the value was no text: `text` is its JSON
  };
  using Tokens = std::map<std::string, Original, std::less<>>;

  Session() = default;
  explicit Session(Tokens tokens);

  bool empty() const { return tokens_.empty(); }
  /// Whether every original was a text.
  bool texts_only() const { return texts_only_; }
  const Tokens& tokens() const { return tokens_; }

  /// `text` with the originals in the place of their tokens, once: what an original looks like is not looked
  /// at again. A token this call did not give stays as it is.
  std::string restore(std::string_view text) const;
  /// The same for JSON text, within whose strings tokens stand: originals are escaped as JSON wants it, and
  /// tokens are known with `<` and `>` written as \u003c and \u003e too.
  std::string restore_json(std::string_view json_text) const;
  /// Every text in `value`, names of fields included. A text that is one token and nothing else becomes the
  /// original value (a number, too). Texts in fields for which `holds_json` is true are JSON text themselves,
  /// whose own texts are treated so; without it those named `arguments`, as the arguments of tool calls are.
  Document restore(const Value& value,
                   const std::function<bool(std::string_view field)>& holds_json = {}) const;

 private:
  Tokens tokens_;
  bool texts_only_ = true;
};

/// Puts the originals back into a text that arrives in pieces, cut anywhere. Holds back only what may be the
/// begin of a token of the session: less than its longest one. Not thread-safe.
class Restorer {
 public:
  enum class Mode : uint8_t {
    kText,
    kJson,  ///< the pieces are JSON text: see Session::restore_json
  };
  /// Shares the session: it must last as long as the stream.
  explicit Restorer(std::shared_ptr<const Session> session, Mode mode = Mode::kText);

  /// Appends to `out` what is certain after `piece`.
  void feed(std::string_view piece, std::string& out);
  std::string feed(std::string_view piece);
  /// Appends what was held back, when nothing more comes. The restorer can be used for another text then.
  void finish(std::string& out);
  std::string finish();

  size_t held_bytes() const { return raw_.size() + unit_.size(); }

 private:
  void take(std::string_view raw, char plain, std::string& out);
  bool may_become_token() const;

  std::shared_ptr<const Session> session_;
  Mode mode_;
  std::string raw_;    ///< held back, as it came
  std::string plain_;  ///< the same without escapes
  std::string unit_;   ///< the begin of an escape
};

}  // namespace switchyard::privacy
