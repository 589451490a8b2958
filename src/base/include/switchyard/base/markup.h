#pragma once

#include <string>
#include <string_view>

namespace switchyard {

/// `text` as the content of an element or attribute of HTML or XML: & < > " ' as entities.
std::string escape_markup(std::string_view text);

}  // namespace switchyard
