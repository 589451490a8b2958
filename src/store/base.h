#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "switchyard/store/state_store.h"

namespace switchyard::store {

/// Walks the keys of a base in the direction it was made for, as of the moment it was made.
class BaseCursor {
 public:
  virtual ~BaseCursor() = default;
  virtual bool valid() const = 0;
  virtual std::string_view key() const = 0;    ///< good until advance()
  virtual std::string_view value() const = 0;  ///< good until advance()
  virtual void advance() = 0;
  virtual Status status() const = 0;  ///< why it is not valid: ok at the end of the range
};

/// The lowest layer: what the overlays lie on.
class Base {
 public:
  virtual ~Base() = default;
  virtual Result<bool> base_get(std::string_view key, std::string& value) = 0;
  /// `range` outlives the cursor.
  virtual std::unique_ptr<BaseCursor> base_scan(const Range& range, const ScanOptions& options) = 0;
};

}  // namespace switchyard::store
