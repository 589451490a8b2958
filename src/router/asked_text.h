#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "switchyard/types/value.h"

namespace switchyard::router {

/// A request taken apart: its text, and everything else.
struct AskedText {
  std::string_view text;  ///< lives in the input
  Document rest;          ///< the input without its text
};

/// Takes the text at `pointer` out of the input; without a pointer, what the last message of the user says:
/// its content, or the last text among the parts of that. Which place that is follows from the rest alone, so
/// that two inputs with the same rest differ in their texts only. Nothing where there is no text.
std::optional<AskedText> take_text(const Value& input, const std::string& pointer);

}  // namespace switchyard::router
