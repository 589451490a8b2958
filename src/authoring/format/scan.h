#pragma once

#include <string_view>

#include "switchyard/base/result.h"
#include "tree.h"

namespace switchyard::authoring::format {

/// Reads a text that document::parse() accepts. kUnprocessable "format.unsupported" for what is not
/// formatted; `field` is "line:column".
Result<Node> scan(std::string_view text);

}  // namespace switchyard::authoring::format
