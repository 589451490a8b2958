#include "cli/folder.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "switchyard/authoring/limits.h"

namespace switchyard::server::cli {
namespace {

namespace fs = std::filesystem;

bool is_text(const fs::path& path) {
  const auto extension = path.extension();
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::error_code error;
  if (!file || fs::is_directory(path, error))
    return make_error(ErrorKind::kIo, "cli.cannot_read", "cannot read " + path);
  return content;
}

Status write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (file) return {};
  return make_error(ErrorKind::kIo, "cli.cannot_write", "cannot write " + path);
}

Status write_output(const std::string& path, const std::string& text) {
  if (!path.empty() && path != "-") return write_file(path, text);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return {};
}

Result<std::vector<governance::SourceFile>> read_folder(const std::string& folder) {
  std::error_code error;
  std::vector<fs::path> paths;
  for (auto it = fs::recursive_directory_iterator(folder, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (it->is_directory()) {
      if (name.starts_with('.') || name == "node_modules") it.disable_recursion_pending();
      continue;
    }
    const bool wanted = is_text(it->path()) || it->path().extension() == ".onnx";
    if (name.starts_with('.') || !wanted || !it->is_regular_file()) continue;
    paths.push_back(it->path());
    if (paths.size() > authoring::kMaxWorkspaceFiles) {
      return make_error(ErrorKind::kTooLarge, "cli.too_many_files",
                        "'" + folder + "' has more than " + std::to_string(authoring::kMaxWorkspaceFiles) +
                            " documents and model files; name a folder inside it");
    }
  }
  if (error)
    return make_error(ErrorKind::kIo, "cli.cannot_read", "cannot read '" + folder + "': " + error.message());
  std::sort(paths.begin(), paths.end());
  std::vector<governance::SourceFile> files;
  for (const fs::path& path : paths) {
    governance::SourceFile file;
    file.path = fs::relative(path, folder, error).generic_string();
    if (is_text(path)) {
      if (fs::file_size(path, error) > authoring::kMaxWorkspaceFileBytes)
        return make_error(ErrorKind::kTooLarge, "cli.file_too_large",
                          path.string() + " is larger than 48 MiB");
      SY_ASSIGN_OR_RETURN(file.content, read_file(path.string()));
    }
    files.push_back(std::move(file));
  }
  return files;
}

Result<Selection> select(const std::vector<std::string>& paths) {
  std::error_code error;
  Selection selection;
  if (paths.size() == 1 && fs::is_directory(paths[0], error)) {
    selection.folder = paths[0];
    SY_ASSIGN_OR_RETURN(selection.files, read_folder(paths[0]));
    return selection;
  }
  // The deepest folder that holds all of them.
  std::vector<fs::path> absolute;
  fs::path folder;
  for (const std::string& path : paths) {
    if (!fs::exists(path, error))
      return make_error(ErrorKind::kNotFound, "cli.no_such_file",
                        "there is no file or folder '" + path + "'");
    absolute.push_back(fs::weakly_canonical(path, error));
    const fs::path own =
        fs::is_directory(absolute.back(), error) ? absolute.back() : absolute.back().parent_path();
    if (absolute.size() == 1) folder = own;
    while (folder != own && !fs::relative(own, folder, error).string().empty() &&
           fs::relative(own, folder, error).string().starts_with("..") && folder.has_relative_path())
      folder = folder.parent_path();
  }
  selection.folder = folder.string();
  SY_ASSIGN_OR_RETURN(selection.files, read_folder(selection.folder));
  for (const fs::path& path : absolute) {
    const std::string relative = fs::relative(path, folder, error).generic_string();
    if (!fs::is_directory(path, error)) {
      selection.only.push_back(relative);
      continue;
    }
    for (const auto& file : selection.files)
      if (relative == "." || file.path.starts_with(relative + "/")) selection.only.push_back(file.path);
  }
  return selection;
}

}  // namespace switchyard::server::cli
