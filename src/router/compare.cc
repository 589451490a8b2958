#include "compare.h"

#include <algorithm>
#include <cmath>

namespace switchyard::router {
namespace {

Comparison compare_values(const Value& a, const Value& b, double tolerance) {
  if (a.is_number() && b.is_number()) {
    const double difference = std::fabs(a.to_double() - b.to_double());
    return {equal(a, b) || difference <= tolerance, std::isfinite(difference) ? difference : 0};
  }
  Comparison all{true, 0};
  const auto add = [&](const Comparison& one) {
    all.agrees = all.agrees && one.agrees;
    all.difference = std::max(all.difference, one.difference);
  };
  if (a.is(Kind::kList) && b.is(Kind::kList)) {
    all.agrees = a.size() == b.size();
    for (size_t i = 0; i < std::min(a.items().size(), b.items().size()); ++i)
      add(compare_values(a.items()[i], b.items()[i], tolerance));
    return all;
  }
  if (a.is(Kind::kMap) && b.is(Kind::kMap)) {
    all.agrees = a.size() == b.size();
    for (const Member& member : a.members()) {
      const Value* other = b.find(member.key);
      if (other == nullptr)
        all.agrees = false;
      else
        add(compare_values(member.value, *other, tolerance));
    }
    return all;
  }
  return {equal(a, b), 0};
}

}  // namespace

Comparison compare_outputs(const Value& a, const Value& b, const Compare& how) {
  const Value* x = how.pointer.empty() ? &a : a.at_pointer(how.pointer);
  const Value* y = how.pointer.empty() ? &b : b.at_pointer(how.pointer);
  if (x == nullptr || y == nullptr) return {x == y, 0};
  return compare_values(*x, *y, how.tolerance);
}

}  // namespace switchyard::router
