#pragma once

#include <string>

#include "steps.h"

// What the kinds that hold blocks share.
namespace switchyard::workflow::compiler {

/// `as`: the name of a block's variable.
std::string read_variable(StepInput& in, const std::string& default_name);

/// The block under `steps`. Reports when there is none. Marks `steps` and `output` as known.
const Block* compile_only_block(StepInput& in, const BlockRequest& request);

/// `type` becomes what both fit; reports when one cannot stand for the other.
bool join_results(Context& context, const Place& place, expression::Type& type, const expression::Type& other,
                  const std::string& whose);

/// `error` of a catch clause.
expression::Type error_type();

}  // namespace switchyard::workflow::compiler
