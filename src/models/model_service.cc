#include "switchyard/models/model_service.h"

#include <algorithm>
#include <fstream>

#include "model_service_impl.h"
#include "switchyard/base/check.h"
#include "switchyard/base/hash.h"
#include "switchyard/runtime/thread.h"

namespace switchyard::models {

Error unknown(std::string_view name, std::string_view version) {
  const std::string what = std::string(name) + (version.empty() ? "" : "@" + std::string(version));
  return make_error(ErrorKind::kNotFound, "models.unknown",
                    "no model '" + what + "' is loaded; deploy it, or name one that is", "model");
}

Error disabled_error(std::string_view model) {
  return make_error(ErrorKind::kUnavailable, "models.disabled",
                    "model '" + std::string(model) + "' is switched off; revive it, or name another",
                    "model");
}

Error stopping_error() {
  return make_error(ErrorKind::kUnavailable, "models.stopping",
                    "the model service is stopping; ask again later");
}

std::string_view model_state_name(ModelState state) {
  switch (state) {
    case ModelState::kLoading: return "loading";
    case ModelState::kReady: return "ready";
    case ModelState::kDraining: return "draining";
  }
  check_failed("model state", __FILE__, __LINE__);
}

ModelService::Impl::Impl(Options options) : options_(std::move(options)) {
  SY_CHECK(options_.clock != nullptr);
  shared_workers_ =
      options_.workers > 0 ? options_.workers : std::max(1u, std::thread::hardware_concurrency() / 2);
  workers_ = shared_workers_;
}

ModelService::Impl::~Impl() { SY_CHECK(stage_ != Stage::kRunning); }

Status ModelService::Impl::start() {
  const std::lock_guard lock(mutex_);
  if (stage_ != Stage::kNew)
    return make_error(ErrorKind::kConflict, "models.started", "a model service is started once");
  stage_ = Stage::kRunning;
  hire(0);
  return {};
}

uint32_t ModelService::Impl::instances_of(const ModelManifest& manifest) const {
  return manifest.run.instances > 0 ? manifest.run.instances : shared_workers_;
}

void ModelService::Impl::hire(uint32_t instances) {
  workers_ = std::max(workers_, instances);
  if (stage_ != Stage::kRunning) return;
  while (threads_.size() < workers_)
    threads_.push_back(runtime::start_thread("model-" + std::to_string(threads_.size()), [this] { work(); }));
}

void ModelService::Impl::stop() {
  std::vector<Pending> refused;
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    stage_ = Stage::kStopped;
    for (auto& [name, model] : models_) {
      for (auto& [number, version] : model.versions) {
        for (auto& [order, pending] : version->queue) refused.push_back(std::move(pending));
        version->queue.clear();
      }
    }
    scheduled_.clear();
    threads.swap(threads_);
  }
  work_.notify_all();
  drained_.notify_all();
  for (auto& pending : refused) pending.done(stopping_error());
  for (auto& thread : threads) thread.join();
  // A load that is under way ends with an error once it wants to install; wait for it, so that nothing
  // outlives us.
  const std::lock_guard loading(load_mutex_);
  std::map<std::string, Model, std::less<>> models;
  {
    const std::lock_guard lock(mutex_);
    models.swap(models_);
  }
  drained_.notify_all();
}

ModelService::Impl::VersionPtr ModelService::Impl::lookup(std::string_view name,
                                                          std::string_view version) const {
  const auto model = models_.find(name);
  if (model == models_.end()) return nullptr;
  const auto wanted = version.empty() ? std::string_view(model->second.current) : version;
  const auto at = model->second.versions.find(wanted);
  return at == model->second.versions.end() || at->second->draining ? nullptr : at->second;
}

bool ModelService::Impl::is_disabled(const std::string& name, const std::string& version) const {
  return disabled_.contains({name, {}}) || disabled_.contains({name, version});
}

size_t ModelService::Impl::loaded_count() const {
  size_t count = 0;
  for (const auto& [name, model] : models_) count += model.versions.size();
  return count;
}

void ModelService::Impl::forget_if_drained(const VersionPtr& version) {
  if (!version->draining || version->running > 0 || !version->queue.empty()) return;
  const auto model = models_.find(version->info->name());
  if (model == models_.end()) return;
  const auto at = model->second.versions.find(version->info->version());
  if (at == model->second.versions.end() || at->second != version) return;
  model->second.versions.erase(at);
  if (model->second.versions.empty()) models_.erase(model);
  ++unloads_;
  drained_.notify_all();
}

void ModelService::Impl::begin_drain(Model& model, const VersionPtr& version) {
  version->draining = true;
  if (model.current == version->info->version()) model.current.clear();
  forget_if_drained(version);
}

