#pragma once

#include <string>

#include "tree.h"

namespace switchyard::authoring::format {

/// The canonical text of a document whose root is a collection.
std::string print(const Node& root);

}  // namespace switchyard::authoring::format
