#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "batch.h"
#include "switchyard/models/model_service.h"
#include "version.h"

namespace switchyard::models {

// The errors that several functions give.
Error unknown(std::string_view name, std::string_view version);
Error disabled_error(std::string_view model);
Error stopping_error();

class ModelService::Impl {
 public:
  explicit Impl(Options options);
  ~Impl();

  Status start();
  void stop();
  Status load(const ModelManifest& manifest, std::string_view bytes, Swap swap);
  Status unload(std::string_view name, std::string_view version);
  Status make_current(std::string_view name, std::string_view version);
  void set_disabled(std::string_view name, std::string_view version, bool disabled);
  std::vector<ModelStatus> list() const;
  std::shared_ptr<const ModelInfo> find(std::string_view name, std::string_view version) const;
  void infer(ModelRequest request);
  Result<ModelAnswer> run_at(std::string_view name, std::string_view version, const Document& input,
                             BatchPlace place);
  ServiceStats stats() const;

 private:
  using VersionPtr = std::shared_ptr<Version>;  // shared with the workers that run it
  struct Model {
    std::map<std::string, VersionPtr, std::less<>> versions;  // draining ones included
    std::string current;                                      // empty: none
  };
  enum class Stage : uint8_t { kNew, kRunning, kStopped };

  // All below are called with mutex_ held, unless they say otherwise.
  VersionPtr lookup(std::string_view name, std::string_view version) const;
  /// The version, with room in its queue; `gave_way`: who had to leave it, to be told after the mutex.
  Result<VersionPtr> admit(const ModelRequest& request, uint32_t rows, int64_t now_us,
                           std::vector<Pending>& gave_way);
  /// Puts a tensor request into the queue: in parts when it has more rows than one run takes.
  static void enqueue(Version& version, QueueOrder order, std::shared_ptr<const TensorRows> tensors,
                      ModelCallback done, int64_t now_us, int64_t deadline_us);
  bool is_disabled(const std::string& name, const std::string& version) const;
  /// Makes the version reachable; gives the one it replaced, for the caller to let go of after the mutex.
  [[nodiscard]] VersionPtr install(VersionPtr version, Swap swap);
  void begin_drain(Model& model, const VersionPtr& version);
  /// Forgets a drained version. The caller holds a pointer, so that it is freed after the mutex is released.
  void forget_if_drained(const VersionPtr& version);
  void take_batch(const VersionPtr& version, int64_t now_us, std::vector<Pending>& taken,
                  std::vector<Pending>& expired);
  size_t loaded_count() const;

  void work();  // a worker's life; without mutex_
  void run_one(const VersionPtr& version, uint32_t instance, BatchMemory& memory,
               std::vector<Pending>& expired);  // without mutex_
  /// Puts a version with waiting requests and an idle instance in line for a worker; true: one must be woken.
  bool schedule(const VersionPtr& version);
  /// As many workers as one version has instances.
  void hire(uint32_t instances);
  uint32_t instances_of(const ModelManifest& manifest) const;

  // Constant after construction.
  const Options options_;
  uint32_t shared_workers_ = 1;  // those that no model's instances asked for

  std::mutex load_mutex_;  // one load at a time; taken before mutex_
  mutable std::mutex mutex_;
  std::condition_variable work_;     // something waits, or the service stops
  std::condition_variable drained_;  // a version was forgotten
  // Guarded by mutex_.
  Stage stage_ = Stage::kNew;
  std::map<std::string, Model, std::less<>> models_;
  std::deque<VersionPtr> scheduled_;  // versions with waiting requests and an idle instance, served in turn
  std::set<std::pair<std::string, std::string>> disabled_;
  std::optional<ModelName> loading_;
  uint32_t workers_ = 1;
  uint32_t busy_workers_ = 0;
  int64_t busy_us_ = 0;
  uint64_t loads_ = 0;
  uint64_t unloads_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace switchyard::models
