#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "switchyard/base/arena.h"
#include "switchyard/expression/program.h"
#include "switchyard/expression/time_zone.h"

namespace re2 {
class RE2;
}

namespace switchyard::expression {

struct Builtin;

/// What an instruction does. dst, a and b are operands; c is a target, a count or an index into a table.
enum class Op : uint8_t {
  // Two operands (of kNegate twice the same), one result.
  kSelect,  ///< dst = a . constant b; hint c
  kSelectOptional,
  kHas,  ///< dst = whether a has field constant b
  kIndex,
  kIndexOptional,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kAddReal,  ///< the checker knows doubles; an int that came in their place is one
  kSubtractReal,
  kMultiplyReal,
  kDivideReal,
  kNegate,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  // Others that do not jump.
  kReturn,    ///< a
  kMove,      ///< dst = a
  kNot,       ///< dst = !a
  kHasValue,  ///< dst = whether optional a holds a value
  kUnwrap,    ///< dst = the value in optional a
  kToReal,    ///< dst = a, an int or uint as double
  kForget,    ///< forget errors from b on
  kRaise,     ///< raise the error kept as b, if any; it stays kept
  kAndEnd,    ///< raise the error kept as b, else dst = true
  kOrEnd,     ///< raise the error kept as b, else dst = false
  kListOf,    ///< dst = list of c temporaries from a
  kMapOf,     ///< dst = map of c pairs of temporaries from a
  kBuildBegin,
  kBuildAdd,  ///< a
  kBuildAddOptional,
  kBuildPair,  ///< a: b
  kBuildPairOptional,
  kBuildEntries,  ///< the members of map a
  kBuildList,     ///< dst
  kBuildMap,      ///< dst
  kLoopBegin,     ///< a is the range (checked), b its counter (set to 0)
  kCountIf,       ///< ++dst when a is true; a must be bool
  kWrap,          ///< dst = optional.of(a)
  kCall,          ///< dst = builtin c of b values from a
  kMatches,       ///< dst = whether string a matches pattern c
  kFault,         ///< fails with fault c
  // Those that may jump, to c.
  kJump,
  kBranch,        ///< when a is false; a must be bool
  kAndStep,       ///< a false: dst = false, jump, forget errors from b on
  kOrStep,        ///< a true: dst = true, jump, forget errors from b on
  kLoopNext,      ///< dst = next element or key of a, counter b; jump at the end
  kLoopNextPair,  ///< dst, dst + 1 = index and element, or key and value
  kIfAbsent,      ///< optional a empty: jump; else dst = its value
  kOrValue,       ///< optional a full: dst = its value, jump
  kOrOptional,    ///< optional a full: dst = a, jump
};

/// An operand: two bits say which array, the rest which place in it.
enum class Place : uint16_t { kSlot = 0, kConstant = 1, kTemporary = 2 };
using Operand = uint16_t;
inline constexpr Operand operand(Place place, uint32_t index) {
  return static_cast<Operand>((static_cast<uint32_t>(place) << 14) | index);
}
inline constexpr uint16_t place_of(Operand o) { return o >> 14; }
inline constexpr uint16_t index_of(Operand o) { return o & 0x3FFF; }

struct Instruction {
  Op op = Op::kReturn;
  uint16_t dst = 0;  ///< a temporary's index
  Operand a = 0;
  Operand b = 0;
  uint32_t c = 0;
};
static_assert(sizeof(Instruction) == 12);

/// Instructions [begin, end) whose errors are kept as number `error` while the program goes on at `target`.
struct Handler {
  uint32_t begin = 0;
  uint32_t end = 0;
  uint32_t target = 0;
  uint16_t error = 0;
  uint16_t builds = 0;  ///< open builds there
};

/// Where an instruction came from, for messages.
struct Origin {
  Span span;
  std::string_view name;  ///< static text or in the tree
};

/// Flat code; shared by programs and by what the compiler evaluates to fold constants.
struct Code {
  Code();
  ~Code();
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;

  std::vector<Instruction> instructions;
  std::vector<Value> constants;
  std::vector<Handler> handlers;  ///< inner ones first
  std::vector<Origin> origins;    ///< by instruction
  std::vector<const Builtin*> builtins;
  std::vector<std::unique_ptr<re2::RE2>> patterns;
  std::vector<std::pair<std::string, TimeZone>> zones;
  std::vector<std::pair<uint8_t, const char*>> faults;
  uint32_t temporaries = 0;
  uint32_t slots_needed = 0;
  uint32_t hints = 0;
  bool builds = false;       ///< makes lists or maps, so that its result may be larger than its input
  bool result_real = false;  ///< the checker knows a double
};

struct Program::Data {
  Ast ast;
  Arena arena{256};  ///< folded constants
  Code code;
  /// Where a field was found last time, by hint: a guess that is checked, so that races do no harm.
  std::unique_ptr<std::atomic<uint32_t>[]> hints;
  Type result_type;
  std::vector<SlotIndex> used_slots;
  std::vector<std::string> read_paths;
  std::optional<Value> constant;
  Facts when_true;
  Facts when_false;
  uint64_t cost_limit = kDefaultCostLimit;

  explicit Data(Ast tree);
};

}  // namespace switchyard::expression
