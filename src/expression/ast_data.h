#pragma once

#include <string>

#include "switchyard/base/arena.h"
#include "switchyard/expression/ast.h"

namespace switchyard::expression {

struct Ast::Data {
  std::string text;
  Arena arena;
  const Node* root = nullptr;
  uint32_t node_count = 0;
};

}  // namespace switchyard::expression
