#pragma once

#include "switchyard/router/route.h"
#include "switchyard/types/value.h"

namespace switchyard::router {

struct Comparison {
  bool agrees = false;
  double difference = 0;  ///< of two numbers; of larger values the largest within
};

/// Compares two outputs at the place and within the tolerance that `how` says. What is absent on both sides
/// agrees.
Comparison compare_outputs(const Value& a, const Value& b, const Compare& how);

}  // namespace switchyard::router
