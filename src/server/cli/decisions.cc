#include "cli/cli.h"

namespace switchyard::server::cli {

void add_decisions(CLI::App&, int*) {}

}  // namespace switchyard::server::cli
