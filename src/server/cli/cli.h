#pragma once

#include <string>

#include "switchyard/base/result.h"

namespace CLI {
class App;
}

namespace switchyard::server::cli {

/// Exit codes: 0 done, 1 it failed, 2 the input is wrong, 3 the answer is "no" (differences found, a check
/// failed).
inline constexpr int kDone = 0, kFailed = 1, kBadInput = 2, kNegative = 3;

/// Parses the command line and runs the command. The process's exit code.
int run(int argc, char** argv);

/// Prints the error for a person and gives its exit code.
int report(const Error& error);

// Each adds its commands to the program; the chosen one leaves its exit code in *code.
void add_serve(CLI::App& app, int* code);
void add_deploy(CLI::App& app, int* code);
void add_decisions(CLI::App& app, int* code);
void add_control(CLI::App& app, int* code);
void add_signals(CLI::App& app, int* code);
void add_migrate(CLI::App& app, int* code);
void add_replay(CLI::App& app, int* code);
void add_reviews(CLI::App& app, int* code);
void add_events(CLI::App& app, int* code);
void add_overview(CLI::App& app, int* code);
void add_routes(CLI::App& app, int* code);
void add_retention(CLI::App& app, int* code);
void add_warm_up(CLI::App& app, int* code);
void add_logs(CLI::App& app, int* code);
void add_keys(CLI::App& app, int* code);
void add_check(CLI::App& app, int* code);
void add_fmt(CLI::App& app, int* code);
void add_graph(CLI::App& app, int* code);
void add_lsp(CLI::App& app, int* code);
void add_test(CLI::App& app, int* code);

}  // namespace switchyard::server::cli
