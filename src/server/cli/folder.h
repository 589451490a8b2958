#pragma once

#include <string>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/governance/governance.h"

// Documents on disk, as the commands that need no server read them.
namespace switchyard::server::cli {

/// Everything below a folder that can be deployed, paths relative to it; of weights only the path. Hidden
/// files and folders, and `node_modules`, are left out. kIo, kTooLarge.
Result<std::vector<governance::SourceFile>> read_folder(const std::string& folder);

Result<std::string> read_file(const std::string& path);
/// In place of what the file held; kIo "cli.cannot_write".
Status write_file(const std::string& path, const std::string& text);
/// What an option --output names: a file; standard output where it is empty or "-".
Status write_output(const std::string& path, const std::string& text);

/// What a command's arguments name: a folder's files, or files with the folder that holds them all.
struct Selection {
  std::string folder;
  std::vector<governance::SourceFile> files;
  std::vector<std::string> only;  ///< relative; empty: the whole folder
};
Result<Selection> select(const std::vector<std::string>& paths);

}  // namespace switchyard::server::cli
