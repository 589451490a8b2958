#include "containers.h"

#include "../common_fields.h"
#include "../names.h"

namespace switchyard::workflow::compiler {

using expression::Type;

std::string read_variable(StepInput& in, const std::string& default_name) {
  const auto place = in.fields.find("as");
  if (!place.has_value()) return default_name;
  const auto name = read_text(in.context, *place, "`as`");
  if (!name.has_value()) return default_name;
  const std::string_view reserved = reserved_because(*name);
  if (is_step_name(*name) && reserved.empty()) return *name;
  in.context.error(*place, "pipeline.bad_name",
                   "'" + *name + "' cannot be the name of a value" +
                       (reserved.empty() ? "" : ": " + std::string(reserved)),
                   reserved.empty() ? "write small letters, digits and underscores, beginning with a letter"
                                    : "choose another name");
  return default_name;
}

const Block* compile_only_block(StepInput& in, const BlockRequest& request) {
  in.fields.find("output");
  const auto steps = in.fields.require("steps", "say what is done each time: steps: { <name>: { ... } }");
  if (!steps.has_value()) return nullptr;
  return in.blocks.compile(request);
}

bool join_results(Context& context, const Place& place, Type& type, const Type& other,
                  const std::string& whose) {
  if (!may_stand_in(type, other)) {
    context.error(place, "pipeline.fallback_type",
                  whose + " is " + other.to_string() + " and cannot stand in for " + type.to_string(),
                  "give a result of the same shape");
    return false;
  }
  if (type.is_error()) return true;
  type = other.is_error() ? other : expression::join(type, other);
  return true;
}

Type error_type() {
  return Type::object({{"kind", Type::string()},
                       {"code", Type::string()},
                       {"message", Type::string()},
                       {"field", Type::string()}});
}

}  // namespace switchyard::workflow::compiler
