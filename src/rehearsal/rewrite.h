#pragma once

#include <string>
#include <utility>
#include <vector>

#include "play.h"

namespace switchyard::rehearsal {

/// The text of a test file with what came of these cases as their expectation; everything else, comments too,
/// stays as it is. A case that is written on one line cannot be rewritten: it is left out and named in
/// `refused`.
std::string rewrite(const std::string& text, std::vector<std::pair<const Case*, const Outcome*>> cases,
                    std::vector<const Case*>& refused);

}  // namespace switchyard::rehearsal
