#pragma once

#include <vector>

#include "switchyard/base/arena.h"
#include "switchyard/http/message.h"
#include "switchyard/types/value.h"

namespace switchyard::http {

/// The fields as a map in `arena`: names in small letters, of several with one name the first.
Value header_map(const std::vector<Header>& headers, Arena& arena);

}  // namespace switchyard::http
