#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "switchyard/document/document.h"
#include "switchyard/expression/environment.h"
#include "switchyard/workflow/pipeline.h"

namespace switchyard::workflow {

/// What compile() learnt of a document on its way, for editors and other tools; of one with mistakes, what it
/// could learn all the same.
struct Outline {
  struct Step {
    std::string name;
    std::string path;  ///< "steps.each.steps.call"
    StepKind kind = StepKind::kSet;
    expression::Type type;  ///< as others read it: an optional when it may be absent; error: not known
  };
  /// Names that expressions of one block can read.
  struct Scope {
    std::vector<expression::Variable> names;
  };
  struct Expression {
    std::string path;  ///< "steps.light.when"
    document::Position position;
    size_t scope = 0;
  };
  std::vector<Step> steps;  ///< by StepIndex
  std::vector<Scope> scopes;
  std::vector<Expression> expressions;  ///< in the order in which they were looked at
};

}  // namespace switchyard::workflow
