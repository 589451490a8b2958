#pragma once

#include "context.h"
#include "place.h"
#include "switchyard/workflow/pipeline.h"

namespace switchyard::workflow::compiler {

/// `on`, `state` and `schedule`: what starts runs that nobody asks for, and what they keep. Finds the entries
/// of the pipeline's document, then compiles what does not need the input's type: the state, so that
/// expressions can read it.
class AgentCompiler {
 public:
  AgentCompiler(Context& context, Fields& fields, Pipeline& pipeline);
  /// Before the scope of the steps is made.
  void compile_state();
  /// When the input's type is known.
  void compile_starts();

 private:
  void compile_on(const Place& place);
  void read_events(const Place& place, Trigger& trigger);
  void check_data_as_input(const Place& place, const expression::Type& data);
  void compile_schedule(const Place& place);
  bool read_rhythm(Fields& fields, const Place& place, ScheduleSpec& spec);

  Context& context_;
  Pipeline& pipeline_;
  std::optional<Place> on_, state_, schedule_;
};

/// The patterns of `event: order.placed`, or of a list; reports what is none.
std::vector<std::string> read_patterns(Context& context, const Place& place);
/// What expressions may know of `event` for these patterns.
expression::Type event_type_of(Context& context, const std::vector<std::string>& patterns);

/// Compiles an expression that reads `event` and nothing else.
std::optional<expression::Program> compile_over_event(Context& context, const Place& place,
                                                      const expression::Type& event,
                                                      const expression::Type& expected,
                                                      const std::string& whose);

}  // namespace switchyard::workflow::compiler
