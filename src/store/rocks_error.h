#pragma once

#include <rocksdb/status.h>

#include <string>
#include <string_view>

#include "switchyard/base/result.h"

namespace switchyard::store {

/// A RocksDB failure as ours; `doing` completes "the state in <path> could not be ...".
Error rocks_error(const rocksdb::Status& status, std::string_view path, std::string_view doing);

}  // namespace switchyard::store
