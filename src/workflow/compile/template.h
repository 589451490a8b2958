#pragma once

#include <optional>
#include <string>

#include "context.h"
#include "place.h"
#include "switchyard/expression/type.h"
#include "switchyard/workflow/pipeline.h"

namespace switchyard::workflow::compiler {

/// Compiles a free map, or an expression in the place of one: a text is an expression, numbers, booleans and
/// null are themselves, mappings and lists are templates. A whole number becomes a double where `expected`
/// wants one. A field whose expression is optional becomes a field that may be absent. Nothing when it was
/// reported or while collecting.
std::optional<Template> compile_template(Context& context, const Place& place,
                                         const expression::Type* expected, const std::string& whose);

/// Reports each place at which `given` does not fit `expected`: missing and unknown fields, wrong types. True
/// when it fits. `whose` says who expects it: "the model 'fraud-light'".
bool check_fits(Context& context, const Place& place, const Template& given, const expression::Type& expected,
                const std::string& whose);

/// Reports that an expression's type does not fit.
void report_type(Context& context, const Place& place, const expression::Type& given,
                 const expression::Type& expected, const std::string& whose);

/// The value of a template that reads nothing; nothing when it reads something or cannot be known now. Lives
/// as long as the template and `arena`.
std::optional<Value> constant_value(const Template& text, Arena& arena);

/// How a value of one type becomes one of another, as an instruction to the writer.
std::string mend_for(const expression::Type& given, const expression::Type& expected);

}  // namespace switchyard::workflow::compiler
