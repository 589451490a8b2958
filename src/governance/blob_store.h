#pragma once

#include <string>
#include <string_view>

#include "switchyard/base/result.h"
#include "switchyard/runtime/disk.h"

namespace switchyard::governance {

/// Files named by the SHA-256 of their content. A blob is durable when put() returns, and never changes.
class BlobStore {
 public:
  BlobStore(runtime::Disk& disk, std::string directory) : disk_(disk), directory_(std::move(directory)) {}
  Status open();
  /// The name: 64 hexadecimal digits.
  Result<std::string> put(std::string_view content);
  /// kNotFound "governance.blob_missing", kCorruption "governance.blob_damaged" when the content is not what
  /// its name says.
  Result<std::string> get(const std::string& name) const;

 private:
  std::string path_of(const std::string& name) const { return directory_ + "/" + name; }
  runtime::Disk& disk_;
  std::string directory_;
};

}  // namespace switchyard::governance
