// lsp: the language server on standard input and output.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <memory>

#include "cli/cli.h"
#include "cli/folder.h"
#include "switchyard/authoring/language_server.h"

#ifndef SWITCHYARD_VERSION
#define SWITCHYARD_VERSION "0.0.0"
#endif

namespace switchyard::server::cli {
namespace {

class DiskFiles final : public authoring::Files {
 public:
  Result<std::vector<governance::SourceFile>> read_folder(const std::string& folder) override {
    return cli::read_folder(folder);
  }
};

bool write_all(const std::string& text) {
  size_t at = 0;
  while (at < text.size()) {
    const ssize_t count = ::write(STDOUT_FILENO, text.data() + at, text.size() - at);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    at += static_cast<size_t>(count);
  }
  return true;
}

/// Until the editor says exit or closes the stream.
int serve_editor() {
  using Next = authoring::MessageReader::Next;
  DiskFiles files;
  authoring::LanguageServer server(files, SWITCHYARD_VERSION);
  authoring::MessageReader reader;
  std::array<char, 64 * 1024> buffer{};
  while (true) {
    const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return kFailed;
    reader.feed({buffer.data(), static_cast<size_t>(count)});
    for (Next next = reader.next(); next.kind != Next::Kind::kNone; next = reader.next()) {
      if (next.kind == Next::Kind::kMessage) {
        for (const std::string& message : server.handle(next.text))
          if (!write_all(authoring::with_header(message))) return kFailed;
        if (server.is_done()) return server.exit_code();
        continue;
      }
      if (!write_all(authoring::with_header(authoring::LanguageServer::parse_error(next.text))))
        return kFailed;
      if (next.kind == Next::Kind::kBroken) return kFailed;
    }
  }
}

}  // namespace

void add_lsp(CLI::App& app, int* code) {
  CLI::App* command =
      app.add_subcommand("lsp", "Language server for editors, on standard input and output (LSP 3.17)");
  // Editors' clients say so; there is nothing else.
  auto stdio = std::make_shared<bool>(true);
  command->add_flag("--stdio", *stdio, "Standard input and output; the only way");
  command->callback([stdio, code] { *code = serve_editor(); });
}

}  // namespace switchyard::server::cli
