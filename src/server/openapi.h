#pragma once

#include <string>

namespace switchyard::server {

/// The API's description (OpenAPI 3.1, docs/openapi.json), built into the binary.
std::string openapi_document();

}  // namespace switchyard::server
