#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "switchyard/expression/environment.h"
#include "switchyard/expression/program.h"

namespace switchyard::prompts {

/// A mistake in a text; the offset is that of the whole text.
struct Mistake {
  uint32_t offset = 0;
  uint32_t length = 0;
  std::string code, message, mend;
};
using Mistakes = std::vector<Mistake>;

enum class Filter : uint8_t { kJson, kPretty, kEscape };

/// A compiled piece of a template.
struct Piece;
using Pieces = std::vector<Piece>;
struct TextPiece {
  std::string text;
};
struct ValuePiece {
  expression::Program program;
  std::vector<Filter> filters;
};
struct IfPiece {
  struct Branch;
  std::vector<Branch> branches;
};
struct ForPiece {
  expression::Program range;
  uint32_t slot = 0;  ///< of the item; `round` is the next one
  Pieces body, otherwise;
};
struct Piece {
  std::variant<TextPiece, ValuePiece, IfPiece, ForPiece> what;
};
struct IfPiece::Branch {
  std::optional<expression::Program> condition;  ///< nothing: else
  Pieces body;
};

// Slots of the environment; then two for each loop that may be open at a time.
inline constexpr uint32_t kSlotInput = 0;
inline constexpr uint32_t kSlotSchema = 1;  ///< `output_schema`
inline constexpr uint32_t kSlotLoops = 2;

/// What the expressions of a prompt may read, while it is compiled.
class Scope {
 public:
  /// `output_schema` is known when there is one.
  Scope(expression::Type input, bool has_output);

  /// Compiles text[begin, end) of a longer text; mistakes are placed in that one.
  std::optional<expression::Program> compile(std::string_view text, size_t begin, size_t end,
                                             const std::optional<expression::Type>& expected,
                                             Mistakes& mistakes) const;
  /// Makes the variable of a loop known, and `round`; gives its slot. Nothing when it was reported; then
  /// nothing is to be closed.
  std::optional<uint32_t> open_loop(std::string_view name, const expression::Type& list, size_t offset,
                                    Mistakes& mistakes);
  void close_loop();
  /// What is known where a condition held. Returns what was known before.
  expression::Facts swap_given(expression::Facts given) { return std::exchange(given_, std::move(given)); }
  const expression::Facts& given() const { return given_; }

 private:
  std::string mend_for_unknown(std::string_view word) const;
  expression::Environment environment_;
  expression::Type input_;
  expression::Facts given_;
  uint32_t depth_ = 0;
};

/// `NAME in EXPRESSION`: what stands after `for`. Offsets in the whole text.
struct ForHead {
  std::string_view name;
  size_t name_at = 0, begin = 0, end = 0;
};
std::optional<ForHead> parse_for(std::string_view text, size_t begin, size_t end, Mistakes& mistakes);

/// Compiles a template. What it gives is whole only when no mistake was added.
Pieces compile_template(std::string_view text, Scope& scope, Mistakes& mistakes);

/// The text when it needs no evaluation.
std::optional<std::string> constant_text(const Pieces& pieces);

}  // namespace switchyard::prompts
