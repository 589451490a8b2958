#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "model.h"

namespace switchyard::language {

/// What the outside gives to one attempt of a step.
struct Answer {
  enum class Kind : uint8_t { kValue, kBusy, kWrong, kNever } kind = Kind::kValue;
  int64_t value = 0;
  int64_t delay_ms = 0;
};

/// What must come of a program.
struct Expected {
  bool completed = false;
  std::vector<int64_t> output;  ///< v, o1, o2, ...
  std::string code;             ///< of the error
  /// How the main run's steps ended, in order; only where `ordered`.
  std::vector<std::pair<std::string, std::string>> path;
  bool ordered = true;
  /// What the outside was asked, by the path of the step: answers to attempts, and what people said.
  std::map<std::string, std::vector<Answer>> answers;
  std::map<std::string, std::vector<int64_t>> people;
  struct Heard {
    std::string type;
    int64_t value = 0;
    int64_t after_ms = 0;
  };
  std::vector<Heard> heard;      ///< the events of the outside that steps listened for
  std::vector<int64_t> emitted;  ///< what all runs published, in order
};

/// Runs the program as naively as can be: one step after the other, in one thread of thought. It knows what
/// the language's guide says and nothing of the interpreter. `seed` decides what the outside answers.
Expected run_reference(const Program& program, uint64_t seed);

}  // namespace switchyard::language
