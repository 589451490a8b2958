#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "switchyard/document/document.h"
#include "switchyard/document/fields.h"
#include "switchyard/document/reporter.h"
#include "switchyard/expression/environment.h"
#include "switchyard/expression/program.h"

namespace switchyard::rules {

using document::Fields;
using document::Place;

/// Reports mistakes and compiles expressions over `facts`.
class Context : public document::Reports {
 public:
  explicit Context(document::Reporter& reporter) : Reports(reporter, "rules") {
    environment_.declare("facts", expression::Type::error());
  }

  void set_facts_type(const expression::Type& type) {
    facts_type_ = type;
    environment_.set_type(expression::SlotIndex(0), type);
  }
  /// Compiles the text at `place`; the result must be assignable to `expected`. `whose` names the slot in
  /// messages.
  std::optional<expression::Program> expression(const Place& place, const expression::Type& expected,
                                                const std::string& whose);

 private:
  expression::Environment environment_;
  expression::Type facts_type_;
};

/// "did you mean 'x'?", or `otherwise` when nothing is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates,
                         std::string otherwise);
/// "a, b, c"; at most 12 of them.
std::string word_list(const std::vector<std::string>& words);

}  // namespace switchyard::rules
