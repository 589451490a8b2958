#include "rocks_error.h"

#include <fmt/format.h>

namespace switchyard::store {

Error rocks_error(const rocksdb::Status& status, std::string_view path, std::string_view doing) {
  const std::string why = status.ToString();
  const auto say = [&](ErrorKind kind, const char* code, std::string_view mend) {
    return make_error(kind, code,
                      fmt::format("the state in {} could not be {}: {}; {}", path, doing, why, mend),
                      std::string(path));
  };
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::kNoSpace)
    return say(ErrorKind::kNoSpace, "store.no_space", "free space on its disk, it goes on by itself");
  if (status.IsCorruption())
    return say(ErrorKind::kCorruption, "store.corrupt",
               "restore the folder from a backup, or remove it to rebuild it from the whole log");
  if (status.IsIOError() && why.find("lock") != std::string::npos)
    return say(ErrorKind::kConflict, "store.locked", "stop the other process that uses it");
  if (status.IsBusy() || status.IsTryAgain() || status.IsShutdownInProgress() || status.IsTimedOut())
    return say(ErrorKind::kUnavailable, "store.busy", "try again");
  return say(ErrorKind::kIo, "store.io", "check the disk and the folder's permissions");
}

}  // namespace switchyard::store
