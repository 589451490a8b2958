#pragma once

#include <cstddef>
#include <cstdint>

namespace switchyard::expression {

/// Bytes of an expression's text.
inline constexpr size_t kMaxTextBytes = 64 * 1024;
/// Depth of nested brackets, calls, unary operators and conditionals. Keeps recursion off the stack's end.
inline constexpr uint32_t kMaxNesting = 100;
/// Nodes of a parsed expression.
inline constexpr uint32_t kMaxNodes = 20'000;
/// Mistakes reported for one text; later ones are dropped.
inline constexpr size_t kMaxMistakes = 50;
/// A type nested deeper becomes dyn.
inline constexpr uint32_t kMaxTypeDepth = 16;
/// Variables an Environment can hold, and constants or temporaries of one program.
inline constexpr uint32_t kMaxOperands = 1u << 14;
/// Cost of one evaluation where nothing else is said: one per instruction, per element visited and per
/// 16 bytes of text read or written.
inline constexpr uint64_t kDefaultCostLimit = 100'000;
/// Bytes of a string or bytes value that an evaluation may build.
inline constexpr size_t kMaxBuiltBytes = 1u << 20;
/// Elements of a list or map that an evaluation may build.
inline constexpr size_t kMaxBuiltElements = 100'000;
/// Values reachable from a result that an evaluation built, shared ones counted each time.
inline constexpr size_t kMaxResultNodes = 1'000'000;
/// Bytes of a regular expression, and of the memory its automaton may take.
inline constexpr size_t kMaxPatternBytes = 4096;
inline constexpr int64_t kMaxPatternMemoryBytes = 1 << 20;
/// Depth of the tree of a parsed expression: `a + b + c` leans left without brackets. Bounds every recursion
/// over it.
inline constexpr uint32_t kMaxTreeDepth = 250;
/// Depth of a result that an evaluation built: deeper ones could not be read back by the JSON parser.
inline constexpr uint32_t kMaxResultDepth = 64;
/// Digits after the point in a clause such as %.3f.
inline constexpr int kMaxFormatPrecision = 100;

static_assert(kMaxResultNodes >= kMaxBuiltElements);
static_assert(kMaxTreeDepth >= kMaxNesting);

}  // namespace switchyard::expression
