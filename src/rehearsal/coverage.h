#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "switchyard/rehearsal/rehearsal.h"
#include "switchyard/workflow/pipeline.h"

namespace switchyard::rehearsal {

/// Which steps and branches of a pipeline the cases reached. A branch is a way a step may go: its condition
/// true or false, its fallback, another attempt, an answer in time or none, a person asked or not, a clause
/// of a catch, a failing item, a compensation.
class Coverage {
 public:
  explicit Coverage(std::shared_ptr<const workflow::Pipeline> pipeline);
  /// The log of a case.
  void add(const std::vector<Record>& history);
  CoverageReport report() const;

 private:
  struct Branch {
    uint16_t step;
    std::string what;
    friend auto operator<=>(const Branch&, const Branch&) = default;
  };
  void see(const Event& event);

  std::shared_ptr<const workflow::Pipeline> pipeline_;  // shared with the catalog
  std::vector<Branch> branches_;
  std::set<Branch> reached_;
  std::set<uint16_t> steps_reached_;
};

}  // namespace switchyard::rehearsal
