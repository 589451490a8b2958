#pragma once

#include <cstddef>
#include <string>

namespace switchyard::bench {

/// A pipeline of `steps` steps, those within others counted, as people write them: values, conditions, calls
/// of services, loops, questions to people; each group of five reads the one before it.
std::string many_steps(size_t steps, const std::string& version);

/// `steps` steps that set, each of which reads the one before it: 50 of them give { n: input.n + 50 }.
std::string chain(size_t steps);

/// for_each over input.ns with so many at a time, each doubled; `calls`: each asks a service, too. Gives
/// { count, failures, results }.
std::string over_items(size_t concurrency, bool calls);

}  // namespace switchyard::bench
