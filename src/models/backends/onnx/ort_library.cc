#include "backends/onnx/ort_library.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#ifndef SWITCHYARD_ONNXRUNTIME_FOLDER
#define SWITCHYARD_ONNXRUNTIME_FOLDER ""
#endif

namespace switchyard::models::ort {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kFileName = "libonnxruntime.so";

/// `place` itself when it is a file; else the library files in it and in its lib folder.
void add_place(const std::string& place, std::vector<std::string>& files) {
  if (place.empty()) return;
  std::error_code ignored;
  if (fs::is_regular_file(place, ignored)) {
    files.push_back(place);
    return;
  }
  for (const fs::path& folder : {fs::path(place), fs::path(place) / "lib"}) {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder, ignored))
      if (entry.path().filename().string().starts_with(kFileName)) found.push_back(entry.path().string());
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
  }
}

std::string executable_folder() {
  std::error_code ignored;
  const fs::path path = fs::read_symlink("/proc/self/exe", ignored);
  return path.empty() ? std::string() : path.parent_path().string();
}

}  // namespace

std::vector<std::string> library_candidates(const OnnxOptions& options) {
  std::vector<std::string> files;
  for (const auto& place : options.library_paths) add_place(place, files);
  if (!options.search_default_places) return files;
  if (const char* root = std::getenv("ONNXRUNTIME_ROOT")) add_place(root, files);
  if (const std::string folder = executable_folder(); !folder.empty()) {
    add_place(folder, files);
    add_place(folder + "/../lib/switchyard", files);
  }
  add_place(SWITCHYARD_ONNXRUNTIME_FOLDER, files);
  // By name: wherever the system's loader finds it.
  files.emplace_back("libonnxruntime.so.1");
  files.emplace_back(kFileName);
  return files;
}

std::string Library::take_message(Status* status) const {
  if (status == nullptr) return {};
  std::string message = api_.GetErrorMessage(status);
  api_.ReleaseStatus(status);
  return message;
}

Result<std::unique_ptr<Library>> Library::try_open(const std::string& path) {
  const auto refuse = [&](std::string why) {
    return make_error(ErrorKind::kUnavailable, "models.runtime_missing", path + ": " + std::move(why));
  };
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* why = dlerror();
    return refuse(why != nullptr ? why : "cannot be opened");
  }
  const auto get_base = reinterpret_cast<const ApiBase* (*)()>(dlsym(handle, "OrtGetApiBase"));
  if (get_base == nullptr) return refuse("is not ONNX Runtime: it has no OrtGetApiBase");
  const ApiBase* base = get_base();
  const void* const* table = base->get_api(kApiVersion);
  if (table == nullptr) {
    return refuse(std::string("is ONNX Runtime ") + base->version() + "; 1." + std::to_string(kApiVersion) +
                  " or later is needed");
  }
  std::unique_ptr<Library> library(new Library);
  library->api_ = Api::from_table(table);
  library->version_ = base->version();
  library->path_ = path;
  // Errors come back as statuses; the runtime's own log would only repeat them on stderr.
  Status* status = library->api_.CreateEnv(kLogFatal, "switchyard", &library->env_);
  if (status == nullptr)
    status = library->api_.CreateCpuMemoryInfo(kDeviceAllocator, kDefaultMemory, &library->cpu_memory_);
  if (status == nullptr) status = library->api_.GetAllocatorWithDefaultOptions(&library->allocator_);
  if (status != nullptr) return refuse("cannot be started: " + library->take_message(status));
  return library;
}

Result<const Library*> Library::open(const OnnxOptions& options) {
  static std::mutex mutex;
  static Library* opened = nullptr;  // kept until the process ends
  const std::lock_guard lock(mutex);
  std::string tried;
  for (const auto& path : library_candidates(options)) {
    if (opened != nullptr && (options.search_default_places || path == opened->path_)) return opened;
    // Two runtimes in one process would not know of each other's threads and memory.
    if (opened != nullptr) continue;
    auto library = try_open(path);
    if (library.ok()) {
      opened = std::move(library).value().release();
      return opened;
    }
    tried += (tried.empty() ? "" : "; ") + library.error().message;
  }
  return make_error(
      ErrorKind::kUnavailable, "models.runtime_missing",
      "ONNX Runtime's library was not found, so ONNX models cannot be loaded: install "
      "libonnxruntime-dev, or run tools/fetch_onnxruntime, or set ONNXRUNTIME_ROOT to the folder that "
      "holds libonnxruntime.so (tried: " +
          (tried.empty() ? "no place" : tried) + ")");
}

}  // namespace switchyard::models::ort
