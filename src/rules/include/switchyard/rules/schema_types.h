#pragma once

#include "switchyard/expression/type.h"
#include "switchyard/schema/schema.h"

namespace switchyard::rules {

/// What the type checker of expressions knows of a value that `schema` accepts, once normalized. A schema
/// that contains itself, or names more than 5,000 parts, is dyn from there on. Thread-safe; keeps nothing of
/// `schema`.
expression::Type type_of(const schema::Schema& schema);

/// The same of a value as callers must give it: what the schema fills in may be left out.
expression::Type accepted_type(const schema::Schema& schema);

/// The same as expressions may read it: members that the schema does not name are not there, even where it
/// allows them, so that a misspelt name is a mistake.
expression::Type readable_type(const schema::Schema& schema);

}  // namespace switchyard::rules
