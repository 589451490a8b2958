#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "limits.h"
#include "switchyard/base/arena.h"
#include "switchyard/base/result.h"
#include "switchyard/types/value.h"
#include "template.h"

namespace switchyard::prompts {

/// Evaluates compiled pieces. What all of one rendering may take together is bounded by it.
class Renderer {
 public:
  /// Values live as long as the renderer.
  Renderer(const Value& input, const Value& output_schema);

  /// Appends the text.
  Status render(const Pieces& pieces, std::string& out);
  Result<bool> holds(const expression::Program& condition);
  /// The list, which lives as long as the arena.
  Result<Value> list(const expression::Program& range, Arena& arena);
  /// Calls `round` for each item of the list, with the item and `round` in `slot` and the next; gives how
  /// many there were.
  template <typename Round>
  Result<size_t> each(const expression::Program& range, uint32_t slot, Round round) {
    Arena arena;  // of the list: rounds clear scratch_
    SY_ASSIGN_OR_RETURN(const Value all, list(range, arena));
    const auto items = all.items();
    for (size_t i = 0; i < items.size(); ++i) {
      SY_RETURN_IF_ERROR(spend());
      enter(slot, items, i, arena);
      SY_RETURN_IF_ERROR(round());
    }
    return items.size();
  }

 private:
  Status spend();
  void enter(uint32_t slot, std::span<const Value> items, size_t at, Arena& arena);
  Status render_value(const ValuePiece& piece, std::string& out);
  Status render_if(const IfPiece& piece, std::string& out);

  std::vector<Value> slots_;
  Arena scratch_;
  uint32_t evaluations_ = 0;
  size_t bytes_ = 0;
};

}  // namespace switchyard::prompts
