#pragma once

#include <string>

#include "switchyard/base/arena.h"
#include "switchyard/document/reporter.h"
#include "switchyard/expression/type.h"
#include "switchyard/schema/schema.h"

namespace switchyard::rehearsal {

/// The node as a value of `type`: whole numbers become doubles where doubles are wanted, texts become times.
/// What does not fit is reported under `path`.
Value fit(const document::Node& node, const expression::Type& type, const std::string& path, Arena& arena,
          document::Reporter& reporter);

/// The node as a value that the schema accepts, normalized; null and a report when it does not. `what`: "the
/// input", "the answer".
Value fit(const document::Node& node, const schema::Schema& schema, const std::string& path,
          const std::string& what, Arena& arena, document::Reporter& reporter);

}  // namespace switchyard::rehearsal
