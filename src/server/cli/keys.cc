#include "cli/cli.h"

namespace switchyard::server::cli {

void add_keys(CLI::App&, int*) {}

}  // namespace switchyard::server::cli
