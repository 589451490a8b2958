#pragma once

#include <string>
#include <string_view>

#include "cli/api_client.h"

namespace switchyard::server::cli {

/// Starts an operation on many decisions with a POST to `path` and asks for it until it has ended, which is
/// what it gives; errors are those of the calls. On a terminal it shows how many matched and the member
/// `counter`.
Result<Document> run_operation(const Connection& connection, const std::string& path, const std::string& body,
                               const char* counter);

/// One of its counts, for people.
std::string count_text(const Value& operation, std::string_view name);

}  // namespace switchyard::server::cli
