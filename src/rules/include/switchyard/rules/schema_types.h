#pragma once

#include "switchyard/expression/type.h"
#include "switchyard/schema/schema.h"

namespace switchyard::rules {

/// What the type checker of expressions knows of a value that `schema` accepts, once normalized. A schema
/// that contains itself, or names more than 5,000 parts, is dyn from there on. Thread-safe; keeps nothing of
/// `schema`.
expression::Type type_of(const schema::Schema& schema);

}  // namespace switchyard::rules
