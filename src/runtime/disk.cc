#include "switchyard/runtime/disk.h"

namespace switchyard::runtime {

Result<std::string> read_file(Disk& disk, const std::string& path, uint64_t max_bytes) {
  SY_ASSIGN_OR_RETURN(auto file, disk.open(path, OpenMode::kReadOnly));
  SY_ASSIGN_OR_RETURN(const uint64_t size, file->size());
  if (size > max_bytes) {
    return make_error(ErrorKind::kTooLarge, "runtime.file_too_large",
                      path + " has " + std::to_string(size) + " bytes, more than the limit of " +
                          std::to_string(max_bytes));
  }
  std::string content(size, '\0');
  SY_ASSIGN_OR_RETURN(const size_t got, file->pread(0, content));
  content.resize(got);
  return content;
}

Status write_file_durably(Disk& disk, const std::string& path, std::string_view content) {
  const std::string staged = path + ".new";
  SY_ASSIGN_OR_RETURN(const bool left_over, disk.exists(staged));
  if (left_over) SY_RETURN_IF_ERROR(disk.remove(staged));
  {
    SY_ASSIGN_OR_RETURN(auto file, disk.open(staged, OpenMode::kCreateNew));
    SY_RETURN_IF_ERROR(file->pwrite(0, content));
    SY_RETURN_IF_ERROR(file->sync_data());
  }
  SY_RETURN_IF_ERROR(disk.rename(staged, path));
  const size_t slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  return disk.sync_directory(parent);
}

}  // namespace switchyard::runtime
