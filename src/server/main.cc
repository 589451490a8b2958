#include "cli/cli.h"
#include "switchyard/runtime/allocator.h"

int main(int argc, char** argv) {
  switchyard::runtime::limit_retained_memory();
  return switchyard::server::cli::run(argc, argv);
}
