#include <map>
#include <mutex>
#include <shared_mutex>

#include "switchyard/models/remote.h"

namespace switchyard::models {

struct Models::Impl {
  struct Entry {
    std::shared_ptr<const ModelInfo> info;
    std::shared_ptr<RemoteModel> model;
  };
  ModelService& local;
  mutable std::shared_mutex mutex;
  std::map<std::pair<std::string, std::string>, Entry> remotes;  // guarded by mutex
};

Models::Models(ModelService& local) : impl_(std::make_unique<Impl>(local)) {}
Models::~Models() = default;

void Models::add(std::shared_ptr<const ModelInfo> info, std::shared_ptr<RemoteModel> model) {
  const std::pair key{info->name(), info->version()};
  const std::unique_lock lock(impl_->mutex);
  impl_->remotes[key] = {std::move(info), std::move(model)};
}

void Models::remove(const ModelName& model) {
  const std::unique_lock lock(impl_->mutex);
  impl_->remotes.erase({model.name, model.version});
}

std::shared_ptr<const ModelInfo> Models::find(const ModelName& model) const {
  const std::shared_lock lock(impl_->mutex);
  const auto found = impl_->remotes.find({model.name, model.version});
  return found == impl_->remotes.end() ? nullptr : found->second.info;
}

std::vector<Models::Remote> Models::remotes() const {
  const std::shared_lock lock(impl_->mutex);
  std::vector<Remote> all;
  for (const auto& [key, entry] : impl_->remotes)
    all.push_back({entry.info, entry.model->replicas(), entry.model->usable()});
  return all;
}

std::function<void()> Models::call(CallRequest request, Done done) {
  Impl::Entry remote;
  {
    const std::shared_lock lock(impl_->mutex);
    const auto found = impl_->remotes.find({request.model.name, request.model.version});
    if (found != impl_->remotes.end()) remote = found->second;
  }
  if (remote.model != nullptr) {
    return remote.model->call(std::move(request),
                              [info = std::move(remote.info), done = std::move(done)](CallOutcome outcome) {
                                if (outcome.answer.ok()) outcome.answer->model = info;
                                done(std::move(outcome));
                              });
  }
  ModelRequest local;
  local.name = std::move(request.model.name);
  local.version = std::move(request.model.version);
  local.input = std::move(request.input);
  local.deadline_us = request.deadline_us;
  local.priority = request.priority;
  local.done = [done = std::move(done)](Result<ModelAnswer> answer) {
    CallOutcome outcome{std::move(answer)};
    done(std::move(outcome));
  };
  impl_->local.infer(std::move(local));
  // A run in this process is over before anybody could stop it.
  return [] {};
}

}  // namespace switchyard::models
