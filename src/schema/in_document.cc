#include "switchyard/schema/in_document.h"

namespace switchyard::schema {

Compiled compile_in_document(const document::Node& root, const Value& value, const std::string& file) {
  Compiled compiled = Schema::compile(value);
  for (auto& diagnostic : compiled.diagnostics) {
    const auto at = document::position_of_pointer(root, diagnostic.path);
    diagnostic.line = at.line;
    diagnostic.column = at.column;
    diagnostic.file = file;
    if (diagnostic.mend.empty())
      diagnostic.mend = "correct the schema; the schema module's README lists what is understood";
  }
  return compiled;
}

}  // namespace switchyard::schema
