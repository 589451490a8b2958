#pragma once

#include <atomic>
#include <bitset>
#include <span>
#include <vector>

#include "builtin.h"
#include "code.h"
#include "fault.h"
#include "switchyard/expression/limits.h"

namespace switchyard::expression {

/// One evaluation of one Code. Lives on the stack of the thread that evaluates.
class Machine {
 public:
  /// `hints` may be null. `temporaries` are code.temporaries values, not initialised.
  Machine(const Code& code, std::atomic<uint32_t>* hints, const Value* slots, Value* temporaries,
          Arena& arena, uint64_t cost_limit);

  /// True with the result; false and fault() says why.
  bool run(Value& result);
  const Fault& fault() const { return call_.fault; }

 private:
  static constexpr size_t kMaxKept = 256;
  static_assert(kMaxTreeDepth < kMaxKept, "each level of &&, || and cel.bind may keep one error");

  bool recover(uint32_t& pc);
  void raise_kept(uint16_t error);
  void forget_from(uint16_t error);
  bool build(const Instruction& in);
  bool push(const Value& value);
  bool finish_build(const Instruction& in);
  bool next(const Instruction& in, bool pair);
  bool execute(const Instruction& in);
  bool execute_rare(const Instruction& in);
  bool select_member(const Instruction& in);
  bool compare_fast(const Instruction& in);
  bool branch(const Instruction& in, bool& jump);
  bool finish(const Value& value, Value& result);

  const Value& at(Operand o) const { return bases_[place_of(o)][index_of(o)]; }

  const Code& code_;
  std::atomic<uint32_t>* hints_;
  Value* temporaries_;
  const Value* bases_[3];
  int64_t fuel_;
  uint64_t cost_limit_;
  Fault fault_;
  Call call_;
  Value operands_[2];
  bool any_kept_ = false;
  std::bitset<kMaxKept> is_kept_;
  std::vector<Fault>
      kept_;  ///< errors that wait for what && and || decide or for the use of a bound name, by number
  std::vector<Value> built_;    ///< elements of the lists and maps in the making
  std::vector<size_t> builds_;  ///< where each of them begins in built_
};

}  // namespace switchyard::expression
