#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "switchyard/runtime/disk.h"

namespace switchyard::log {

/// Reads a file front to back through one buffer. Not thread-safe; the file must outlive it.
class FileWindow {
 public:
  /// Fetches at least `chunk_bytes` at a time, but nothing from `end` on.
  FileWindow(const runtime::File& file, uint64_t end, size_t chunk_bytes)
      : file_(file), end_(end), chunk_bytes_(chunk_bytes) {}

  /// Up to `size` bytes at `at`; fewer only at the end. Valid until the next call.
  Result<std::string_view> at(uint64_t at, size_t size) {
    if (at >= end_) return std::string_view();
    size = static_cast<size_t>(std::min<uint64_t>(size, end_ - at));
    if (at < start_ || at + size > start_ + buffer_.size()) SY_RETURN_IF_ERROR(fetch(at, size));
    const uint64_t skip = at - start_;
    if (skip >= buffer_.size()) return std::string_view();
    return std::string_view(buffer_).substr(skip, size);
  }

  /// What the buffer holds from `at` on, without reading.
  std::string_view buffered(uint64_t at) const {
    if (at < start_ || at >= start_ + buffer_.size()) return {};
    return std::string_view(buffer_).substr(at - start_);
  }
  void set_chunk_bytes(size_t bytes) { chunk_bytes_ = bytes; }

 private:
  Status fetch(uint64_t at, size_t size) {
    const uint64_t wanted = std::min<uint64_t>(std::max(size, chunk_bytes_), end_ - at);
    buffer_.resize(static_cast<size_t>(wanted));
    start_ = at;
    auto got = file_.pread(at, buffer_);
    if (!got.ok()) {
      buffer_.clear();
      return std::move(got).error();
    }
    buffer_.resize(*got);
    return {};
  }

  const runtime::File& file_;
  const uint64_t end_;
  size_t chunk_bytes_;
  std::string buffer_;
  uint64_t start_ = 0;
};

}  // namespace switchyard::log
