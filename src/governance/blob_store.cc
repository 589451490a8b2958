#include "blob_store.h"

#include "switchyard/base/hash.h"
#include "switchyard/governance/limits.h"

namespace switchyard::governance {

Status BlobStore::open() { return disk_.create_directories(directory_); }

Result<std::string> BlobStore::put(std::string_view content) {
  std::string name = to_hex(sha256(content));
  SY_ASSIGN_OR_RETURN(const bool known, disk_.exists(path_of(name)));
  if (!known) SY_RETURN_IF_ERROR(runtime::write_file_durably(disk_, path_of(name), content));
  return name;
}

Result<std::string> BlobStore::get(const std::string& name) const {
  auto content = runtime::read_file(disk_, path_of(name), kMaxModelBytes);
  if (!content.ok()) {
    if (content.error().kind != ErrorKind::kNotFound) return content;
    return make_error(ErrorKind::kNotFound, "governance.blob_missing",
                      "the file " + path_of(name) + " is gone; deploy its model again");
  }
  if (to_hex(sha256(*content)) != name) {
    return make_error(ErrorKind::kCorruption, "governance.blob_damaged",
                      "the file " + path_of(name) + " is damaged; remove it and deploy its model again");
  }
  return content;
}

}  // namespace switchyard::governance
