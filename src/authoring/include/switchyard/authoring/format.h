#pragma once

#include <string>
#include <string_view>

#include "switchyard/base/result.h"
#include "switchyard/types/diagnostic.h"

namespace switchyard::authoring {

struct FormatOutcome {
  std::string text;         ///< empty when there are errors
  Diagnostics diagnostics;  ///< why the document cannot be formatted
  bool ok() const { return !has_errors(diagnostics); }
};

/// The canonical text of a YAML document: two blanks of indent, one blank inside and between, flow
/// collections on one line where they fit kFormatWidth and as blocks where they do not, at most one empty
/// line in a row, comments kept and those at the ends of neighbouring lines aligned. The order of entries,
/// quotes and the text of scalars stay. What the document says is the same afterwards: this is checked each
/// time. Formatting again changes nothing.
///
/// A document with mistakes of syntax is refused with them; one with constructs that are not formatted
/// (`? key`, directives) with "format.unsupported".
FormatOutcome format_document(std::string_view text, const std::string& file_name = {});

}  // namespace switchyard::authoring
