#include "cli/cli.h"

namespace switchyard::server::cli {

void add_logs(CLI::App&, int*) {}

}  // namespace switchyard::server::cli