ModelService::Impl::VersionPtr ModelService::Impl::install(VersionPtr version, Swap swap) {
  Model& model = models_[version->info->name()];
  const std::string number = version->info->version();
  version->disabled = is_disabled(version->info->name(), number);
  model.versions[number] = std::move(version);
  if (swap == Swap::kAside && !model.current.empty()) return nullptr;
  const std::string old = std::exchange(model.current, number);
  if (swap != Swap::kReplace || old.empty() || old == number) return nullptr;
  VersionPtr previous = model.versions.at(old);
  begin_drain(model, previous);
  return previous;
}

Status ModelService::Impl::load(const ModelManifest& manifest, std::string_view bytes, Swap swap) {
  std::shared_ptr<Backend> backend;
  std::string known;
  for (const auto& candidate : options_.backends) {
    known += (known.empty() ? "" : ", ") + std::string(candidate->name());
    if (candidate->name() == manifest.backend) backend = candidate;
  }
  if (backend == nullptr) {
    return make_error(
        ErrorKind::kNotFound, "models.unknown_backend",
        "there is no backend '" + manifest.backend + "'; use one of: " + (known.empty() ? "none" : known),
        "backend");
  }
  SY_CHECK(!manifest.model.name.empty() && !manifest.inputs.empty() && !manifest.buckets.empty());
  const std::lock_guard loading(load_mutex_);
  const std::string& name = manifest.model.name;
  VersionPtr replaced;  // freed after the mutex is released
  {
    std::unique_lock lock(mutex_);
    // The same version may still be draining: it can come back once it is gone.
    drained_.wait(lock, [&] {
      const auto model = models_.find(name);
      if (stage_ == Stage::kStopped || model == models_.end()) return true;
      const auto at = model->second.versions.find(manifest.model.version);
      return at == model->second.versions.end() || !at->second->draining;
    });
    if (stage_ == Stage::kStopped) return stopping_error();
    if (const auto there = lookup(name, manifest.model.version)) {
      if (there->info->sha256 != to_hex(sha256(bytes))) {
        return make_error(ErrorKind::kConflict, "models.version_exists",
                          manifest.model.to_string() +
                              " is loaded with other bytes, and a version never changes: "
                              "give the new file a new version",
                          "model");
      }
      replaced = install(there, swap);
      return {};
    }
    if (loaded_count() >= kMaxLoadedModels) {
      return make_error(ErrorKind::kResourceExhausted, "models.too_many",
                        "already " + std::to_string(kMaxLoadedModels) +
                            " model versions are loaded (kMaxLoadedModels); unload one first");
    }
    loading_ = manifest.model;
  }
  auto version = load_version(manifest, bytes, *backend, instances_of(manifest), *options_.clock);
  const std::lock_guard lock(mutex_);
  loading_.reset();
  if (!version.ok()) return std::move(version).error();
  if (stage_ == Stage::kStopped) return stopping_error();
  const VersionPtr& loaded = version.value();
  loaded->queue_limit = manifest.queue_limit > 0 ? manifest.queue_limit : options_.queue_limit;
  loaded->timeout_us = 1000 * int64_t{manifest.timeout_ms > 0 ? manifest.timeout_ms : options_.timeout_ms};
  loaded->stats.model = manifest.model;
  loaded->stats.queue_limit = loaded->queue_limit;
  loaded->stats.warm_ups = loaded->info->warm_ups;
  loaded->stats.warm_up_us = loaded->info->warm_up_us;
  loaded->stats.load_us = loaded->info->load_us;
  hire(loaded->info->manifest.run.instances);
  ++loads_;
  replaced = install(loaded, swap);
  return {};
}

Status ModelService::Impl::unload(std::string_view name, std::string_view version) {
  VersionPtr leaving;  // freed after the mutex is released
  std::unique_lock lock(mutex_);
  leaving = lookup(name, version);
  if (leaving == nullptr || version.empty()) return unknown(name, version);
  begin_drain(models_.find(name)->second, leaving);
  drained_.wait(lock, [&] {
    const auto model = models_.find(name);
    if (model == models_.end()) return true;
    const auto at = model->second.versions.find(version);
    return at == model->second.versions.end() || at->second != leaving;
  });
  return {};
}

Status ModelService::Impl::make_current(std::string_view name, std::string_view version) {
  const std::lock_guard lock(mutex_);
  if (version.empty() || lookup(name, version) == nullptr) return unknown(name, version);
  models_.find(name)->second.current = version;
  return {};
}

