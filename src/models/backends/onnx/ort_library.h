#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/onnx/ort_api.h"
#include "switchyard/base/result.h"
#include "switchyard/models/backend.h"

namespace switchyard::models::ort {

/// ONNX Runtime as this process has it: the opened library, its functions, and the one environment that all
/// sessions share. Opened once and never closed (its threads and static objects do not survive closing).
/// Thread-safe.
class Library {
 public:
  /// Opens the library on the first call that succeeds and returns that one to all later calls, unless their
  /// options exclude it. kUnavailable "models.runtime_missing" names the places looked at.
  static Result<const Library*> open(const OnnxOptions& options);

  const Api& api() const { return api_; }
  const Env* env() const { return env_; }
  const MemoryInfo* cpu_memory() const { return cpu_memory_; }
  Allocator* allocator() const { return allocator_; }
  /// "1.24.1"
  const std::string& version() const { return version_; }
  /// The file that was opened.
  const std::string& path() const { return path_; }

  /// The message of a status that is then released; empty for success.
  std::string take_message(Status* status) const;

 private:
  Library() = default;
  static Result<std::unique_ptr<Library>> try_open(const std::string& path);

  Api api_;
  Env* env_ = nullptr;
  MemoryInfo* cpu_memory_ = nullptr;
  Allocator* allocator_ = nullptr;
  std::string version_;
  std::string path_;
};

/// Files to try, in order.
std::vector<std::string> library_candidates(const OnnxOptions& options);

}  // namespace switchyard::models::ort
