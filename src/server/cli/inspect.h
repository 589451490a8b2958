#pragma once

#include "switchyard/types/value.h"

namespace switchyard::server::cli {

/// Prints a decision's record (GET /api/v1/decisions/{id}/record) as a person reads it.
void print_record(const Value& record);

}  // namespace switchyard::server::cli