void ModelService::Impl::set_disabled(std::string_view name, std::string_view version, bool disabled) {
  std::vector<std::pair<std::string, Pending>> refused;
  std::map<std::string, VersionPtr, std::less<>>
      versions;  // a copy: forgetting a drained one changes the table
  {
    const std::lock_guard lock(mutex_);
    const std::pair<std::string, std::string> key{name, version};
    if (disabled)
      disabled_.insert(key);
    else
      disabled_.erase(key);
    const auto model = models_.find(name);
    if (model == models_.end()) return;
    versions = model->second.versions;
    for (const auto& [number, loaded] : versions) {
      loaded->disabled = is_disabled(key.first, number);
      if (!loaded->disabled) continue;
      for (auto& [order, pending] : loaded->queue)
        refused.emplace_back(loaded->info->manifest.model.to_string(), std::move(pending));
      loaded->queue.clear();
      forget_if_drained(loaded);
    }
  }
  for (auto& [model, pending] : refused) pending.done(disabled_error(model));
}

std::vector<ModelStatus> ModelService::Impl::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<ModelStatus> all;
  for (const auto& [name, model] : models_) {
    for (const auto& [number, version] : model.versions) {
      all.push_back({version->info, version->info->manifest.model,
                     version->draining ? ModelState::kDraining : ModelState::kReady, number == model.current,
                     version->disabled, static_cast<uint32_t>(version->queue.size()), version->running});
    }
  }
  if (loading_) all.push_back({nullptr, *loading_, ModelState::kLoading, false, false, 0, 0});
  return all;
}

std::shared_ptr<const ModelInfo> ModelService::Impl::find(std::string_view name,
                                                          std::string_view version) const {
  const std::lock_guard lock(mutex_);
  const auto found = lookup(name, version);
  return found == nullptr ? nullptr : found->info;
}

ServiceStats ModelService::Impl::stats() const {
  const std::lock_guard lock(mutex_);
  ServiceStats all;
  all.workers = workers_;
  all.busy_workers = busy_workers_;
  all.busy_us = busy_us_;
  all.loads = loads_;
  all.unloads = unloads_;
  for (const auto& [name, model] : models_) {
    for (const auto& [number, version] : model.versions) {
      all.models.push_back(version->stats);
      all.models.back().queue_depth = static_cast<uint32_t>(version->queue.size());
    }
  }
  return all;
}

ModelService::ModelService(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
ModelService::~ModelService() = default;
Status ModelService::start() { return impl_->start(); }
void ModelService::stop() { impl_->stop(); }

Status ModelService::load(const ModelManifest& manifest, const std::string& model_path, Swap swap) {
  std::ifstream file(model_path, std::ios::binary | std::ios::ate);
  const auto size = file ? static_cast<std::streamoff>(file.tellg()) : std::streamoff{-1};
  if (size < 0) {
    return make_error(ErrorKind::kNotFound, "models.file_missing",
                      "the file of " + manifest.model.to_string() + ", " + model_path +
                          ", cannot be read: put it there, or correct 'file' in the manifest",
                      "file");
  }
  if (static_cast<uint64_t>(size) > kMaxModelBytes) {
    return make_error(ErrorKind::kTooLarge, "models.too_large",
                      model_path + " has " + std::to_string(size) + " bytes; at most " +
                          std::to_string(kMaxModelBytes) + " (kMaxModelBytes) are allowed",
                      "file");
  }
  std::string bytes(static_cast<size_t>(size), '\0');
  file.seekg(0);
  file.read(bytes.data(), size);
  if (!file || file.gcount() != size) {
    return make_error(ErrorKind::kIo, "models.file_unreadable", model_path + " could not be read to its end",
                      "file");
  }
  return impl_->load(manifest, bytes, swap);
}

Status ModelService::load_bytes(const ModelManifest& manifest, std::string_view model_bytes, Swap swap) {
  return impl_->load(manifest, model_bytes, swap);
}

Status ModelService::unload(std::string_view name, std::string_view version) {
  return impl_->unload(name, version);
}
Status ModelService::make_current(std::string_view name, std::string_view version) {
  return impl_->make_current(name, version);
}
void ModelService::disable(std::string_view name, std::string_view version) {
  impl_->set_disabled(name, version, true);
}
void ModelService::enable(std::string_view name, std::string_view version) {
  impl_->set_disabled(name, version, false);
}
std::vector<ModelStatus> ModelService::list() const { return impl_->list(); }
std::shared_ptr<const ModelInfo> ModelService::find(std::string_view name, std::string_view version) const {
  return impl_->find(name, version);
}
void ModelService::infer(ModelRequest request) { impl_->infer(std::move(request)); }
Result<ModelAnswer> ModelService::run_at(std::string_view name, std::string_view version,
                                         const Document& input, BatchPlace place) {
  return impl_->run_at(name, version, input, place);
}
ServiceStats ModelService::stats() const { return impl_->stats(); }

}  // namespace switchyard::models
