#include "cli/cli.h"

namespace switchyard::server::cli {

void add_reviews(CLI::App&, int*) {}

}  // namespace switchyard::server::cli
