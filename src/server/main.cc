#include "cli/cli.h"

int main(int argc, char** argv) { return switchyard::server::cli::run(argc, argv); }
