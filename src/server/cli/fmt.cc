// fmt: the canonical text of documents.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <set>

#include "cli/cli.h"
#include "cli/folder.h"
#include "switchyard/authoring/format.h"
#include "switchyard/document/document.h"
#include "switchyard/governance/bundle.h"

namespace switchyard::server::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kFound = 1;  // --check: something is written otherwise

struct FmtSettings {
  std::vector<std::string> paths{"."};
  bool check = false;
};

void print(const Diagnostics& diagnostics) {
  for (const auto& diagnostic : diagnostics) std::fprintf(stderr, "%s\n", diagnostic.to_string().c_str());
}

/// All or nothing: a crash leaves the old text or the new one.
Status replace_file(const std::string& path, const std::string& text) {
  const std::string beside = path + ".fmt-" + std::to_string(::getpid());
  std::ofstream file(beside, std::ios::binary);
  file << text;
  file.close();
  std::error_code error;
  if (file) fs::permissions(beside, fs::status(path).permissions(), error);
  if (file) fs::rename(beside, path, error);
  if (!file || error) {
    fs::remove(beside, error);
    return make_error(ErrorKind::kIo, "fmt.cannot_write", "cannot write " + path);
  }
  return {};
}

int format_standard_input() {
  const std::string text((std::istreambuf_iterator<char>(std::cin)), std::istreambuf_iterator<char>());
  const auto outcome = authoring::format_document(text, "standard input");
  print(outcome.diagnostics);
  if (!outcome.ok()) return kBadInput;
  std::fwrite(outcome.text.data(), 1, outcome.text.size(), stdout);
  return kDone;
}

/// The documents that the arguments name: files as they are, of folders those that begin as ours do.
Result<std::vector<std::string>> find_documents(const std::vector<std::string>& paths) {
  std::vector<std::string> found;
  std::error_code error;
  for (const std::string& path : paths) {
    if (!fs::is_directory(path, error)) {
      if (!fs::exists(path, error))
        return make_error(ErrorKind::kNotFound, "cli.no_such_file",
                          "there is no file or folder '" + path + "'");
      if (path.ends_with(".json"))
        return make_error(ErrorKind::kInvalidArgument, "fmt.not_yaml", path + " is JSON; fmt writes YAML");
      found.push_back(path);
      continue;
    }
    SY_ASSIGN_OR_RETURN(const auto files, read_folder(path));
    for (const auto& file : files) {
      if (!file.path.ends_with(".yaml") && !file.path.ends_with(".yml")) continue;
      const auto parsed = document::parse(file.content, file.path);
      // What cannot be read is told, for it may be one of ours.
      if (parsed.root == nullptr || governance::kind_of(*parsed.root).has_value())
        found.push_back((fs::path(path) / file.path).lexically_normal().string());
    }
  }
  return found;
}

int fmt(const FmtSettings& settings) {
  if (settings.paths == std::vector<std::string>{"-"}) return format_standard_input();
  const auto paths = find_documents(settings.paths);
  if (!paths.ok()) {
    report(paths.error());
    return kBadInput;
  }
  size_t changed = 0, refused = 0;
  for (const std::string& path : *paths) {
    const auto text = read_file(path);
    if (!text.ok()) {
      report(text.error());
      return kBadInput;
    }
    const auto outcome = authoring::format_document(*text, path);
    print(outcome.diagnostics);
    if (!outcome.ok()) {
      ++refused;
      continue;
    }
    if (outcome.text == *text) continue;
    ++changed;
    std::printf("%s\n", path.c_str());
    if (settings.check) continue;
    if (const auto written = replace_file(path, outcome.text); !written.ok()) return report(written.error());
  }
  if (refused > 0) return kBadInput;
  return settings.check && changed > 0 ? kFound : kDone;
}

}  // namespace

void add_fmt(CLI::App& app, int* code) {
  auto settings = std::make_shared<FmtSettings>();
  CLI::App* command =
      app.add_subcommand("fmt", "Write documents in their canonical form; prints what it changes");
  command->add_option("paths", settings->paths,
                      "Folders or documents; . when nothing is said, - for standard input");
  command->add_flag("--check", settings->check, "Change nothing; fail when something would change");
  command->callback([settings, code] { *code = fmt(*settings); });
}

}  // namespace switchyard::server::cli
