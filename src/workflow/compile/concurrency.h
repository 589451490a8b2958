#pragma once

#include "context.h"
#include "place.h"
#include "switchyard/workflow/pipeline.h"

namespace switchyard::workflow::compiler {

/// `concurrency` and `priority`: how many runs go at once, and whose turn it is. Finds the entries of the
/// pipeline's document; compile() wants the input's type, and `on`, `state` and `schedule` compiled.
class ConcurrencyCompiler {
 public:
  ConcurrencyCompiler(Context& context, Fields& fields, Pipeline& pipeline);
  void compile();

 private:
  void compile_concurrency(const Place& place);
  void read_on_limit(const Place& place, ConcurrencySpec& spec);
  void check_starts(const Place& place, const std::optional<Place>& key);
  void compile_priority(const Place& place);

  Context& context_;
  Pipeline& pipeline_;
  std::optional<Place> concurrency_, priority_;
};

}  // namespace switchyard::workflow::compiler
