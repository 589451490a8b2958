#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/api_client.h"

namespace switchyard::server::cli {

/// Starts an operation on many decisions with a POST to `path` and asks for it until it has ended, which is
/// what it gives; errors are those of the calls. On a terminal it shows how many matched and the member
/// `counter`.
Result<Document> run_operation(const Connection& connection, const std::string& path, const std::string& body,
                               const char* counter);

/// Adds --search's attribute=value pairs to an operation's filter, if there are any. kInvalidArgument
/// "cli.bad_search".
Status add_search(const std::vector<std::string>& pairs, MapBuilder& filter, Arena& arena);

/// One of its counts, for people.
std::string count_text(const Value& operation, std::string_view name);

}  // namespace switchyard::server::cli
