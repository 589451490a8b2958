// sequence: [ { name: step }, ... ], output: steps one after the other.
#include "containers.h"
#include "steps.h"

namespace switchyard::workflow::compiler {

bool compile_sequence(StepInput& in) {
  in.fields.find("output");
  if (!in.place.node->is(document::Node::Kind::kSequence)) {
    in.context.error(in.place, "pipeline.bad_sequence",
                     "`sequence` must be a list of steps, and this is " + in.place.node->describe(),
                     "write sequence: [ { <name>: { ... } }, ... ]");
    return false;
  }
  BlockRequest request;
  request.default_output = true;
  const Block* block = in.blocks.compile(request);
  if (block == nullptr) return false;
  in.step.result_type = block->output_type;
  in.step.spec = SequenceSpec{};
  return true;
}

}  // namespace switchyard::workflow::compiler
