#include "cli/cli.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#ifndef SWITCHYARD_VERSION
#define SWITCHYARD_VERSION "0.0.0"
#endif

namespace switchyard::server::cli {

int report(const Error& error) {
  std::fprintf(stderr, "switchyard: %s\n", error.to_string().c_str());
  switch (error.kind) {
    case ErrorKind::kInvalidArgument:
    case ErrorKind::kUnprocessable:
    case ErrorKind::kTooLarge:
    case ErrorKind::kNotFound: return kBadInput;
    default: return kFailed;
  }
}

int run(int argc, char** argv) {
  CLI::App app("Switchyard: durable, explained decisions by models, rules, data and people", "switchyard");
  app.set_version_flag("--version", SWITCHYARD_VERSION);
  app.require_subcommand(1);
  int code = kDone;
  add_serve(app, &code);
  add_deploy(app, &code);
  add_decisions(app, &code);
  add_control(app, &code);
  add_signals(app, &code);
  add_migrate(app, &code);
  add_replay(app, &code);
  add_reviews(app, &code);
  add_events(app, &code);
  add_overview(app, &code);
  add_routes(app, &code);
  add_retention(app, &code);
  add_warm_up(app, &code);
  add_logs(app, &code);
  add_keys(app, &code);
  add_check(app, &code);
  add_fmt(app, &code);
  add_graph(app, &code);
  add_lsp(app, &code);
  add_test(app, &code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11's own codes are many; ours says: the input is wrong.
    return app.exit(error) == 0 ? kDone : kBadInput;
  }
  return code;
}

}  // namespace switchyard::server::cli
