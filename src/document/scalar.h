#pragma once

#include <string_view>

#include "switchyard/document/document.h"

namespace switchyard::document {

/// Gives `node` the kind that YAML 1.2's core schema (section 10.3.2) has for the plain scalar `node.text`.
/// False when it is an integer beyond 64 bits or a real beyond binary64; the node is a string then.
bool resolve_plain(Node& node);

/// The place of the first byte that breaks UTF-8 or is a control character that YAML forbids, or npos.
size_t find_bad_byte(std::string_view text);

}  // namespace switchyard::document
